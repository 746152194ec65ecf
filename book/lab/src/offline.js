/**
 * The lab without a network: a service worker keeps the files of the page, and answers with them
 * where nothing else answers. The weights are kept by the page itself, see download.js.
 */
const KEPT = "insectlib-lab-page";
const worker = /** @type {any} */ (self); // of type ServiceWorkerGlobalScope, which needs a library of its own

/** @param {string} path */
const ours = (path) => /\/_static\/|\/book\/lab\.html$/.test(path) && !path.endsWith(".bin");

worker.addEventListener("install", () => worker.skipWaiting());
worker.addEventListener("activate", (/** @type {any} */ event) => event.waitUntil(worker.clients.claim()));
worker.addEventListener("message", (/** @type {any} */ event) => event.waitUntil(keep(event.data)));
worker.addEventListener("fetch", (/** @type {any} */ event) => {
  const { origin, pathname } = new URL(event.request.url);
  if (event.request.method === "GET" && origin === location.origin && ours(pathname))
    event.respondWith(answer(event.request));
});

/** @param {Request} request */
async function answer(request) {
  const cache = await caches.open(KEPT);
  try {
    const response = await fetch(request);
    if (response.ok) await cache.put(request, response.clone());
    return response;
  } catch (error) {
    const kept = await cache.match(request, { ignoreSearch: true });
    if (kept) return kept;
    throw error;
  }
}

/** @param {string[]} addresses of what was loaded before this began to listen */
async function keep(addresses) {
  const cache = await caches.open(KEPT);
  for (const address of addresses) {
    const response = await fetch(address, { cache: "force-cache" });
    if (response.ok) await cache.put(address, response);
  }
}
