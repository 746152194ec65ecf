/** The lab: what happens when something is chosen. */
import { CHOICES, DEFAULTS, read, write } from "./address.js";
import { keepPage } from "./download.js";
import { Laboratory, budgetFor, longRun } from "./experiment.js";
import { enlarged, pictureFile, pythonCell, save, table } from "./exports.js";
import { LESSONS, number, second } from "./lessons.js";
import { View } from "./view.js";

/** @typedef {import("./address.js").Settings} Settings */

async function open(/** @type {HTMLElement} */ root) {
  const folder = new URL(root.dataset.folder ?? "", location.href).href;
  const note = /** @type {HTMLElement} */ (root.querySelector(".lab-note"));
  if (location.protocol === "file:") {
    note.textContent =
      "The lab needs the book to be served: browsers start no computation from a page that was opened " +
      "as a file. In the book's folder run “python -m http.server”, and open http://localhost:8000.";
    return;
  }
  if (typeof WebAssembly !== "object" || typeof Worker !== "function" || typeof OffscreenCanvas !== "function") {
    note.textContent = "Your browser is too old for the lab: it needs WebAssembly, workers and OffscreenCanvas.";
    return;
  }
  try {
    const response = await fetch(`${folder}lab.json`);
    if (!response.ok) throw new Error(String(response.status));
    new Controller(root, folder, await response.json());
  } catch (error) {
    note.textContent = `The lab's files cannot be loaded (${error instanceof Error ? error.message : error}).`;
  }
}

class Controller {
  /** @param {HTMLElement} root @param {string} folder @param {import("./experiment.js").Manifest} manifest */
  constructor(root, folder, manifest) {
    this.manifest = manifest;
    this.lab = new Laboratory(folder, manifest);
    this.view = new View(root, folder, manifest, {
      change: (changed) => this.change(changed),
      file: (file) => this.file(file),
      lesson: (name) => {
        const { net } = this.settings;
        this.change({ ...DEFAULTS, ...LESSONS[name].settings, net, lesson: name });
      },
      run: () => this.start(),
      pause: () => this.pause(!this.paused),
      step: () => this.step(),
      compare: () => this.compare(),
      stop: () => this.stop(),
      save: (what) => this.save(what),
      toggle: (segment) => this.toggle(segment),
      showAll: () => this.toggle(-1),
    });
    /** @type {Settings} */
    this.settings = this.fromAddress();
    /** @type {Set<string>} */
    this.kept = new Set();
    this.turn = 0; // counts runs: an older one stops when a newer one begins
    this.paused = false;
    this.steps = 0;
    /** @type {(() => void)[]} */
    this.waiting = [];
    /** @type {{setup: import("./experiment.js").Setup, result: import("./experiment.js").Result, title: string}[]} */
    this.runs = [];
    /** @type {Uint8Array | null} */
    this.row = null;
    addEventListener("hashchange", () => {
      this.settings = this.fromAddress();
      this.start();
    });
    this.note = "";
    const classes = manifest.networks[this.settings.net].classes;
    this.view.settings(this.settings, classes);
    this.view.state("ready");
    // somebody who was sent here, or came from a chapter, wants to see just that; others choose
    if (location.hash) this.start();
    else this.view.say("Choose a picture or a lesson: then the network is loaded, and the lab begins.");
  }

  /** Keep the page and this network for a time without internet. @param {string} net */
  async keep(net) {
    if (this.kept.has(net)) return;
    this.kept.add(net);
    await keepPage(this.lab.folder, net, await this.lab.simd()).catch(() => {}); // then it needs internet
  }

  /** What the address asks for, as far as it is there. @returns {Settings} */
  fromAddress() {
    const asked = read(location.hash);
    const lesson = LESSONS[asked.lesson ?? ""];
    const settings = { ...DEFAULTS, ...lesson?.settings, ...asked };
    if (!(settings.net in this.manifest.networks)) settings.net = DEFAULTS.net;
    const known = this.manifest.pictures.some(({ name }) => name === settings.pic);
    if (!known && settings.pic !== "drawn" && !(settings.pic === "own" && this.lab.own)) settings.pic = DEFAULTS.pic;
    if (!lesson) settings.lesson = DEFAULTS.lesson;
    return settings;
  }

