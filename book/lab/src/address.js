/**
 * The settings of the lab, as they stand in the page's address behind the "#".
 *
 * @typedef {{net: string, pic: string, cut: "slic" | "grid", n: number, base: string, out: string,
 *   cls: string, other: string, est: string, budget: number, seed: number, strip: string,
 *   vs: string, lesson: string, kind: string, ind: number, turn: number, length: number,
 *   ground: string, label: string, without: string}} Settings
 */

/** @type {Settings} */
export const DEFAULTS = {
  net: "cnn",
  pic: "beetle",
  cut: "slic",
  n: 50,
  base: "grey",
  out: "logit",
  cls: "predicted",
  other: "second",
  est: "permutation",
  budget: 300,
  seed: 0,
  strip: "shown",
  vs: "none",
  lesson: "none",
  // of the specimen that the reader draws
  kind: "beetle",
  ind: 1,
  turn: 0,
  length: 80, // of the body, in percent of the picture's side
  ground: "studio",
  label: "none",
  without: "", // parts, with spaces between
};

/** What a drawn insect can be without. */
export const PARTS = ["head", "thorax", "abdomen", "wings", "legs", "antennae"];

/** What may stand there besides names of networks, pictures and classes, and numbers. */
export const CHOICES = {
  cut: { slic: "superpixels (SLIC)", grid: "squares" },
  base: {
    grey: "grey", white: "white", black: "black", mean: "mean colour", blur: "blurred picture",
    picture: "another picture",
  },
  out: { logit: "logit", difference: "difference of two logits", probability: "probability" },
  est: {
    permutation: "Permutation SHAP",
    kernel: "Kernel SHAP, all kept",
    "kernel-ten": "Kernel SHAP, ten kept",
    "leave-one-out": "leave one out",
  },
  strip: { shown: "as it is", covered: "painted over" },
  vs: {
    none: "nothing", seed: "another seed", baseline: "another baseline", ten: "shap's default of ten",
    strip: "the strip painted over",
  },
  kind: { beetle: "beetle", cockroach: "cockroach", dragonfly: "dragonfly" },
  ground: {
    plain: "even grey", studio: "studio", card: "card", leaf: "leaf", bark: "bark", sky: "sky", water: "water",
  },
  label: {
    none: "none", beetle: "of the beetles", cockroach: "of the cockroaches", dragonfly: "of the dragonflies",
  },
};

/** @type {Record<"n" | "budget" | "seed" | "ind" | "turn" | "length", [number, number]>} */
export const RANGES = {
  n: [4, 120], budget: [20, 2000], seed: [0, 9999], ind: [1, 6], turn: [0, 359], length: [20, 140],
};

/**
 * @param {string} hash of the address
 * @returns {Partial<Settings>} what is set there and makes sense
 */
export function read(hash) {
  /** @type {Record<string, string | number>} */
  const found = {};
  for (const [name, text] of new URLSearchParams(hash.replace(/^#/, ""))) {
    if (!(name in DEFAULTS)) continue;
    if (name in RANGES) {
      const [low, high] = RANGES[/** @type {keyof typeof RANGES} */ (name)];
      const value = Number(text);
      if (Number.isFinite(value)) found[name] = Math.round(Math.min(Math.max(value, low), high));
    } else if (name in CHOICES) {
      if (text in CHOICES[/** @type {keyof typeof CHOICES} */ (name)]) found[name] = text;
    } else if (/^[\w ./-]{1,40}$/.test(text)) found[name] = text;
  }
  return found;
}

/** @param {Settings} settings @returns {string} only what is not as usual */
export function write(settings) {
  const changed = Object.entries(settings).filter(
    ([name, value]) => value !== DEFAULTS[/** @type {keyof Settings} */ (name)],
  );
  return new URLSearchParams(changed.map(([name, value]) => [name, String(value)])).toString();
}
