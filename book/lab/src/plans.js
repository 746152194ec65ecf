/**
 * Which coalitions are asked, in which order. Row 0 shows nothing and row 1 everything.
 *
 * @typedef {"leave-one-out" | "permutation" | "kernel" | "kernel-ten"} Method
 * @typedef {{method: Method, players: number, rows: Uint8Array[], orders: number[][],
 *   weights: number[], fixed: number}} Plan
 *   `orders` of Permutation SHAP; `weights` of Kernel SHAP for the rows from 2 on, of which the
 *   first `fixed` are whole layers and the others a sample.
 */
import { generator, shuffled } from "./random.js";

/** @param {Method} method @param {number} m number of players */
export function smallestBudget(method, m) {
  return method === "leave-one-out" ? m : method === "permutation" ? 2 * m + 1 : 2 * m;
}

/**
 * @param {Method} method
 * @param {number} m number of players
 * @param {number} budget coalitions to ask at most; leave-one-out asks m
 * @param {number} seed
 * @returns {Plan}
 */
export function plan(method, m, budget, seed) {
  const rows = [new Uint8Array(m), new Uint8Array(m).fill(1)];
  /** @type {Plan} */
  const made = { method, players: m, rows, orders: [], weights: [], fixed: 0 };
  if (m < 2) return made;
  if (method === "leave-one-out") {
    for (let i = 0; i < m; i++) rows.push(rows[1].map((one, j) => (i === j ? 0 : one)));
  } else if (method === "permutation") {
    const random = generator(seed);
    for (let left = budget; left >= 2 * m + 1; left -= 2 * m + 1) joinAndLeave(made, random);
  } else kernel(made, budget, generator(seed));
  return made;
}

/** The players join in a random order, and leave in the same order. */
function joinAndLeave(/** @type {Plan} */ made, /** @type {() => number} */ random) {
  const order = shuffled(made.players, random);
  made.orders.push(order);
  for (const start of [0, 1]) {
    let row = made.rows[start];
    for (const player of order.slice(0, -1)) {
      row = row.slice();
      row[player] = 1 - start;
      made.rows.push(row);
    }
  }
}

/** shap's choice: whole layers while they are cheap, then pairs of a coalition and the others. */
function kernel(
  /** @type {Plan} */ made,
  /** @type {number} */ budget,
  /** @type {() => number} */ random,
) {
  const m = made.players;
  const sizes = Math.ceil((m - 1) / 2);
  const paired = Math.floor((m - 1) / 2);
  const raw = Array.from({ length: sizes }, (_, i) => {
    return ((m - 1) / ((i + 1) * (m - i - 1))) * (i < paired ? 2 : 1);
  });
  const total = raw.reduce((a, b) => a + b);
  const share = raw.map((w) => w / total);
  let left = m < 31 ? Math.min(budget, 2 ** m - 2) : budget;
  let full = 0;
  let rest = share.slice();
  /** @param {Uint8Array} row @param {number} weight */
  const add = (row, weight) => {
    made.rows.push(row);
    made.weights.push(weight);
  };
  for (; full < sizes; full++) {
    const both = full < paired;
    const n = binomial(m, full + 1) * (both ? 2 : 1);
    if ((left * rest[full]) / n < 1 - 1e-8) break;
    left -= n;
    if (rest[full] < 1) rest = rest.map((w) => w / (1 - rest[full]));
    for (const members of subsets(m, full + 1)) {
      const row = new Uint8Array(m);
      for (const i of members) row[i] = 1;
      add(row, share[full] / n);
      if (both) add(row.map((one) => 1 - one), share[full] / n);
    }
  }
  made.fixed = made.weights.length;
  if (full === sizes) return;
  const chances = share.map((w, i) => (i < full ? 0 : i < paired ? w / 2 : w));
  const whole = chances.reduce((a, b) => a + b);
  /** @type {Map<string, number>} */
  const seen = new Map();
  for (let tries = 4 * left; left > 0 && tries > 0; tries--) {
    let ticket = random() * whole;
    let size = full;
    while (size < sizes - 1 && ticket >= chances[size]) ticket -= chances[size++];
    const row = new Uint8Array(m);
    for (const i of shuffled(m, random).slice(0, size + 1)) row[i] = 1;
    const key = row.join("");
    const known = seen.get(key);
    const both = size < paired;
    if (known !== undefined) {
      made.weights[known]++;
      if (both && known + 1 < made.weights.length) made.weights[known + 1]++;
      continue;
    }
    seen.set(key, made.weights.length);
    add(row, 1);
    left--;
    if (both && left > 0) {
      add(row.map((one) => 1 - one), 1);
      left--;
    }
  }
  // the sample stands for all sizes that were not asked as a whole
  const weightLeft = share.slice(full).reduce((a, b) => a + b);
  const drawn = made.weights.slice(made.fixed).reduce((a, b) => a + b, 0);
  for (let i = made.fixed; i < made.weights.length; i++) made.weights[i] *= weightLeft / drawn;
}

/** @param {number} n @param {number} k */
function binomial(n, k) {
  let result = 1;
  for (let i = 0; i < k; i++) result = (result * (n - i)) / (i + 1);
  return Math.round(result);
}

/** All subsets of k of n players. @param {number} n @param {number} k @returns {Generator<number[]>} */
function* subsets(n, k, first = 0) {
  if (k === 0) yield [];
  else
    for (let i = first; i <= n - k; i++) {
      for (const others of subsets(n, k - 1, i + 1)) yield [i, ...others];
    }
}
