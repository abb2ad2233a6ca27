// What differs between this page in a folder and the same page on a server (nunbit serve, which has
// a file of this name of its own). Here the browser computes everything.

export const keepsOffline = true;
export const checksBrowser = true;
export const ownWords = {};

// A function that shows what the network looked at, where that can be computed.
export const lookingAt = async () => null;

export async function pageName() {
  return (await (await fetch("manifest.webmanifest")).json()).name;
}
