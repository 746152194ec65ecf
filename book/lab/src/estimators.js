/**
 * From the answers to values.
 *
 * @typedef {import("./plans.js").Plan} Plan
 * @typedef {{values: Float64Array, errors: Float64Array | null}} Estimate
 *   one value for each player, and the half width of its 95 % interval where it can be told
 */
import { factor, solve } from "./linear.js";

/**
 * @param {Plan} plan
 * @param {ArrayLike<number>} answers what each row earned, as far as it was asked
 * @param {boolean} [intervals] whether to say how far off the values may be, which takes longer
 * @returns {Estimate}
 */
export function estimate(plan, answers, intervals = true) {
  const { method, players } = plan;
  if (players === 1) return { values: Float64Array.of(answers[1] - answers[0]), errors: null };
  if (method === "leave-one-out") return leaveOneOut(plan, answers);
  if (method === "permutation") return permutation(plan, answers);
  return kernel(plan, answers, method === "kernel-ten" ? 10 : players, intervals);
}

/** @param {Plan} plan @param {ArrayLike<number>} answers @returns {Estimate} */
function leaveOneOut(plan, answers) {
  const values = new Float64Array(plan.players);
  for (let i = 2; i < answers.length; i++) values[i - 2] = answers[1] - answers[i];
  return { values, errors: null };
}

/** Half widths of 95 % intervals, in standard errors, by degrees of freedom. */
const STUDENT = [Infinity, 12.71, 4.3, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26, 2.23];
const student = (/** @type {number} */ freedom) => STUDENT[freedom] ?? 1.96 + 2.6 / freedom;

/** @param {Plan} plan @param {ArrayLike<number>} answers @returns {Estimate} */
function permutation(plan, answers) {
  const m = plan.players;
  const sums = new Float64Array(m);
  const counts = new Float64Array(m);
  /** @type {Float64Array[]} what each whole order says */
  const whole = [];
  plan.orders.forEach((order, r) => {
    const start = 2 + r * 2 * (m - 1);
    const gains = new Float64Array(m);
    let complete = true;
    order.forEach((player, i) => {
      const joined = answers[i === m - 1 ? 1 : start + i];
      const before = answers[i === 0 ? 0 : start + i - 1];
      const left = answers[i === m - 1 ? 0 : start + m - 1 + i];
      const stayed = answers[i === 0 ? 1 : start + m - 2 + i];
      for (const gain of [joined - before, stayed - left]) {
        if (Number.isNaN(gain) || gain === undefined) complete = false;
        else {
          sums[player] += gain;
          counts[player]++;
          gains[player] += gain / 2;
        }
      }
    });
    if (complete) whole.push(gains);
  });
  const values = sums.map((sum, i) => (counts[i] ? sum / counts[i] : 0));
  const n = whole.length;
  if (n < 2) return { values, errors: null };
  const errors = values.map((_, i) => {
    const mean = whole.reduce((total, gains) => total + gains[i], 0) / n;
    const variance = whole.reduce((total, gains) => total + (gains[i] - mean) ** 2, 0) / (n - 1);
    return student(n - 1) * Math.sqrt(variance / n);
  });
  return { values, errors };
}

/**
 * Kernel SHAP: a weighted regression that has to meet both ends.
 *
 * @param {Plan} plan
 * @param {ArrayLike<number>} answers
 * @param {number} keep how many players shap may keep before it fits; all, or its default of ten
 * @param {boolean} intervals
 * @returns {Estimate}
 */
function kernel(plan, answers, keep, intervals) {
  const m = plan.players;
  const n = answers.length - 2;
  const rows = plan.rows.slice(2, answers.length);
  const gain = answers[1] - answers[0];
  const earned = Float64Array.from({ length: n }, (_, i) => answers[i + 2] - answers[0]);
  const weights = weightsSoFar(plan, n);
  const values = new Float64Array(m);
  if (n < 2) return { values, errors: null };
  const kept = keep < m ? leastAngles(rows, weights, earned, gain, keep) : [...values.keys()];
  if (!kept.length) return { values, errors: null };
  const last = kept[kept.length - 1];
  const p = kept.length - 1;
  const normal = new Float64Array(p * p);
  const right = new Float64Array(p);
  const x = rows.map((row) => Int8Array.from({ length: p }, (_, j) => row[kept[j]] - row[last]));
  for (let i = 0; i < n; i++) {
    const target = weights[i] * (earned[i] - rows[i][last] * gain);
    for (let a = 0; a < p; a++) {
      if (!x[i][a]) continue;
      right[a] += x[i][a] * target;
      const w = weights[i] * x[i][a];
      for (let b = 0; b <= a; b++) normal[a * p + b] += w * x[i][b];
    }
  }
  const triangle = normal.slice();
  let unique = factor(triangle, p);
  if (!unique) {
    // too few answers yet for a single solution: take a short one, to see something meanwhile
    let trace = 0;
    for (let a = 0; a < p; a++) trace += normal[a * p + a];
    triangle.set(normal);
    for (let a = 0; a < p; a++) triangle[a * p + a] += (1e-4 * trace) / p;
    if (!factor(triangle, p)) return { values, errors: null };
  }
  const fitted = solve(triangle, p, right);
  let rest = gain;
  kept.slice(0, p).forEach((player, j) => {
    values[player] = fitted[j];
    rest -= fitted[j];
  });
  values[last] = rest;
  const known = unique && intervals && keep >= m;
  return { values, errors: known ? spread(plan, x, rows, weights, earned, values, triangle) : null };
}

