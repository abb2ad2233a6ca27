// Keeps the page and the model, so that both work without a network after the first visit.
// A new version is used as soon as every window of the page has been closed: its files belong
// together, and are never mixed with those of another version.

importScripts("files.js");

const prefix = `nunbit ${self.registration.scope} `;
const cacheName = prefix + self.nunbitVersion;

async function keepFiles() {
  const cache = await caches.open(cacheName);
  await cache.addAll(self.nunbitFiles.map((file) => new Request(file, { cache: "no-cache" })));
}

async function removeOldFiles() {
  for (const name of await caches.keys())
    if (name.startsWith(prefix) && name !== cacheName) await caches.delete(name);
  await self.clients.claim();
}

async function answer(request) {
  const cache = await caches.open(cacheName);
  return (await cache.match(request, { ignoreSearch: true })) ?? fetch(request);
}

self.addEventListener("install", (event) => event.waitUntil(keepFiles()));
self.addEventListener("activate", (event) => event.waitUntil(removeOldFiles()));
self.addEventListener("fetch", (event) => {
  const own = new URL(event.request.url).origin === self.location.origin;
  if (own && event.request.method === "GET") event.respondWith(answer(event.request));
});