  /** @param {Partial<Settings>} changed */
  change(changed) {
    this.settings = { ...this.settings, ...changed };
    history.replaceState(null, "", `#${write(this.settings)}`);
    this.start();
  }

  /** @param {Blob} file */
  async file(file) {
    this.stop();
    try {
      await this.lab.takeOwn(file);
    } catch (error) {
      this.view.say(error instanceof Error ? error.message : String(error));
      return;
    }
    this.change({ pic: "own", lesson: "none", strip: "shown" });
  }

  /** Play the game of the settings; what is running already stops. */
  async start() {
    const turn = ++this.turn;
    const goOn = () => turn === this.turn;
    this.release();
    this.row = null;
    const { settings, view } = this;
    view.settings(settings, this.manifest.networks[settings.net].classes);
    view.finding.textContent = "";
    view.code.hidden = true;
    view.state("running");
    try {
      this.runs = [];
      if (!(await this.lab.simd())) {
        this.note = "Your browser computes one number at a time (no SIMD): the lab works, slower.";
      }
      const other = second(settings);
      for (const changed of other ? [{}, other] : [{}]) {
        const done = await this.play({ ...settings, ...changed }, Boolean(other), goOn);
        if (!done) return;
      }
      const [first, next] = this.runs;
      const lesson = LESSONS[settings.lesson];
      view.finding.textContent = lesson ? lesson.finding(first, next ?? null) : "";
      const { setup, result } = this.runs[this.runs.length - 1];
      const least = budgetFor(settings, setup.players);
      const raised = least > settings.budget && settings.est !== "leave-one-out";
      view.say(
        `${result.asked} coalitions in ${number(result.seconds, 1)} s. ` +
          (raised ? `${setup.players} segments need a budget of ${least} at least. ` : "") +
          this.note,
      );
    } catch (error) {
      if (goOn()) view.say(error instanceof Error ? error.message : String(error));
    } finally {
      if (goOn()) view.state("ready");
    }
  }

  /** @param {Settings} settings @param {boolean} both @param {() => boolean} current */
  async play(settings, both, current) {
    const { view } = this;
    const setup = await this.lab.prepare(settings, (share) => {
      view.progress(share);
      view.say("The network is loaded…");
    });
    this.keep(settings.net);
    if (!current()) return false;
    const place = this.runs.length;
    if (place === 0) view.picture(setup);
    view.say("");
    const target = setup.classes[setup.output.target];
    const estimator = CHOICES.est[/** @type {"kernel"} */ (settings.est)];
    const title = both ? titleOf(this.settings, place) : `${target}: ${estimator}`;
    let rest = 0; // drawing takes a fifth of the time at most
    const heavy = settings.net === "lite0" ? 4 : 16;
    const result = await this.lab.run(
      setup,
      settings,
      (found) => {
        if (!current()) return;
        const still = found.asked < found.total && !this.paused;
        const begun = performance.now();
        if (still && begun < rest) return;
        this.runs[place] = { setup, result: found, title };
        view.results(this.runs);
        view.progress(found.asked / found.total);
        const moving = !matchMedia("(prefers-reduced-motion: reduce)").matches || this.paused;
        if (moving && found.row && place === 0 && !this.row) view.masked(found.row);
        rest = performance.now() + Math.max(60, 4 * (performance.now() - begun));
      },
      async () => {
        while (current() && this.paused && this.steps === 0) {
          await new Promise((resolve) => this.waiting.push(() => resolve(null)));
        }
        if (this.steps > 0) this.steps--;
        return current();
      },
      () => (this.paused ? 1 : heavy),
    );
    if (!result || !current()) return false;
    this.runs[place] = { setup, result, title };
    view.results(this.runs);
    if (!this.row) view.masked(new Uint8Array(this.runs[0].setup.players).fill(1));
    return true;
  }