/** The sample's weights, so that the rows asked so far stand for all that will be. */
function weightsSoFar(/** @type {Plan} */ plan, /** @type {number} */ n) {
  const weights = plan.weights.slice(0, n);
  const all = plan.weights.slice(plan.fixed).reduce((a, b) => a + b, 0);
  const here = weights.slice(plan.fixed).reduce((a, b) => a + b, 0);
  return weights.map((w, i) => (i < plan.fixed ? w : (w * all) / here));
}

/**
 * Half widths of 95 % intervals: how far the fit would move with another sample of pairs.
 * Pairs are the unit, for a coalition and its complement make one equation.
 */
function spread(
  /** @type {Plan} */ plan,
  /** @type {Int8Array[]} */ x,
  /** @type {Uint8Array[]} */ rows,
  /** @type {number[]} */ weights,
  /** @type {Float64Array} */ earned,
  /** @type {Float64Array} */ values,
  /** @type {Float64Array} */ triangle,
) {
  const p = x[0].length;
  const residual = rows.map((row, i) => row.reduce((r, one, j) => (one ? r - values[j] : r), earned[i]));
  const pairs = [];
  for (let i = plan.fixed; i + 1 < rows.length; i += 2) {
    pairs.push({ i, push: weights[i] * residual[i] - weights[i + 1] * residual[i + 1] });
  }
  const freedom = Math.floor(rows.length / 2) - p;
  if (pairs.length < 2 || freedom < 2) return null;
  const moves = pairs.map(({ i, push }) => solve(triangle, p, Float64Array.from(x[i], (v) => v * push)));
  const factorOfFew = (pairs.length + plan.fixed / 2) / freedom;
  const errors = new Float64Array(values.length);
  const lasts = moves.map((move) => -move.reduce((a, b) => a + b, 0));
  for (let j = 0; j <= p; j++) {
    const column = j < p ? moves.map((move) => move[j]) : lasts;
    const mean = column.reduce((a, b) => a + b, 0) / column.length;
    const squares = column.reduce((a, b) => a + (b - mean) ** 2, 0);
    errors[j] = student(freedom) * Math.sqrt(squares * factorOfFew);
  }
  return errors;
}

/**
 * The players that shap's default keeps: the first ones on the path of least angle regression.
 *
 * @param {Uint8Array[]} rows
 * @param {number[]} weights
 * @param {Float64Array} earned
 * @param {number} gain of everybody together
 * @param {number} keep
 * @returns {number[]} in the order in which they came in
 */
export function leastAngles(rows, weights, earned, gain, keep) {
  const m = rows[0].length;
  const gram = new Float64Array(m * m);
  const correlation = new Float64Array(m);
  rows.forEach((row, i) => {
    const size = row.reduce((a, b) => a + b, 0);
    const [shown, hidden] = [weights[i] * (m - size), weights[i] * size];
    for (let a = 0; a < m; a++) {
      correlation[a] += row[a] ? shown * earned[i] : -hidden * (earned[i] - gain);
      for (let b = 0; b <= a; b++) {
        if (row[a] === row[b]) gram[a * m + b] += row[a] ? shown : hidden;
      }
    }
  });
  for (let a = 0; a < m; a++) for (let b = 0; b < a; b++) gram[b * m + a] = gram[a * m + b];
  /** @type {number[]} */
  const active = [];
  /** @type {number[]} */
  const signs = [];
  while (active.length < Math.min(keep, m)) {
    let next = -1;
    for (let j = 0; j < m; j++) {
      if (active.includes(j)) continue;
      if (next < 0 || Math.abs(correlation[j]) > Math.abs(correlation[next])) next = j;
    }
    const largest = Math.abs(correlation[next]);
    if (largest < 1e-12) break;
    active.push(next);
    signs.push(Math.sign(correlation[next]));
    const k = active.length;
    const among = new Float64Array(k * k);
    for (let a = 0; a < k; a++) {
      for (let b = 0; b < k; b++) {
        among[a * k + b] = signs[a] * signs[b] * gram[active[a] * m + active[b]];
      }
    }
    if (!factor(among, k)) break;
    const equal = solve(among, k, new Float64Array(k).fill(1));
    const unit = 1 / Math.sqrt(equal.reduce((a, b) => a + b, 0));
    const along = new Float64Array(m);
    for (let j = 0; j < m; j++) {
      for (let a = 0; a < k; a++) along[j] += gram[j * m + active[a]] * signs[a] * equal[a] * unit;
    }
    let step = largest / unit;
    for (let j = 0; j < m; j++) {
      if (active.includes(j)) continue;
      for (const sign of [1, -1]) {
        const until = (largest - sign * correlation[j]) / (unit - sign * along[j]);
        if (until > 1e-12 && until < step) step = until;
      }
    }
    for (let j = 0; j < m; j++) correlation[j] -= step * along[j];
  }
  return active;
}
