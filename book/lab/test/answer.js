/** Asked by tests/course/test_lab.py: takes {function, arguments} as JSON, prints the result. */
import { text } from "node:stream/consumers";
import { baseline } from "../src/baselines.js";
import { estimate, leastAngles } from "../src/estimators.js";
import { plan } from "../src/plans.js";
import { coverStrip, squeezed } from "../src/picture.js";
import { grid, slic } from "../src/segments.js";

/** @type {Record<string, (...given: any[]) => unknown>} */
const functions = {
  slic: (picture, ...more) => slic(Float32Array.from(picture), ...more),
  grid,
  baseline: (kind, picture, size) => baseline(kind, Float32Array.from(picture), size),
  plan,
  squeezed,
  coverStrip: (picture, size) => coverStrip(Float32Array.from(picture), size),
  estimate: ({ rows, ...plan }, answers) =>
    estimate({ ...plan, rows: rows.map((row) => Uint8Array.from(row)) }, answers),
  leastAngles: (rows, weights, earned, gain, keep) =>
    leastAngles(rows.map((row) => Uint8Array.from(row)), weights, earned, gain, keep),
};
const asked = JSON.parse(await text(process.stdin));
const plain = (_, value) => (ArrayBuffer.isView(value) ? Array.from(value) : value);
console.log(JSON.stringify(functions[asked.function](...asked.arguments), plain));
