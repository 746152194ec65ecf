/**
 * One worker: it holds a copy of the network, and answers for coalitions. Everything heavy is here.
 *
 * @typedef {import("./baselines.js").Baseline} Baseline
 * @typedef {{wasm: string}} Start
 * @typedef {{header: import("./network.js").Header, weights: ArrayBuffer}} Load
 * @typedef {{picture: Float32Array, size: number, wanted: number, kind: "slic" | "grid"}} Cut
 * @typedef {{picture: Float32Array, size: number, kind: Baseline, other: Float32Array | null}} Fill
 * @typedef {{picture: Float32Array, hidden: Float32Array, labels: Int32Array}} Game
 * @typedef {{rows: Uint8Array, players: number}} Ask
 * @typedef {{method: import("./plans.js").Method, m: number, budget: number, seed: number}} Made
 */
import * as tf from "@tensorflow/tfjs-core";
import { setWasmPaths } from "@tensorflow/tfjs-backend-wasm";
import { baseline } from "./baselines.js";
import { estimate } from "./estimators.js";
import { Network, gunzip } from "./network.js";
import { squeezed } from "./picture.js";
import { plan } from "./plans.js";
import { grid, slic } from "./segments.js";

/** @type {Network | null} */
let network = null;
/** @type {Game | null} */
let game = null;
/** @type {{key: string, plan: import("./plans.js").Plan} | null} */
let planned = null;

/** @param {Made} made */
function planFor(made) {
  const key = JSON.stringify(made);
  if (planned?.key !== key) planned = { key, plan: plan(made.method, made.m, made.budget, made.seed) };
  return planned.plan;
}

/** @type {Record<string, (given: any) => Promise<any>>} */
const tasks = {
  async start(/** @type {Start} */ { wasm }) {
    setWasmPaths(wasm);
    await tf.setBackend("wasm");
    await tf.ready();
    return tf.env().getAsync("WASM_HAS_SIMD_SUPPORT");
  },

  async load(/** @type {Load} */ { header, weights }) {
    network?.dispose();
    network = new Network(header, await gunzip(weights));
  },

  async cut(/** @type {Cut} */ { picture, size, wanted, kind }) {
    return kind === "grid" ? grid(size, wanted) : slic(picture, size, wanted);
  },

  async fill(/** @type {Fill} */ { picture, size, kind, other }) {
    return baseline(kind, picture, size, other);
  },

  async squeeze(/** @type {{image: ImageData, size: number}} */ { image, size }) {
    return squeezed(image, size);
  },

  async plan(/** @type {Made} */ made) {
    return planFor(made).rows;
  },

  async estimate(/** @type {{made: Made, answers: Float64Array}} */ { made, answers }) {
    return estimate(planFor(made), answers);
  },

  async game(/** @type {Game} */ given) {
    game = given;
  },

  /** The logits of each coalition, row after row. */
  async ask(/** @type {Ask} */ { rows, players }) {
    if (!network || !game) throw new Error("there is no network or no picture yet");
    const { picture, hidden, labels } = game;
    const n = rows.length / players;
    const shown = new Float32Array(n * picture.length);
    for (let r = 0; r < n; r++) {
      const start = r * picture.length;
      for (let i = 0; i < labels.length; i++) {
        const from = rows[r * players + labels[i]] ? picture : hidden;
        for (let p = 3 * i; p < 3 * i + 3; p++) shown[start + p] = from[p];
      }
    }
    const pictures = tf.tensor4d(shown, [n, network.size, network.size, 3]);
    const logits = network.logits(pictures);
    const values = await logits.data();
    tf.dispose([pictures, logits]);
    return values;
  },
};

self.onmessage = async ({ data: { id, task, given } }) => {
  try {
    self.postMessage({ id, result: await tasks[task](given) });
  } catch (error) {
    self.postMessage({ id, error: error instanceof Error ? error.message : String(error) });
  }
};
