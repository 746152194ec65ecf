/** How a picture is cut: SLIC superpixels as scikit-image makes them, or a grid of squares. */
import { smooth } from "./smooth.js";

/**
 * Squares, numbered row by row from 0.
 *
 * @param {number} size side of the picture in pixels
 * @param {number} wanted about how many segments to make
 * @returns {Int32Array} size * size labels
 */
export function grid(size, wanted) {
  const cells = Math.min(size, Math.max(1, Math.round(Math.sqrt(wanted))));
  return Int32Array.from({ length: size * size }, (_, i) => {
    const row = Math.floor((Math.floor(i / size) * cells) / size);
    return row * cells + Math.floor(((i % size) * cells) / size);
  });
}

/**
 * The superpixels of chapter 5 (Achanta et al. 2012): insectlib.explain.superpixels.
 *
 * @param {Float32Array} picture size * size * 3 values from 0 to 255
 * @param {number} size
 * @param {number} wanted about how many segments to make
 * @param {number} [compactness] weight of nearness against likeness in colour
 * @param {number} [sigma] of the smoothing beforehand, in pixels
 * @returns {Int32Array} size * size labels, from 0 without gaps
 */
export function slic(picture, size, wanted, compactness = 5, sigma = 3) {
  const lab = toLab(stretched(picture));
  const image = smooth(lab, size, size, 3, sigma, "reflect").map((v) => v / compactness);
  const { start, step } = regularGrid(size, wanted);
  /** @type {number[]} */
  const at = [];
  for (let i = start; i < size; i += step) at.push(i);
  // a centre: row, column, three colours
  const n = at.length ** 2;
  const centres = new Float32Array(5 * n);
  at.forEach((y, i) => at.forEach((x, j) => centres.set([y, x], 5 * (i * at.length + j))));
  const labels = cluster(image, size, centres, step, regularGrid(size, n).step);
  const room = (size * size) / n;
  return renumbered(connected(labels, size, Math.trunc(0.5 * room), Math.trunc(3 * room)));
}

/** The first place and the distance of about `wanted` points on a square. */
function regularGrid(/** @type {number} */ size, /** @type {number} */ wanted) {
  if (size * size <= wanted) return { start: 0, step: 1 };
  const step = Math.sqrt((size * size) / wanted);
  return { start: Math.floor(step / 2), step: roundHalfEven(step) };
}

/** @param {number} value */
function roundHalfEven(value) {
  const down = Math.floor(value);
  return value - down === 0.5 ? down + (down % 2) : Math.round(value);
}

/** @param {Float32Array} picture @returns {Float32Array} from 0 to 1 */
function stretched(picture) {
  let low = Infinity;
  let high = -Infinity;
  for (const value of picture) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  const range = high > low ? high - low : 255;
  return picture.map((value) => (value - low) / range);
}

/** @param {Float32Array} rgb from 0 to 1 @returns {Float32Array} CIE Lab under D65 */
function toLab(rgb) {
  /** @param {number} v */
  const linear = (v) => (v > 0.04045 ? ((v + 0.055) / 1.055) ** 2.4 : v / 12.92);
  /** @param {number} t */
  const curve = (t) => (t > 0.008856 ? Math.cbrt(t) : 7.787 * t + 16 / 116);
  const lab = new Float32Array(rgb.length);
  for (let i = 0; i < rgb.length; i += 3) {
    const [r, g, b] = [linear(rgb[i]), linear(rgb[i + 1]), linear(rgb[i + 2])];
    const x = curve((0.412453 * r + 0.35758 * g + 0.180423 * b) / 0.95047);
    const y = curve(0.212671 * r + 0.71516 * g + 0.072169 * b);
    const z = curve((0.019334 * r + 0.119193 * g + 0.950227 * b) / 1.08883);
    lab[i] = 116 * y - 16;
    lab[i + 1] = 500 * (x - y);
    lab[i + 2] = 200 * (y - z);
  }
  return lab;
}