  /** Hold the map against a long run of Permutation SHAP. */
  async compare() {
    const [run] = this.runs;
    if (!run) return;
    const turn = ++this.turn;
    const { setup, result } = run;
    const { view } = this;
    const reference = longRun(this.settings, setup.players);
    view.state("running");
    view.say("A long run of Permutation SHAP, to compare with…");
    try {
      const long = await this.lab.run(
        setup,
        reference,
        ({ asked, total }) => view.progress(asked / total),
        () => turn === this.turn,
        () => 16,
      );
      if (!long || turn !== this.turn) return;
      const error = rms(result.values.map((v, i) => v - long.values[i])) / rms(long.values);
      view.say(
        `Beside ${thousands(long.asked)} coalitions, the values are off by ${Math.round(100 * error)} % ` +
          "of what they are (root mean square of the differences over that of the values).",
      );
    } catch (failed) {
      if (turn === this.turn) view.say(failed instanceof Error ? failed.message : String(failed));
    } finally {
      if (turn === this.turn) view.state("ready");
    }
  }

  release() {
    this.paused = false;
    this.steps = 0;
    for (const go of this.waiting.splice(0)) go();
  }

  /** @param {boolean} paused */
  pause(paused) {
    if (!paused) this.release();
    this.paused = paused;
    this.view.state(paused ? "paused" : "running");
  }

  step() {
    if (!this.paused) {
      this.lab.forget();
      this.start(); // from the beginning, one at a time
      this.pause(true);
    }
    this.steps++;
    for (const go of this.waiting.splice(0)) go();
  }

  stop() {
    this.turn++;
    this.release();
    this.view.state("ready");
    this.view.say("Stopped.");
  }

  /** Hide or show one segment by hand; -1 shows all. @param {number} segment */
  async toggle(segment) {
    const setup = this.runs[0]?.setup ?? this.view.setup;
    if (!setup) return;
    const row = segment < 0 ? null : (this.row ?? new Uint8Array(setup.players).fill(1)).slice();
    if (row) row[segment] = 1 - row[segment];
    this.row = row?.includes(0) ? row : null;
    const shown = this.row ?? new Uint8Array(setup.players).fill(1);
    this.view.masked(shown);
    const logits = await this.lab.ask(setup, shown);
    this.view.prediction(logits);
    const k = setup.output.target;
    if (row) {
      this.view.say(
        `Segment ${segment + 1} ${row[segment] ? "shown" : "hidden"}: the logit for ${setup.classes[k]} is ` +
          `${number(logits[k])}, and ${number(setup.logits[k])} with all shown.`,
      );
    }
  }

  /** @param {string} what */
  async save(what) {
    const run = this.runs[0];
    if (!run) return;
    const { setup, result } = run;
    if (what === "png") save("map.png", await enlarged(this.view.maps[0].canvas));
    if (what === "picture") save("picture.png", await pictureFile(setup));
    if (what === "csv") save("values.csv", new Blob([table(setup, result)], { type: "text/csv" }));
    if (what === "python") {
      const { target, other } = setup.output;
      this.view.code.textContent = pythonCell(this.settings, this.manifest, setup.classes[target], setup.classes[other], budgetFor(this.settings, setup.players));
      this.view.code.hidden = false;
      this.view.code.focus();
    }
    if (what === "link") {
      await navigator.clipboard.writeText(location.href).catch(() => {});
      this.view.say(`The address of this page holds the settings: ${location.href}`);
    }
  }
}

/** @param {Float64Array} values */
const rms = (values) => Math.sqrt(values.reduce((sum, v) => sum + v * v, 0) / values.length);

const thousands = (/** @type {number} */ count) => String(count).replace(/\B(?=(\d{3})+$)/g, ",");

/** @param {Settings} settings @param {number} place */
function titleOf(settings, place) {
  const changed = second(settings) ?? {};
  const used = { ...settings, ...(place ? changed : {}) };
  if (settings.vs === "seed") return `seed ${used.seed}`;
  if (settings.vs === "baseline") return `baseline: ${CHOICES.base[/** @type {"grey"} */ (used.base)]}`;
  if (settings.vs === "strip") return `label strip ${CHOICES.strip[/** @type {"shown"} */ (used.strip)]}`;
  return CHOICES.est[/** @type {"kernel"} */ (used.est)];
}

const root = document.getElementById("lab");
if (root) open(root);
