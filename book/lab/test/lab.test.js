import assert from "node:assert/strict";
import { test } from "node:test";
import { DEFAULTS, PARTS, read, write } from "../src/address.js";
import { outline } from "../src/canvas.js";
import { GRADIENT, signedColour } from "../src/colours.js";
import { pythonCell } from "../src/exports.js";
import { LESSONS, correlation, number, second } from "../src/lessons.js";
import { unpack } from "../src/network.js";
import { earned } from "../src/outputs.js";
import { inStrip } from "../src/picture.js";
import { plan, smallestBudget } from "../src/plans.js";
import { generator, shuffled } from "../src/random.js";
import { count, grid, renumbered } from "../src/segments.js";

test("the address gives the settings back", () => {
  const settings = { ...DEFAULTS, n: 80, base: "blur", seed: 7, vs: "seed" };
  assert.deepEqual({ ...DEFAULTS, ...read(`#${write(settings)}`) }, settings);
  assert.equal(write(DEFAULTS), "");
});

test("a drawn specimen can be without all its parts", () => {
  const settings = { ...DEFAULTS, pic: "drawn", kind: "dragonfly", turn: 359, without: PARTS.join(" ") };
  assert.deepEqual({ ...DEFAULTS, ...read(`#${write(settings)}`) }, settings);
});

test("what makes no sense in an address is left out or brought into range", () => {
  assert.deepEqual(read("#base=lilac&n=-5&budget=x&seed=3&unknown=1&pic=<b>&cut="), { n: 4, seed: 3 });
});

test("every lesson's settings are ones that the address takes", () => {
  for (const [name, { settings }] of Object.entries(LESSONS)) {
    const full = { ...DEFAULTS, ...settings, lesson: name };
    assert.deepEqual({ ...DEFAULTS, ...read(write(full)) }, full);
  }
  assert.deepEqual(second({ ...DEFAULTS, vs: "ten" }), { est: "kernel-ten" });
  assert.equal(second(DEFAULTS), null);
});

test("random orders are orders, and the same for the same seed", () => {
  const order = shuffled(50, generator(3));
  assert.deepEqual([...order].sort((a, b) => a - b), [...Array(50).keys()]);
  assert.deepEqual(order, shuffled(50, generator(3)));
  assert.notDeepEqual(order, shuffled(50, generator(4)));
});

for (const method of ["leave-one-out", "permutation", "kernel"]) {
  for (const m of [1, 2, 3, 9, 40]) {
    test(`${method} with ${m} players keeps to its budget and asks of everybody`, () => {
      const budget = Math.max(smallestBudget(method, m), 200);
      const made = plan(method, m, budget, 0);
      assert.ok(made.rows.length - 2 <= budget);
      assert.ok(made.rows.every((row) => row.length === m && row.every((one) => one <= 1)));
      if (m > 1) for (let i = 0; i < m; i++) assert.ok(made.rows.slice(2).some((row) => !row[i]));
      assert.deepEqual(made, plan(method, m, budget, 0));
    });
  }
}

test("a grid has no gaps, and renumbering takes them out", () => {
  const labels = grid(64, 50);
  assert.equal(count(labels), new Set(labels).size);
  assert.deepEqual([...renumbered(Int32Array.of(5, 9, 5, 2))], [1, 2, 1, 0]);
});

test("outlines lie between segments", () => {
  assert.equal(outline(Int32Array.of(0, 1, 0, 1), 2), "M1 0v2");
  assert.equal(outline(Int32Array.of(0, 0, 0, 1), 2, 1), "M1 1h1M1 1v1M1 2h1M2 1v1");
});

test("the signed colours are symmetric around near-white", () => {
  assert.deepEqual(signedColour(0), [246, 246, 246]);
  assert.deepEqual(signedColour(1), signedColour(7));
  assert.ok(GRADIENT.startsWith("linear-gradient"));
});

test("outputs", () => {
  const logits = [1, 3, 2];
  const of = (kind) => earned({ kind, target: 1, other: 2 }, logits);
  assert.equal(of("logit"), 3);
  assert.equal(of("difference"), 1);
  assert.ok(Math.abs(of("probability") - 0.66524) < 1e-4);
  assert.equal(correlation([1, 2, 3], [2, 4, 6]), 1);
  assert.equal(number(-1.234), "\u22121.23");
});

test("weights in half precision and in 8 bits", () => {
  const halves = Uint16Array.of(0x3c00, 0xc000, 0x3555, 0x0001).buffer;
  const numbers = unpack(halves, { shape: [4], type: "float16", at: 0 });
  assert.deepEqual([...numbers.slice(0, 2)], [1, -2]);
  assert.ok(Math.abs(numbers[2] - 1 / 3) < 1e-3 && numbers[3] === 2 ** -24);
  const bytes = new Uint8Array(12);
  new Float32Array(bytes.buffer, 0, 2).set([0.5, 2]);
  new Int8Array(bytes.buffer, 8, 4).set([1, -1, 127, 3]);
  const eight = unpack(bytes.buffer, { shape: [2, 2], type: "int8", at: 0 });
  assert.deepEqual([...eight], [0.5, -2, 63.5, 6]);
});

test("the strip lies at the bottom right", () => {
  const inside = Array.from({ length: 64 * 64 }, (_, i) => inStrip(i, 64));
  assert.equal(inside.filter(Boolean).length, 4 * 26);
  assert.ok(inside.at(-1) && !inside[0]);
});

test("the Python cell names what was set", () => {
  const manifest = { dataset: "specimens", profile: "full", pictures: [],
    networks: { cnn: { title: "", bytes: 1, size: 96, classes: ["a", "b", "c"] } } };
  const settings = { ...DEFAULTS, base: "blur", out: "difference", est: "kernel-ten" };
  const cell = pythonCell(settings, manifest, "b", "c", 300);
  assert.match(cell, /blurred\(picture\)/);
  assert.match(cell, /scores\[:, 1\] - scores\[:, 2\]/);
  assert.match(cell, /num_features\(10\)/);
});
