// Keeps every file of the page on this device, so that it works without a network. The list and its name are made by
// setgen when it exports the page: another page has another name, and takes the place of this one.

const FILES = "@FILES@";
const HERE = `setgen ${self.registration.scope} `; // several pages of one origin keep a cache each
const NAME = `${HERE}@NAME@`;

self.addEventListener("install", (event) => {
  const fresh = FILES.map((file) => new Request(file, { cache: "reload" })); // not what the browser has of an older page
  event.waitUntil(caches.open(NAME).then((cache) => cache.addAll(fresh)).then(() => self.skipWaiting()));
});

self.addEventListener("activate", (event) => {
  const old = (names) => Promise.all(names.filter((name) => name.startsWith(HERE) && name !== NAME).map((name) => caches.delete(name)));
  event.waitUntil(caches.keys().then(old).then(() => self.clients.claim()));
});

self.addEventListener("fetch", (event) => {
  const kept = caches.open(NAME).then((cache) => cache.match(event.request, { ignoreSearch: true }));
  event.respondWith(kept.then((found) => found ?? fetch(event.request)));
});
