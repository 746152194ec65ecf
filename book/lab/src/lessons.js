/**
 * Five experiments of a minute each: a question, two runs side by side, and what was found.
 *
 * @typedef {import("./address.js").Settings} Settings
 * @typedef {import("./experiment.js").Setup} Setup
 * @typedef {import("./experiment.js").Result} Result
 * @typedef {{setup: Setup, result: Result}} Run
 * @typedef {{title: string, question: string, settings: Partial<Settings>,
 *   finding: (first: Run, second: Run | null) => string}} Lesson
 */
import { softmax } from "./outputs.js";
import { inStrip } from "./picture.js";

/** @type {Record<string, Lesson>} */
export const LESSONS = {
  twice: {
    title: "Ask twice",
    question:
      "The same picture, network and settings, but other random coalitions. Will the two maps look alike?",
    settings: { pic: "beetle", est: "kernel", budget: 240, n: 100, vs: "seed" },
    finding: (first, second) => {
      if (!second) return "";
      const r = correlation(first.result.values, second.result.values);
      return (
        `The two maps correlate at ${number(r)}. ${sharedTop(first.result.values, second.result.values)} ` +
        `of the five largest segments of the first are among the five largest of the second. Where the ` +
        `maps differ, at least one of them shows noise. Raise the budget and ask twice again.`
      );
    },
  },
  baseline: {
    title: "Change the baseline",
    question:
      "A hidden segment is filled with grey, and then with the blurred picture. Does the explanation depend on it?",
    settings: { pic: "cockroach", est: "permutation", budget: 500, n: 40, vs: "baseline" },
    finding: (first, second) => {
      if (!second) return "";
      const [a, b] = [first.result, second.result];
      const turned = a.values.reduce((n, v, i) => n + (v * b.values[i] < 0 ? 1 : 0), 0);
      return (
        `The maps correlate at ${number(correlation(a.values, b.values))}, and ${turned} of ` +
        `${a.values.length} segments change their sign. The base value, what the network says when all is ` +
        `hidden, is ${number(a.base)} on grey and ${number(b.base)} on the blurred picture: the two maps ` +
        `share out different sums. A map without its baseline says little.`
      );
    },
  },
  ten: {
    title: "The default that keeps ten",
    question:
      "shap's KernelExplainer keeps ten features unless you say l1_reg=0. What becomes of the other segments?",
    settings: { pic: "dragonfly", est: "kernel", budget: 500, n: 50, vs: "ten" },
    finding: (first, second) => {
      if (!second) return "";
      const [a, b] = [first.result.values, second.result.values];
      const zero = [...b.keys()].filter((i) => b[i] === 0);
      const size = (/** @type {number} */ sum, /** @type {number} */ i) => sum + Math.abs(a[i]);
      const share = zero.reduce(size, 0) / [...a.keys()].reduce(size, 0);
      return (
        `${zero.length} of ${b.length} segments are exactly zero. With all kept, these carry ` +
        `${Math.round(100 * share)} % of the absolute values. The sum is still right, because the ten that ` +
        `are left are made to share it. Pass l1_reg=0.`
      );
    },
  },
  strip: {
    title: "Paint over the label strip",
    question:
      "The picture has a catalogue number at the bottom right. Does the network use it, and does painting it over change the answer?",
    settings: { pic: "beetle", est: "permutation", budget: 500, n: 60, vs: "strip" },
    finding: (first, second) => {
      if (!second) return "";
      const { setup, result } = first;
      const inside = new Set(setup.labels.filter((_, i) => inStrip(i, setup.size)));
      const sum = [...inside].reduce((total, i) => total + result.values[i], 0);
      const k = setup.output.target;
      const [before, after] = [softmax(setup.logits)[k], softmax(second.setup.logits)[k]];
      return (
        `The ${inside.size} segments that touch the strip add up to ${number(sum)} of ` +
        `${number(result.full - result.base)}. Painting the strip over moves the logit for ` +
        `${setup.classes[k]} by ${number(second.setup.logits[k] - setup.logits[k])} ` +
        `(${percent(before)} before, ${percent(after)} after). The map says where to look; the change of the ` +
        `picture is the test.`
      );
    },
  },
  stranger: {
    title: "A picture that is no insect",
    question:
      "The network knows three insects and nothing else. What does it say of a picture that shows none, and how does the map look?",
    settings: { pic: "stranger", est: "permutation", budget: 300, n: 40 },
    finding: ({ setup, result }) => {
      const shares = softmax(setup.logits);
      const k = setup.output.target;
      return (
        `It says ${setup.classes[k]}, with ${percent(shares[k])}: the shares have to add up to one, and “none ` +
        `of these” is not among them. The map adds up as well as any other (${number(result.base)} + ` +
        `${number(result.full - result.base)} = ${number(result.full)}). It explains the answer, and cannot ` +
        `tell you that the question made no sense.`
      );
    },
  },
};

/** @param {Settings} settings @returns {Partial<Settings> | null} what is other in the second run */
export function second(settings) {
  switch (settings.vs) {
    case "seed":
      return { seed: settings.seed + 1 };
    case "baseline":
      return { base: settings.base === "blur" ? "grey" : "blur" };
    case "ten":
      return { est: "kernel-ten" };
    case "strip":
      return { strip: settings.strip === "covered" ? "shown" : "covered" };
    default:
      return null;
  }
}

/** @param {ArrayLike<number>} a @param {ArrayLike<number>} b @returns {number} */
export function correlation(a, b) {
  const n = a.length;
  const mean = (/** @type {ArrayLike<number>} */ v) => Array.from(v).reduce((x, y) => x + y, 0) / n;
  const [ma, mb] = [mean(a), mean(b)];
  let [ab, aa, bb] = [0, 0, 0];
  for (let i = 0; i < n; i++) {
    ab += (a[i] - ma) * (b[i] - mb);
    aa += (a[i] - ma) ** 2;
    bb += (b[i] - mb) ** 2;
  }
  return aa && bb ? ab / Math.sqrt(aa * bb) : NaN;
}

/** @param {Float64Array} a @param {Float64Array} b */
function sharedTop(a, b) {
  const top = (/** @type {Float64Array} */ v) =>
    [...v.keys()].sort((i, j) => Math.abs(v[j]) - Math.abs(v[i])).slice(0, 5);
  const others = new Set(top(b));
  return top(a).filter((i) => others.has(i)).length;
}

/** With a real minus sign. @param {number} value @param {number} [places] */
export function number(value, places = 2) {
  return value.toFixed(places).replace("-", "\u2212");
}

/** @param {number} share */
export function percent(share) {
  return `${(100 * share).toFixed(1)} %`;
}
