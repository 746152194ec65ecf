/** Files of the lab: fetched once with a progress bar, and kept by the browser. */

/**
 * @param {string} address
 * @param {number} total size in bytes
 * @param {string} digest of the file: another one is fetched anew
 * @param {(share: number) => void} progress called with a share from 0 to 1
 * @returns {Promise<ArrayBuffer>}
 */
export async function download(address, total, digest, progress) {
  const key = `${address}?sha256=${digest}`;
  const kept = await keeper();
  const found = await kept?.match(key);
  if (found) return found.arrayBuffer();
  const response = await fetch(address);
  if (!response.ok || !response.body) throw new Error(`${address} cannot be loaded (${response.status})`);
  const parts = [];
  let length = 0;
  const reader = response.body.getReader();
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    parts.push(part.value);
    length += part.value.length;
    progress(Math.min(1, length / total));
  }
  const blob = new Blob(parts);
  await kept?.put(key, new Response(blob)).catch(() => {}); // a full disk only costs the next load
  return blob.arrayBuffer();
}

async function keeper() {
  try {
    return await caches.open("insectlib-lab");
  } catch {
    return null; // private windows and pages without https keep nothing
  }
}

/**
 * Let the page open without a network the next time, with the network of the course that it has now.
 *
 * @param {string} folder address of the lab's files
 * @param {string} net
 * @param {boolean} simd
 */
export async function keepPage(folder, net, simd) {
  if (!navigator.serviceWorker) return; // pages without https
  await navigator.serviceWorker.register(new URL("../../offline.js", folder));
  const { active } = await navigator.serviceWorker.ready;
  const loaded = performance.getEntriesByType("resource").map(({ name }) => name);
  const inWorkers = [`${net}.json`, `tfjs-backend-wasm${simd ? "-simd" : ""}.wasm`, "worker.js"];
  const all = [location.href.split("#")[0], ...loaded, ...inWorkers.map((name) => folder + name)];
  const own = all.filter((address) => address.startsWith(location.origin) && !address.endsWith(".bin"));
  active?.postMessage([...new Set(own)]);
}
