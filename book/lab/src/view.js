/**
 * What is seen: the elements of the lab, and how they are filled. It decides nothing.
 *
 * @typedef {import("./address.js").Settings} Settings
 * @typedef {import("./experiment.js").Manifest} Manifest
 * @typedef {import("./experiment.js").Setup} Setup
 * @typedef {import("./experiment.js").Result} Result
 * @typedef {{change: (changed: Partial<Settings>) => void, file: (file: Blob) => void,
 *   lesson: (name: string) => void, run: () => void, pause: () => void, step: () => void,
 *   stop: () => void, compare: () => void, save: (what: string) => void, toggle: (segment: number) => void,
 *   showAll: () => void}} Actions
 */
import { CHOICES, PARTS, RANGES } from "./address.js";
import { drawMap, drawMasked, outline } from "./canvas.js";
import { CLASS_COLOURS, GRADIENT } from "./colours.js";
import { chooser, make, slider } from "./elements.js";
import { LESSONS, number, percent } from "./lessons.js";
import { softmax } from "./outputs.js";

const SHOWN = 10; // bars
const SVG = "http://www.w3.org/2000/svg";

export class View {
  /** @param {HTMLElement} root @param {string} folder @param {Manifest} manifest @param {Actions} act */
  constructor(root, folder, manifest, act) {
    this.act = act;
    this.manifest = manifest;
    /** @type {Setup | null} */
    this.setup = null;
    this.live = make("p.lab-status", { role: "status", "aria-live": "polite" });
    this.bar = make("progress.lab-progress", { max: 1, value: 0, "aria-label": "progress" });
    this.lessons = make("div.lab-row", { role: "group", "aria-label": "Lessons" });
    for (const [name, lesson] of Object.entries(LESSONS)) {
      const press = () => act.lesson(name);
      this.lessons.append(make("button", { type: "button", "data-lesson": name, onclick: press }, lesson.title));
    }
    this.question = make("p.lab-question", {});
    this.finding = make("p.lab-finding", { "aria-live": "polite" });
    this.lessonBox = make("div.lab-lesson", { hidden: true }, this.question, this.finding);

    this.thumbs = make("div.lab-row.lab-thumbs", { role: "group", "aria-label": "Pictures" });
    for (const { name, title } of manifest.pictures) {
      const image = make("span.lab-image", { style: `background-image:url("${folder}${name}.png")` });
      const press = () => act.change({ pic: name, lesson: "none" });
      this.thumbs.append(make("button.lab-thumb", { type: "button", "data-pic": name, onclick: press }, image, title));
    }
    const own = make("span.lab-image", { style: `background-image:url("${folder}drawn.png")` });
    const draw = () => act.change({ pic: "drawn", lesson: "none" });
    this.thumbs.append(make("button.lab-thumb", { type: "button", "data-pic": "drawn", onclick: draw }, own, "draw one"));
    const file = make("input", {
      type: "file", accept: "image/*", id: "lab-file",
      onchange: () => {
        if (file.files[0]) act.file(file.files[0]);
        file.value = "";
      },
    });
    this.thumbs.append(
      make("div.lab-drop", {}, make("label", { for: "lab-file" }, "Your own picture: choose, or drop it here"), file),
    );

    this.asked = make("canvas", { role: "application", tabindex: 0, "aria-label": "no picture yet" });
    this.lines = document.createElementNS(SVG, "svg");
    this.lines.setAttribute("aria-hidden", "true");
    this.lines.innerHTML = '<path class="lab-cuts"></path><path class="lab-at"></path>';
    this.words = make("p.lab-small", {}, "\u00a0");
    this.meters = make("div.lab-meters", {});
    this.all = make("button", { type: "button", hidden: true, onclick: () => act.showAll() }, "Show all again");
    this.maps = [0, 1].map(() => {
      const canvas = make("canvas", { role: "img", "aria-label": "no map yet" });
      const title = make("figcaption", {}, "\u00a0");
      const sum = make("p.lab-small.lab-sum", {}, "\u00a0");
      const figure = make("figure", {}, title, make("div.lab-picture", {}, canvas), sum);
      return { canvas, title, sum, figure };
    });
    this.maps[1].figure.hidden = true;
    this.scale = make("div.lab-scale", { "aria-hidden": "true" }, make("span"), make("i", { style: `background:${GRADIENT}` }), make("span"));
    const stage = make(
      "div.lab-stage",
      {},
      make("figure", {}, make("figcaption", {}, "Picture, as it is asked"), make("div.lab-picture", {}, this.asked, this.lines), this.words),
      ...this.maps.map(({ figure }) => figure),
    );

    const titles = Object.fromEntries(Object.entries(manifest.networks).map(([name, { title }]) => [name, title]));
    /** @param {keyof typeof CHOICES} name @param {string} label */
    const choice = (name, label) => chooser(label, CHOICES[name], (value) => act.change({ [name]: value }));
    /** @param {keyof typeof RANGES} name @param {string} label */
    const range = (name, label) => slider(label, RANGES[name], (value) => act.change({ [name]: value }));
    /** @type {Record<string, any>} */
    this.fields = {
      net: chooser("Network", titles, (net) => act.change({ net })),
      cut: choice("cut", "Segments"),
      n: range("n", "About how many"),
      base: choice("base", "Baseline"),
      out: choice("out", "Output"),
      cls: chooser("Class", {}, (cls) => act.change({ cls })),
      other: chooser("minus", {}, (other) => act.change({ other })),
      est: choice("est", "Estimator"),
      budget: range("budget", "Budget (coalitions)"),
      seed: range("seed", "Seed"),
      strip: choice("strip", "Label strip"),
      vs: choice("vs", "Side by side with"),
      kind: choice("kind", "Insect"),
      ind: range("ind", "Individual"),
      turn: range("turn", "Turned by (degrees)"),
      length: range("length", "Length (% of the picture)"),
      ground: choice("ground", "Background"),
      label: choice("label", "Label"),
      without: this.parts(),
    };
    this.fields.seed.element.querySelector("input").max = 99;
    const group = (/** @type {string} */ legend, /** @type {string[]} */ ...names) =>
      make("fieldset", {}, make("legend", {}, legend), ...names.map((name) => this.fields[name].element));
    this.drawing = make(
      "div.lab-controls.lab-drawing",
      { hidden: true },
      group("The specimen", "kind", "ind", "turn", "length", "ground", "label", "without"),
    );
    const controls = make(
      "div.lab-controls",
      {},
      group("The game", "net", "cut", "n", "base", "strip"),
      group("What is explained", "out", "cls", "other"),
      group("How it is estimated", "est", "budget", "seed", "vs"),
    );
    /** @param {string} words @param {() => void} press */
    const button = (words, press) => make("button", { type: "button", onclick: press }, words);
    this.go = make("button.lab-main", { type: "button", onclick: () => act.run() }, "Run again");
    this.halt = button("Pause", act.pause);
    this.one = button("Step", act.step);
    this.end = button("Stop", act.stop);
    this.long = button("Compare with a long run", act.compare);
    const runs = make(
      "div.lab-row",
      { role: "group", "aria-label": "Run" },
      this.go, this.halt, this.one, this.end, this.long,
    );
    this.list = make("table.lab-bars", {});
    const saves = make(
      "div.lab-row",
      { role: "group", "aria-label": "Export" },
      ...[["png", "Map as PNG"], ["csv", "Values as CSV"], ["python", "The same in Python"], ["picture", "Picture as PNG"], ["link", "Copy link"]].map(
        ([what, words]) => button(words, () => act.save(what)),
      ),
    );
    this.code = make("pre.lab-code", { hidden: true, tabindex: 0 });
    root.replaceChildren(
      this.lessons, this.lessonBox, this.thumbs, this.drawing, this.bar, this.live, stage, this.scale, runs,
      make("div.lab-two", {}, make("div", {}, make("p.lab-head", {}, "Prediction for the picture as it is asked"), this.meters, this.all),
        make("div", {}, make("p.lab-head", {}, `The ${SHOWN} strongest segments, with 95 % intervals`), this.list)),
      controls, saves, this.code,
    );
    this.dropping(root);
    this.picking();
  }

