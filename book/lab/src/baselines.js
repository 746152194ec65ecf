/** What stands where a segment is hidden. */
import { smooth } from "./smooth.js";

/** @typedef {"grey" | "white" | "black" | "mean" | "blur" | "picture"} Baseline */

/**
 * @param {Baseline} kind
 * @param {Float32Array} picture size * size * 3 values from 0 to 255
 * @param {number} size
 * @param {Float32Array | null} [other] another picture of the same size, for "picture"
 * @returns {Float32Array} of the same shape
 */
export function baseline(kind, picture, size, other = null) {
  if (kind === "picture" && other) return other;
  if (kind === "blur") return smooth(picture, size, size, 3, 0.1 * size, "nearest");
  const colour = { grey: 128, white: 255, black: 0, picture: 128, mean: -1 }[kind];
  if (colour >= 0) return new Float32Array(picture.length).fill(colour);
  const sums = [0, 0, 0];
  picture.forEach((value, i) => (sums[i % 3] += value));
  return picture.map((_, i) => sums[i % 3] / (size * size));
}
