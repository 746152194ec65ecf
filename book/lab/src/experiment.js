/**
 * One experiment: a picture, cut into segments, is asked about with segments hidden.
 *
 * @typedef {import("./address.js").Settings} Settings
 * @typedef {import("./outputs.js").Output} Output
 * @typedef {{title: string, bytes: number, size: number, classes: string[]}} About
 * @typedef {{dataset: string, profile: string, networks: Record<string, About>,
 *   pictures: {name: string, title: string, alt: string}[]}} Manifest
 * @typedef {{picture: Float32Array, hidden: Float32Array, labels: Int32Array, players: number,
 *   size: number, classes: string[], logits: Float32Array, output: Output,
 *   key: string}} Setup
 * @typedef {{values: Float64Array, errors: Float64Array | null, base: number, full: number,
 *   asked: number, total: number, seconds: number, row: Uint8Array | null}} Result
 */
import { DEFAULTS } from "./address.js";
import { download } from "./download.js";
import { pixelsOf, specimen } from "./drawing.js";
import { earned } from "./outputs.js";
import { coverStrip, readPicture } from "./picture.js";
import { smallestBudget } from "./plans.js";
import { Caller, Pool } from "./pool.js";

export class Laboratory {
  /** @param {string} folder address of the lab's files @param {Manifest} manifest */
  constructor(folder, manifest) {
    this.folder = folder;
    this.manifest = manifest;
    /** @type {Pool | undefined} */
    this.askers = undefined;
    /** @type {Caller | undefined} */
    this.helper = undefined;
    /** @type {Map<string, Promise<{header: any, weights: ArrayBuffer}>>} */
    this.files = new Map();
    this.loaded = "";
    /** @type {Map<string, ImageData>} */
    this.images = new Map();
    /** @type {ImageData | null} */
    this.own = null;
    /** @type {Promise<import("./drawing.js").Drawing> | null} */
    this.drawing = null;
    /** @type {Map<string, Map<string, Float32Array>>} what has been asked already, by game */
    this.known = new Map();
    this.playing = "";
  }

  /** The workers that ask: they begin when the first of them is needed. */
  get pool() {
    const cores = Math.min(Math.max(navigator.hardwareConcurrency || 2, 1), 4);
    return (this.askers ??= new Pool(this.folder, cores));
  }

  /** The worker that cuts and fits while the others ask. */
  get side() {
    return (this.helper ??= new Caller(`${this.folder}worker.js`));
  }

  /** Whether the browser computes four numbers at once; without it all is slower. */
  async simd() {
    return (await this.pool.started)[0];
  }

  /** @param {string} net @param {(share: number) => void} progress */
  async useNetwork(net, progress) {
    if (this.loaded === net) return;
    if (!this.files.has(net)) {
      const files = this.fetchNetwork(net, progress);
      files.catch(() => this.files.delete(net));
      this.files.set(net, files);
    }
    const files = await this.files.get(net);
    await this.pool.all("load", /** @type {object} */ (files));
    this.loaded = net;
    this.playing = "";
  }

  /** @param {string} net @param {(share: number) => void} progress */
  async fetchNetwork(net, progress) {
    const response = await fetch(`${this.folder}${net}.json`);
    if (!response.ok) throw new Error(`The network cannot be loaded (${response.status}).`);
    const header = await response.json();
    const weights = await download(`${this.folder}${net}.bin`, header.bytes, header.sha256, progress);
    return { header, weights };
  }

  /** @param {Blob} file */
  async takeOwn(file) {
    this.own = await readPicture(file);
  }

  /** @param {string} name @param {number} size @param {Settings} settings @returns {Promise<Float32Array>} */
  async pixels(name, size, settings) {
    if (name === "drawn") {
      const image = await pixelsOf(specimen(settings, await this.specimens(), size), size);
      return this.side.call("squeeze", { image, size });
    }
    let image = name === "own" ? this.own : this.images.get(name);
    if (!image) {
      const file = await fetch(`${this.folder}${name}.png`);
      image = await readPicture(await file.blob());
      this.images.set(name, image);
    }
    return this.side.call("squeeze", { image, size });
  }

  /** What specimens are drawn of, fetched once. */
  specimens() {
    this.drawing ??= fetch(`${this.folder}drawing.json`).then((response) => {
      if (!response.ok) throw new Error(`The specimens cannot be loaded (${response.status}).`);
      return response.json();
    });
    this.drawing.catch(() => (this.drawing = null)); // and tried again the next time
    return this.drawing;
  }

  /**
   * Cut the picture, make the baseline, and ask about the whole picture.
   *
   * @param {Settings} settings
   * @param {(share: number) => void} progress of a download
   * @returns {Promise<Setup>}
   */
  async prepare(settings, progress) {
    const { net, pic, cut, n, base, strip } = settings;
    const { size, classes } = this.manifest.networks[net];
    const [whole] = await Promise.all([this.pixels(pic, size, settings), this.useNetwork(net, progress)]);
    const picture = strip === "covered" ? coverStrip(whole, size) : whole;
    const names = this.manifest.pictures.map(({ name }) => name);
    const other =
      base === "picture" ? await this.pixels(names[names[0] === pic ? 1 : 0], size, settings) : null;
    const [labels, hidden] = await Promise.all([
      this.side.call("cut", { picture, size, wanted: n, kind: cut }),
      this.side.call("fill", { picture, size, kind: base, other }),
    ]);
    const players = 1 + labels.reduce((/** @type {number} */ a, /** @type {number} */ b) => Math.max(a, b), 0);
    const id = pic === "own" || pic === "drawn" ? hash(whole) : pic;
    const key = [net, id, cut, n, base, strip].join("|");
    const setup = { picture, hidden, labels, players, size, classes, key };
    await this.play(setup);
    const logits = await this.ask(setup, new Uint8Array(players).fill(1));
    return { ...setup, logits, output: output(settings, classes, logits) };
  }