  /** Boxes to tick: the parts that are drawn. */
  parts() {
    const boxes = PARTS.map((part) => {
      const box = make("input", { type: "checkbox", id: `lab-part-${part}`, onchange: () => this.act.change({ without: left() }) });
      return { part, box, element: make("span.lab-part", {}, box, make("label", { for: box.id }, part)) };
    });
    const left = () => boxes.filter(({ box }) => !box.checked).map(({ part }) => part).join(" ");
    const set = (/** @type {string} */ without) => {
      for (const { part, box } of boxes) box.checked = !without.split(" ").includes(part);
    };
    const element = make("div.lab-field.lab-parts", { role: "group", "aria-label": "Parts" }, ...boxes.map(({ element }) => element));
    return { element, set };
  }

  /** @param {HTMLElement} root */
  dropping(root) {
    const over = (/** @type {boolean} */ on) => root.classList.toggle("lab-over", on);
    root.addEventListener("dragover", (event) => {
      event.preventDefault();
      over(true);
    });
    root.addEventListener("dragleave", () => over(false));
    root.addEventListener("drop", (event) => {
      event.preventDefault();
      over(false);
      const file = event.dataTransfer?.files[0];
      if (file) this.act.file(file);
    });
  }

  /** Segments are switched by pointer, or by arrow keys and space. */
  picking() {
    let at = 0;
    const mark = (/** @type {number} */ segment) => {
      if (!this.setup) return;
      at = segment;
      const path = outline(this.setup.labels, this.setup.size, segment);
      /** @type {Element} */ (this.lines.querySelector(".lab-at")).setAttribute("d", path);
    };
    this.asked.addEventListener("click", (/** @type {MouseEvent} */ event) => {
      if (!this.setup) return;
      const box = this.asked.getBoundingClientRect();
      const { size, labels } = this.setup;
      const x = Math.floor(((event.clientX - box.left) / box.width) * size);
      const y = Math.floor(((event.clientY - box.top) / box.height) * size);
      const i = Math.min(Math.max(y, 0), size - 1) * size + Math.min(Math.max(x, 0), size - 1);
      mark(labels[i]);
      this.act.toggle(labels[i]);
    });
    this.asked.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
      if (!this.setup) return;
      const n = this.setup.players;
      const steps = /** @type {Record<string, number>} */ ({ ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 });
      if (event.key in steps) {
        mark((at + steps[event.key] + n) % n);
        this.say(`segment ${at + 1} of ${n}`);
      } else if (event.key === " ") this.act.toggle(at);
      else return;
      event.preventDefault();
    });
    this.asked.addEventListener("blur", () => mark(-1));
  }

  /** @param {string} words for everybody, and for a screen reader */
  say(words) {
    if (this.live.textContent !== words) this.live.textContent = words;
  }

  /** @param {number} share of a download or a run; 0 hides nothing, for the page must not jump */
  progress(share) {
    this.bar.value = share;
  }

  /** @param {Settings} settings @param {string[]} classes */
  settings(settings, classes) {
    const named = Object.fromEntries(classes.map((name) => [name, name]));
    this.fields.cls.fill({ predicted: "the predicted class", ...named });
    this.fields.other.fill({ second: "the next most likely", ...named });
    for (const [name, field] of Object.entries(this.fields)) {
      const value = settings[/** @type {keyof Settings} */ (name)];
      if (field.select) field.select.value = value;
      else field.set(value);
    }
    this.drawing.hidden = settings.pic !== "drawn";
    this.fields.other.element.hidden = settings.out !== "difference";
    this.fields.budget.element.querySelector("input").disabled = settings.est === "leave-one-out";
    for (const button of this.thumbs.querySelectorAll("[data-pic]")) {
      button.setAttribute("aria-pressed", String(button.dataset.pic === settings.pic));
    }
    for (const button of this.lessons.children) {
      button.setAttribute("aria-pressed", String(button.dataset.lesson === settings.lesson));
    }
    const lesson = LESSONS[settings.lesson];
    this.lessonBox.hidden = !lesson;
    this.question.textContent = lesson?.question ?? "";
  }

  /** @param {Setup} setup */
  picture(setup) {
    this.setup = setup;
    const { size, labels, players } = setup;
    this.lines.setAttribute("viewBox", `0 0 ${size} ${size}`);
    /** @type {Element} */ (this.lines.querySelector(".lab-cuts")).setAttribute("d", outline(labels, size));
    /** @type {Element} */ (this.lines.querySelector(".lab-at")).setAttribute("d", "");
    this.masked(new Uint8Array(players).fill(1));
    this.prediction(setup.logits);
  }

  /** @param {Uint8Array} row */
  masked(row) {
    if (!this.setup) return;
    drawMasked(this.asked, this.setup, row);
    const shown = row.reduce((a, b) => a + b, 0);
    this.words.textContent = `${shown} of ${row.length} segments shown. Tap one to hide it.`;
    this.asked.setAttribute("aria-label", `The picture with ${shown} of ${row.length} segments shown; arrow keys choose one, space switches it`);
    this.all.hidden = shown === row.length;
  }

  /** @param {ArrayLike<number>} logits */
  prediction(logits) {
    if (!this.setup) return;
    const shares = softmax(logits);
    this.meters.replaceChildren(
      ...this.setup.classes.map((name, k) =>
        make("div.lab-meter", {}, make("span", {}, name),
          make("b", { "aria-hidden": "true" }, make("i", { style: `width:${100 * shares[k]}%;background:${CLASS_COLOURS[k % 5]}` })),
          make("span", {}, `${percent(shares[k])} (${number(logits[k])})`)),
      ),
    );
  }

  /**
   * @param {{setup: Setup, result: Result, title: string}[]} runs one, or two side by side on one scale
   */
  results(runs) {
    const scale = Math.max(...runs.flatMap(({ result }) => Array.from(result.values, Math.abs)), 1e-9);
    this.maps.forEach(({ canvas, title, sum, figure }, i) => {
      figure.hidden = i > 0 && !runs[i];
      if (!runs[i]) return;
      const { setup, result, title: words } = runs[i];
      drawMap(canvas, setup, result.values, scale);
      title.textContent = words;
      const total = result.values.reduce((a, b) => a + b, 0);
      const gap = result.full - result.base - total;
      sum.textContent =
        `${number(result.base)} + ${number(total)} = ${number(result.base + total)}` +
        (Math.abs(gap) < 0.005 ? "" : `, but the output is ${number(result.full)}`);
      const strongest = [...result.values.keys()].sort((a, b) => Math.abs(result.values[b]) - Math.abs(result.values[a]));
      canvas.setAttribute("aria-label", `${words}: map of ${result.values.length} segments; strongest is segment ${strongest[0] + 1} with ${number(result.values[strongest[0]])}`);
    });
    const [low, , high] = this.scale.children;
    low.textContent = number(-scale);
    high.textContent = number(scale);
    this.bars(runs[0].result, scale);
  }

  /** @param {Result} result @param {number} scale */
  bars({ values, errors }, scale) {
    const strongest = [...values.keys()].sort((a, b) => Math.abs(values[b]) - Math.abs(values[a])).slice(0, SHOWN);
    const reach = Math.max(scale, ...strongest.map((i) => Math.abs(values[i]) + (errors?.[i] ?? 0)));
    const place = (/** @type {number} */ value) => 50 + (50 * value) / reach;
    const rows = strongest.map((i) => {
      const [low, high] = [Math.min(0, values[i]), Math.max(0, values[i])].map(place);
      const bar = make("i", { class: values[i] < 0 ? "lab-less" : "lab-more", style: `left:${low}%;width:${high - low}%` });
      const half = errors?.[i];
      const whisker = half === undefined ? "" : make("u", { style: `left:${place(values[i] - half)}%;width:${(100 * half) / reach}%` });

      return make("tr", {}, make("th", { scope: "row" }, `segment ${i + 1}`), make("td", {}, make("b", { "aria-hidden": "true" }, bar, whisker)),
        make("td", {}, number(values[i]) + (half === undefined ? "" : ` ± ${number(half)}`)));
    });
    while (rows.length < Math.min(SHOWN, values.length)) rows.push(make("tr", {}));
    this.list.replaceChildren(make("tbody", {}, ...rows));
  }

  /** @param {"running" | "paused" | "ready"} state */
  state(state) {
    this.halt.disabled = state === "ready";
    this.halt.textContent = state === "paused" ? "Go on" : "Pause";
    this.one.disabled = state === "running";
    this.end.disabled = state === "ready";
    this.long.disabled = state !== "ready";
  }
}