/** k-means on colour and place; a centre looks for pixels in a window around itself only. */
function cluster(
  /** @type {Float32Array} */ image,
  /** @type {number} */ size,
  /** @type {Float32Array} */ centres,
  /** @type {number} */ step,
  /** @type {number} */ reach,
) {
  const n = centres.length / 5;
  const labels = new Int32Array(size * size);
  const nearest = new Float32Array(size * size);
  const weight = 1 / (step * step);
  for (let round = 0; round < 10; round++) {
    let changed = false;
    nearest.fill(Infinity);
    for (let k = 0; k < n; k++) {
      const [cy, cx, c0, c1, c2] = centres.subarray(5 * k, 5 * k + 5);
      const top = Math.trunc(Math.max(cy - 2 * reach, 0));
      const bottom = Math.trunc(Math.min(cy + 2 * reach + 1, size));
      const left = Math.trunc(Math.max(cx - 2 * reach, 0));
      const right = Math.trunc(Math.min(cx + 2 * reach + 1, size));
      for (let y = top; y < bottom; y++) {
        for (let x = left; x < right; x++) {
          const i = y * size + x;
          const p = 3 * i;
          // in single precision as scikit-image computes it, so that ties are ties
          const distance = Math.fround(
            ((cy - y) ** 2 + (cx - x) ** 2) * weight +
              (image[p] - c0) ** 2 + (image[p + 1] - c1) ** 2 + (image[p + 2] - c2) ** 2,
          );
          if (nearest[i] > distance) {
            nearest[i] = distance;
            labels[i] = k;
            changed = true;
          }
        }
      }
    }
    if (!changed) break;
    const sums = new Float64Array(centres.length);
    const counts = new Int32Array(n);
    for (let i = 0; i < labels.length; i++) {
      const at = 5 * labels[i];
      counts[labels[i]]++;
      sums[at] += Math.floor(i / size);
      sums[at + 1] += i % size;
      for (let c = 0; c < 3; c++) sums[at + 2 + c] += image[3 * i + c];
    }
    // a centre without pixels becomes NaN, and stays out of the game
    for (let j = 0; j < centres.length; j++) centres[j] = sums[j] / counts[Math.floor(j / 5)];
  }
  return labels;
}

/** Cut what does not hang together, and give patches that are too small to a neighbour. */
function connected(
  /** @type {Int32Array} */ labels,
  /** @type {number} */ size,
  /** @type {number} */ smallest,
  /** @type {number} */ largest,
) {
  const found = new Int32Array(labels.length).fill(-1);
  const queue = new Int32Array(Math.max(largest, 1));
  let next = 0;
  for (let first = 0; first < labels.length; first++) {
    if (found[first] >= 0) continue;
    let neighbour = 0;
    let length = 1;
    queue[0] = first;
    found[first] = next;
    for (let visited = 0; visited < length && length < largest; visited++) {
      const y = Math.floor(queue[visited] / size);
      const x = queue[visited] % size;
      for (const [dy, dx] of [[0, 1], [0, -1], [1, 0], [-1, 0]]) {
        if (y + dy < 0 || y + dy >= size || x + dx < 0 || x + dx >= size) continue;
        const i = (y + dy) * size + x + dx;
        if (labels[i] === labels[first] && found[i] < 0) {
          found[i] = next;
          queue[length++] = i;
          if (length >= largest) break;
        } else if (found[i] >= 0 && found[i] !== next) {
          neighbour = found[i];
        }
      }
    }
    if (length < smallest) for (let k = 0; k < length; k++) found[queue[k]] = neighbour;
    else next++;
  }
  return found;
}

/** @param {Int32Array} labels @returns {Int32Array} the same, in the same order, without gaps */
export function renumbered(labels) {
  const used = [...new Set(labels)].sort((a, b) => a - b);
  const rank = new Map(used.map((label, i) => [label, i]));
  return labels.map((label) => rank.get(label) ?? 0);
}

/** @param {Int32Array} labels @returns {number} of segments */
export function count(labels) {
  let most = 0;
  for (const label of labels) most = Math.max(most, label);
  return most + 1;
}