  /** Ask anew, also about what is known. */
  forget() {
    this.known.clear();
    this.playing = "";
  }

  /** Hand a game to the workers. @param {Omit<Setup, "logits" | "output">} setup */
  async play({ picture, hidden, labels, key }) {
    if (this.playing === key) return;
    await this.pool.all("game", { picture, hidden, labels });
    this.playing = key;
    if (!this.known.has(key)) {
      if (this.known.size > 3) this.known.delete([...this.known.keys()][0]); // bounds the memory
      this.known.set(key, new Map());
    }
  }

  /**
   * The logits of one coalition.
   *
   * @param {Omit<Setup, "logits" | "output">} setup
   * @param {Uint8Array} row
   * @returns {Promise<Float32Array>}
   */
  async ask(setup, row) {
    await this.play(setup);
    const known = /** @type {Map<string, Float32Array>} */ (this.known.get(setup.key));
    const found = known.get(row.join(""));
    if (found) return found;
    const logits = await this.pool.one("ask", { rows: row, players: setup.players });
    known.set(row.join(""), logits);
    return logits;
  }

  /**
   * Play the game: ask about all coalitions of a plan, and estimate meanwhile.
   *
   * @param {Setup} setup
   * @param {Settings} settings
   * @param {(result: Result) => void} update called whenever the values have become better
   * @param {() => boolean | Promise<boolean>} goOn asked before each batch
   * @param {() => number} batch coalitions at once
   * @returns {Promise<Result | null>} null when it was stopped
   */
  async run(setup, settings, update, goOn, batch) {
    const start = performance.now();
    const made = {
      method: settings.est,
      m: setup.players,
      budget: budgetFor(settings, setup.players),
      seed: settings.seed,
    };
    const rows = /** @type {Uint8Array[]} */ (await this.side.call("plan", made));
    await this.play(setup);
    const known = /** @type {Map<string, Float32Array>} */ (this.known.get(setup.key));
    const keys = rows.map((row) => row.join(""));
    const byKey = new Map(keys.map((key, i) => [key, rows[i]])); // each once, in the plan's order
    const missing = [...byKey].filter(([key]) => !known.has(key)).map(([, row]) => row);
    let done = 0;
    let busy = false;
    /** @type {Uint8Array | null} */
    let row = null;
    const estimate = async () => {
      while (done < rows.length && known.has(keys[done])) done++;
      if (done < 3 && done < rows.length) return null;
      const answers = keys.slice(0, done).map((key) => earned(setup.output, known.get(key) ?? []));
      const fit = await this.side.call("estimate", { made, answers: Float64Array.from(answers) });
      const seconds = (performance.now() - start) / 1000;
      return { ...fit, base: answers[0], full: answers[1], asked: done, total: rows.length, seconds, row };
    };
    await this.pool.ask(
      missing,
      batch,
      (i, logits) => {
        known.set(missing[i].join(""), logits);
        row = missing[i];
        if (busy) return;
        busy = true;
        estimate().then((result) => {
          busy = false;
          if (result) update(result);
        });
      },
      goOn,
    );
    if (!(await goOn())) return null;
    const result = await estimate();
    if (result) update(result);
    return result;
  }
}

/**
 * The budget, or what the estimator needs at least.
 *
 * @param {Settings} settings
 * @param {number} players
 */
export function budgetFor({ est, budget }, players) {
  return Math.max(budget, smallestBudget(/** @type {import("./plans.js").Method} */ (est), players));
}

/**
 * Permutation SHAP with twenty orders, of a seed that nobody can choose: what others are held against.
 *
 * @param {Settings} settings
 * @param {number} players
 * @returns {Settings}
 */
export function longRun(settings, players) {
  return { ...settings, est: "permutation", budget: 20 * (2 * players + 1), seed: 10_000 };
}

/** @param {Settings} settings @param {string[]} classes @param {Float32Array} logits @returns {Output} */
export function output(settings, classes, logits) {
  const order = [...classes.keys()].sort((a, b) => logits[b] - logits[a]);
  const named = classes.indexOf(settings.cls);
  const target = settings.cls === DEFAULTS.cls || named < 0 ? order[0] : named;
  const against = classes.indexOf(settings.other);
  const others = order.filter((k) => k !== target);
  const other = against < 0 || against === target ? others[0] : against;
  return { kind: /** @type {Output["kind"]} */ (settings.out), target, other };
}

/** A number for a picture, to tell it from others. @param {Float32Array} picture */
function hash(picture) {
  return picture.reduce((h, v) => (Math.imul(h, 31) + v) | 0, 7);
}
