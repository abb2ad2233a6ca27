// What differs between this page in a folder and the same page on a server (nunbit serve, which has
// a file of this name of its own). Here the browser computes everything.

export const keepsOffline = true;
export const checksBrowser = true;
export const ownWords = {};

export async function pageName() {
  return (await (await fetch("manifest.webmanifest")).json()).name;
}
