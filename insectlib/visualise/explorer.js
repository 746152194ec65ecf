/* The coalition explorer: a game with few players, played in the page (chapter 04_shapley).

   Each `.coalition-explorer` holds a still picture, a table for pages without scripts, and JSON:
   the network's logits for every coalition, in the order of insectlib.coalitions.all_coalitions
   (bit i of the row number says whether player i is there). Everything shown is computed from
   these numbers. explorer.py writes the element; nothing is fetched. */
(() => {
  "use strict";

  const MINUS = "\u2212";
  const STEP_MS = 1100; // pause between two players while an order plays

  // ---- the game -------------------------------------------------------------------------------

  class Game {
    constructor(data) {
      const bytes = Uint8Array.from(atob(data.logits), (letter) => letter.charCodeAt(0));
      const view = new DataView(bytes.buffer);
      this.n = data.players.length;
      this.classes = data.classes.length;
      this.everybody = 2 ** this.n - 1;
      this.logits = new Float64Array(bytes.length / 4);
      this.shares = new Float64Array(this.logits.length);
      for (let i = 0; i < this.logits.length; i++) this.logits[i] = view.getFloat32(4 * i, true);
      for (let i = 0; i < this.logits.length; i += this.classes) this.softmax(i);
    }

    softmax(start) {
      const row = this.logits.subarray(start, start + this.classes);
      const top = Math.max(...row);
      const powers = Array.from(row, (logit) => Math.exp(logit - top));
      const total = powers.reduce((a, b) => a + b, 0);
      powers.forEach((power, k) => (this.shares[start + k] = power / total));
    }

    probability(row, k) {
      return this.shares[row * this.classes + k];
    }

    /* What a coalition earns: percentage points, or logits. */
    value(row, goal) {
      const at = row * this.classes + goal.k;
      return goal.unit === "points" ? 100 * this.shares[at] : this.logits[at];
    }

    /* The smallest and the largest value that any coalition earns. */
    range(goal) {
      if (goal.unit === "points") return [0, 100];
      const all = Array.from({ length: this.everybody + 1 }, (_, row) => this.value(row, goal));
      return [Math.min(...all), Math.max(...all)];
    }

    leaveOneOut(goal) {
      const whole = this.value(this.everybody, goal);
      return this.players().map((i) => whole - this.value(this.everybody - 2 ** i, goal));
    }

    /* The mean over all orders. Those in which the same players came before are taken together. */
    exact(goal) {
      const weight = [1 / this.n];
      for (let s = 1; s < this.n; s++) weight.push((weight[s - 1] * s) / (this.n - s));
      const phi = new Array(this.n).fill(0);
      for (let row = 0; row < this.everybody; row++) {
        const here = this.value(row, goal);
        const w = weight[this.players().filter((i) => row & (1 << i)).length];
        for (let i = 0; i < this.n; i++) {
          if (!(row & (1 << i))) phi[i] += w * (this.value(row | (1 << i), goal) - here);
        }
      }
      return phi;
    }

    players() {
      return Array.from({ length: this.n }, (_, i) => i);
    }
  }

  /* Random numbers from 0 to 1 that are the same in every browser: mulberry32. */
  function generator(seed) {
    let state = seed | 0;
    return () => {
      state = (state + 0x6d2b79f5) | 0;
      let t = Math.imul(state ^ (state >>> 15), 1 | state);
      t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
      return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
    };
  }

  function shuffled(n, random) {
    const order = Array.from({ length: n }, (_, i) => i);
    for (let i = n - 1; i > 0; i--) {
      const j = Math.floor(random() * (i + 1));
      [order[i], order[j]] = [order[j], order[i]];
    }
    return order;
  }

  // ---- words and elements ---------------------------------------------------------------------

  function digits(value, places, sign) {
    const text = Math.abs(value).toFixed(places);
    const zero = Number(text) === 0;
    return (value < 0 && !zero ? MINUS : sign ? "+" : "") + text;
  }

  const places = (goal) => (goal.unit === "points" ? 1 : 2);
  const signed = (value, goal) => digits(value, places(goal), true);
  const level = (value, goal) => digits(value, places(goal), false) + (goal.unit === "points" ? "%" : "");
  const thousands = (count) => String(count).replace(/\B(?=(\d{3})+$)/g, ",");

  function factorial(n) {
    return n < 2 ? 1 : n * factorial(n - 1);
  }

  /* make("p.ce-note", {role: "status"}, "text", child, ...) */
  function make(what, attributes, ...children) {
    const [tag, ...classes] = what.split(".");
    const element = document.createElement(tag);
    if (classes.length) element.className = classes.join(" ");
    for (const [name, value] of Object.entries(attributes || {})) {
      if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
      else if (value === true) element.setAttribute(name, "");
      else if (value !== false && value != null) element.setAttribute(name, value);
    }
    element.append(...children);
    return element;
  }

  // ---- two kinds of picture -------------------------------------------------------------------

  /* A drawn specimen: SVG groups that belong to players. */
  class SceneView {
    constructor(still) {
      this.element = still.querySelector("svg");
      this.layers = [...this.element.querySelectorAll("[data-player]")];
      this.layers.forEach((layer) => layer.classList.add("ce-layer"));
      this.ground = Number(this.layers[0].dataset.player);
    }

    /* A small copy that follows the large one. */
    mini() {
      const box = document.createElement("div");
      const id = this.element.querySelector("g[id]").id;
      box.innerHTML = `<svg viewBox="${this.element.getAttribute("viewBox")}"><use href="#${id}"/></svg>`;
      return box;
    }

    show(row) {
      for (const layer of this.layers) {
        layer.classList.toggle("ce-off", !(row & (1 << layer.dataset.player)));
      }
    }

    mark(player) {
      for (const layer of this.layers) {
        layer.classList.toggle("ce-hot", Number(layer.dataset.player) === player);
      }
      this.element.classList.toggle("ce-ground-hot", player === this.ground);
    }

    label(text) {
      this.element.setAttribute("aria-label", text);
    }

    /* The player under the pointer: what is seen there, or else what was there. */
    playerAt(event, row) {
      const here = document
        .elementsFromPoint(event.clientX, event.clientY)
        .map((element) => element.closest("[data-player]"))
        .filter((layer) => layer && this.element.contains(layer))
        .map((layer) => Number(layer.dataset.player));
      const front = here.filter((player) => player !== this.ground);
      const shown = front.find((player) => row & (1 << player));
      return shown ?? front[0] ?? this.ground;
    }
  }

  /* Any picture: regions of pixels, shown or hidden behind a background. */
  class RegionView {
    constructor(still, data, ready) {
      this.image = still.querySelector("img");
      this.data = data;
      this.canvas = make("canvas", { role: "img" });
      const outlines = still.querySelector("svg");
      this.groups = [...outlines.querySelectorAll("[data-region]")];
      this.element = make("div.ce-regions", {}, this.canvas, outlines);
      this.cells = this.spread(data.runs);
      const sources = [this.image.decode()];
      if (!data.background.startsWith("#")) {
        this.hidden = new Image();
        this.hidden.src = data.background;
        sources.push(this.hidden.decode());
      }
      Promise.all(sources).then(() => this.prepare()).then(ready);
    }

    spread(runs) {
      const cells = [];
      for (let i = 0; i < runs.length; i += 2) {
        for (let k = 0; k < runs[i + 1]; k++) cells.push(runs[i]);
      }
      return Uint8Array.from(cells);
    }

    mini() {
      this.copy = make("canvas", { width: 256, height: 256 });
      return make("div", {}, this.copy);
    }

    regionOf(x, y) {
      const [rows, columns] = this.data.shape;
      const clip = (v, top) => Math.min(Math.max(Math.floor(v), 0), top - 1);
      return this.cells[clip(y * rows, rows) * columns + clip(x * columns, columns)];
    }

    pixels(source) {
      const pen = make("canvas", { width: this.width, height: this.height }).getContext("2d");
      if (typeof source === "string") {
        pen.fillStyle = source;
        pen.fillRect(0, 0, this.width, this.height);
      } else {
        pen.drawImage(source, 0, 0, this.width, this.height);
      }
      return new Uint32Array(pen.getImageData(0, 0, this.width, this.height).data.buffer);
    }

    prepare() {
      // small pictures are enlarged, so that regions have smooth contents and straight edges
      const scale = Math.max(1, Math.round(512 / this.image.naturalWidth));
      this.width = this.canvas.width = scale * this.image.naturalWidth;
      this.height = this.canvas.height = scale * this.image.naturalHeight;
      this.picture = this.pixels(this.image);
      this.behind = this.pixels(this.hidden || this.data.background);
      this.of = new Uint8Array(this.width * this.height);
      for (let y = 0, i = 0; y < this.height; y++) {
        for (let x = 0; x < this.width; x++, i++) {
          this.of[i] = this.regionOf((x + 0.5) / this.width, (y + 0.5) / this.height);
        }
      }
      this.show(this.row || 0);
    }

    show(row) {
      this.row = row;
      this.groups.forEach((group, i) => group.classList.toggle("ce-off", !(row & (1 << i))));
      if (!this.of) return;
      const image = new ImageData(this.width, this.height);
      const target = new Uint32Array(image.data.buffer);
      for (let i = 0; i < target.length; i++) {
        target[i] = row & (1 << this.of[i]) ? this.picture[i] : this.behind[i];
      }
      const pen = this.canvas.getContext("2d");
      pen.putImageData(image, 0, 0);
      this.copy.height = Math.round((this.copy.width * this.height) / this.width);
      this.copy.getContext("2d").drawImage(this.canvas, 0, 0, this.copy.width, this.copy.height);
    }

    mark(player) {
      this.groups.forEach((group, i) => group.classList.toggle("ce-hot", i === player));
    }

    label(text) {
      this.canvas.setAttribute("aria-label", text);
    }

    playerAt(event) {
      const box = this.canvas.getBoundingClientRect();
      const x = (event.clientX - box.left) / box.width;
      const y = (event.clientY - box.top) / box.height;
      return this.regionOf(x, y);
    }
  }

  // ---- the explorer ---------------------------------------------------------------------------

  class Explorer {
    constructor(root) {
      this.root = root;
      this.data = JSON.parse(root.querySelector("script").textContent);
      this.game = new Game(this.data);
      this.n = this.game.n;
      this.row = this.game.everybody;
      this.goal = { k: this.data.explained, unit: "points" };
      this.random = generator(this.data.seed || 1);
      this.orders = []; // every order that was played to its end
      this.all = false; // whether all orders have been counted
      this.order = null; // the order that is being played, and how many have joined
      this.step = 0;
      this.build();
      this.changeGoal();
    }

    id(name) {
      return `${this.root.id}-${name}`;
    }

    build() {
      const still = this.root.querySelector(".ce-still");
      const ready = () => this.root.classList.add("ce-ready");
      this.view =
        this.data.kind === "scene"
          ? new SceneView(still)
          : new RegionView(still, this.data, ready);
      const stage = make("div.ce-stage", {}, this.view.element);
      stage.addEventListener("click", (event) => {
        const player = this.view.playerAt(event, this.row);
        if (player != null) this.toggle(player);
      });
      const title = this.root.querySelector(".ce-title");
      title.id = this.id("title");
      this.root.setAttribute("role", "group");
      this.root.setAttribute("aria-labelledby", title.id);
      this.status = make("p.ce-status", { role: "status" });
      this.change = make("p.ce-change", { role: "status" });
      const table = this.root.querySelector(".ce-still-table");
      const pin = make("div.ce-pin", {}, stage);
      const top = make("div.ce-top", {}, pin, make("div.ce-side", {}, this.buildClasses(), this.status, this.change));
      const play = make("div.ce-play", {}, top, this.buildPlayers(), this.buildOrder());
      still.replaceWith(play, this.buildCredit());
      title.after(this.buildTasks());
      addEventListener("beforeprint", () => this.orders.length || this.playAll());
      table.remove();
      if (this.data.kind === "scene") ready();
    }

    /* What there is to do, each a link to its place. */
    buildTasks() {
      const tasks = [...this.root.querySelectorAll(".ce-heading")].map((heading) =>
        make("li", {}, make("a", { href: `#${heading.id}` }, heading.lastChild.textContent)),
      );
      return make("ol.ce-tasks", { "aria-label": "what to do" }, ...tasks);
    }

    heading(number, text, note) {
      const badge = make("span.ce-badge", { "aria-hidden": "true" }, number);
      const id = this.id(`task-${number}`);
      const heading = make("p.ce-heading", { id, role: "heading", "aria-level": 3 }, badge, text);
      return [heading, make("p.ce-note", {}, note)];
    }

    buildClasses() {
      this.bars = this.data.classes.map((name, k) => {
        const input = make("input", {
          type: "radio",
          name: this.id("class"),
          value: k,
          checked: k === this.goal.k,
          onchange: () => {
            this.goal.k = k;
            this.changeGoal();
          },
        });
        const fill = make("span.ce-fill", { style: `background:${this.data.colours[k]}` });
        const number = make("span.ce-number");
        const words = make("span.ce-words", {}, make("span", {}, name), number);
        const bar = make("span.ce-bar", { "aria-hidden": "true" }, fill);
        const label = make("label.ce-class", {}, input, make("span.ce-class-body", {}, words, bar));
        return { label, fill, number };
      });
      const legend = make("legend", {}, "The network says; choose what is explained");
      return make("fieldset.ce-classes", {}, legend, ...this.bars.map((bar) => bar.label));
    }

    buildPlayers() {
      const { noun, players, spoken, letters } = this.data;
      this.chips = players.map((name, i) =>
        make(
          "button.ce-chip",
          {
            type: "button",
            "aria-label": spoken[i] === name ? name : `${noun} ${spoken[i]}`,
            onclick: () => this.toggle(i),
            onpointerenter: (event) => event.pointerType === "mouse" && this.view.mark(i),
            onpointerleave: () => this.view.mark(null),
            onfocus: (event) => event.target.matches(":focus-visible") && this.view.mark(i),
            onblur: () => this.view.mark(null),
          },
          letters && letters[i] !== name ? `${letters[i]} ${name}` : name,
        ),
      );
      const row = make(
        "div.ce-chips",
        { role: "group", "aria-label": `${noun}s to switch on and off` },
        ...this.chips,
      );
      row.addEventListener("keydown", (event) => this.moveFocus(event));
      const everything = (text, coalition) =>
        make("button.ce-plain", { type: "button", onclick: () => this.set(coalition) }, text);
      const ends = make(
        "div.ce-ends",
        {},
        everything("Show all", this.game.everybody),
        everything("Hide all", 0),
      );
      const note = `Press a ${noun}, here or in the picture, and watch the answer.`;
      return make(
        "div.ce-panel.ce-panel-play",
        {},
        ...this.heading("1", `Switch ${noun}s on and off`, note),
        row,
        ends,
      );
    }

    moveFocus(event) {
      const move = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      const at = this.chips.indexOf(document.activeElement);
      if (!move || at < 0) return;
      event.preventDefault();
      this.chips[(at + move + this.n) % this.n].focus();
    }

    buildOrder() {
      this.list = make("ol.ce-order", { "aria-label": "the order of joining" });
      this.start = make("p.ce-ends-line");
      this.end = make("p.ce-ends-line");
      this.next = make("button.ce-main", { type: "button", onclick: () => this.advance() });
      this.play = make("button.ce-plain.ce-hold", { type: "button", onclick: () => this.togglePlay() });
      const mini = this.view.mini();
      mini.className = "ce-mini";
      mini.setAttribute("aria-hidden", "true");
      this.progress = make("div.ce-progress", {}, mini, make("div", {}, this.start, this.end));
      const other = make(
        "button.ce-plain",
        { type: "button", onclick: () => this.drawOrder() },
        "Another order",
      );
      const note =
        `Each ${this.data.noun} gets what it adds at the moment it joins. ` +
        "Try another order: the amounts change, their sum does not.";
      return make(
        "div.ce-panel.ce-panel-play",
        {},
        ...this.heading("2", "Let them join, one by one", note),
        make("div.ce-buttons", {}, this.next, this.play, other),
        this.progress,
        this.list,
      );
    }

    buildCredit() {
      const orders = factorial(this.n);
      const more = (count) =>
        make(
          "button.ce-plain",
          { type: "button", onclick: () => this.playMany(count) },
          `${thousands(count)} ${count === 1 ? "order" : "orders"}`,
        );
      const all = make(
        "button.ce-plain",
        { type: "button", onclick: () => this.playAll() },
        `all ${thousands(orders)}`,
      );
      this.count = make("p.ce-count", { role: "status" });
      const unit = (value, text) => {
        const input = make("input", {
          type: "radio",
          name: this.id("unit"),
          value,
          checked: value === this.goal.unit,
          onchange: () => {
            this.goal.unit = value;
            this.changeGoal();
          },
        });
        return make("label", {}, input, make("span", {}, text));
      };
      const units = make(
        "fieldset.ce-units",
        {},
        make("legend", {}, "Count in"),
        unit("points", "percentage points"),
        unit("logits", "logits"),
      );
      this.credit = this.data.players.map((name, i) => {
        const mean = make("span.ce-mean");
        const exact = make("span.ce-exact");
        const out = make("span.ce-out");
        const zero = make("span.ce-zero");
        const track = make("div.ce-track", { "aria-hidden": "true" }, zero, mean, exact, out);
        const cells = [0, 1, 2].map(() => make("td", { role: "cell" }));
        const head = make("th", { scope: "row", role: "rowheader" }, name);
        if (this.data.spoken[i] !== name) head.setAttribute("aria-label", this.data.spoken[i]);
        const line = make("td.ce-track-cell", { role: "cell" }, track);
        return { mean, exact, out, zero, cells, line: make("tr", { role: "row" }, head, line, ...cells) };
      });
      this.sums = [0, 1, 2].map(() => make("td", { role: "cell" }));
      const column = (text, mark) =>
        make(
          "th",
          { scope: "col", role: "columnheader" },
          make(`span.ce-key.ce-key-${mark}`, { "aria-hidden": "true" }),
          text,
        );
      const head = make(
        "tr",
        { role: "row" },
        make("th", { scope: "col", role: "columnheader" }, this.data.noun),
        make("td.ce-track-cell", { role: "cell" }),
        column("mean so far", "mean"),
        column("Shapley value", "exact"),
        column("leave one out", "out"),
      );
      const foot = make(
        "tr",
        { role: "row" },
        make("th", { scope: "row", role: "rowheader" }, "sum"),
        make("td.ce-track-cell", { role: "cell" }),
        ...this.sums,
      );
      this.caption = make("caption");
      const table = make(
        "table.ce-table",
        { role: "table" },
        this.caption,
        make("thead", { role: "rowgroup" }, head),
        make("tbody", { role: "rowgroup" }, ...this.credit.map((entry) => entry.line)),
        make("tfoot", { role: "rowgroup" }, foot),
      );
      this.balance = make("p.ce-balance");
      const note =
        "One order is luck. Play many, and the bars settle at the Shapley values, " +
        "which are the means over all orders.";
      return make(
        "div.ce-panel",
        {},
        ...this.heading("3", "Take the mean over many orders", note),
        make("div.ce-buttons", {}, more(1), more(10), more(100), more(1000), all),
        this.count,
        table,
        this.balance,
        units,
      );
    }

    // ---- what the reader does -----------------------------------------------------------------

    toggle(player) {
      if (this.asks()) return;
      this.view.mark(null); // what was switched off is gone, also under the pointer
      this.leaveOrder();
      const before = this.row;
      this.row ^= 1 << player;
      this.renderCoalition();
      this.renderOrder();
      this.change.textContent = this.changed(before, player);
    }

    set(row) {
      if (this.asks()) return;
      this.leaveOrder();
      this.row = row;
      this.renderCoalition();
      this.renderOrder();
    }

    /* A press while an order is under way holds it and asks; the next one leaves it. */
    asks() {
      const moving = this.timer || (this.step > 0 && this.step < this.n);
      this.stop();
      if (!moving || this.asked === this.step) return false;
      this.asked = this.step;
      this.renderOrder();
      this.change.textContent =
        `An order is under way: ${this.step} of ${this.n} have joined. ` +
        "Press again to leave it, or go on with it below.";
      return true;
    }

    /* What a press has changed, in words: little is seen where other players say the same. */
    changed(before, player) {
      const { classes, players, noun } = this.data;
      const points = { k: this.goal.k, unit: "points" };
      const move = this.game.value(this.row, points) - this.game.value(before, points);
      const left = this.row < before;
      const amount = `${classes[this.goal.k]} ${signed(move, points)} points.`;
      const hint = left && Math.abs(move) < 5 ? ` Not much: hide a second ${noun} as well.` : "";
      return `${left ? "Without" : "With"} ${players[player]}: ${amount}${hint}`;
    }

    changeGoal() {
      this.exact = this.game.exact(this.goal);
      this.out = this.game.leaveOneOut(this.goal);
      this.sum = new Array(this.n).fill(0);
      this.orders.forEach((order) => this.add(order));
      this.renderCoalition();
      this.renderOrder();
      this.renderCredit();
    }

    /* The amounts of one order, added to the sums. */
    add(order) {
      let row = 0;
      for (const player of order) {
        const before = this.game.value(row, this.goal);
        row |= 1 << player;
        this.sum[player] += this.game.value(row, this.goal) - before;
      }
    }

    leaveOrder() {
      this.asked = null;
      this.order = null;
      this.step = 0;
    }

    drawOrder() {
      this.stop();
      this.leaveOrder();
      this.order = shuffled(this.n, this.random);
      this.row = 0;
      this.renderCoalition();
      this.renderOrder();
    }

    advance() {
      if (!this.order || this.step === this.n) {
        this.drawOrder();
        return;
      }
      this.row |= 1 << this.order[this.step];
      this.step += 1;
      if (this.step === this.n) {
        this.orders.push(this.order);
        this.add(this.order);
        this.renderCredit();
      }
      this.renderCoalition();
      this.renderOrder();
    }

    togglePlay() {
      if (this.timer) {
        this.stop();
        this.renderOrder();
        return;
      }
      if (!this.order || this.step === this.n) this.drawOrder();
      const tick = () => {
        this.advance();
        this.timer = this.step < this.n ? setTimeout(tick, STEP_MS) : null;
        this.renderOrder();
      };
      this.timer = setTimeout(tick, STEP_MS);
      this.renderOrder();
    }

    stop() {
      clearTimeout(this.timer);
      this.timer = null;
    }

    playMany(count) {
      cancelAnimationFrame(this.frame);
      this.all = false;
      const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
      const target = (this.target = Math.max(this.target || 0, this.orders.length) + count);
      const batch = calm ? count : Math.max(1, Math.ceil(count / 90)); // at most 90 frames
      const go = () => {
        for (let k = 0; k < batch && this.orders.length < target; k++) {
          const order = shuffled(this.n, this.random);
          this.orders.push(order);
          this.add(order);
        }
        if (this.orders.length < target) this.frame = requestAnimationFrame(go);
        this.renderCredit(this.orders.length < target);
      };
      go();
    }

    playAll() {
      cancelAnimationFrame(this.frame);
      this.target = 0;
      this.all = true;
      this.renderCredit();
    }

    // ---- what the reader sees -----------------------------------------------------------------

    renderCoalition() {
      const { noun, players, what, classes } = this.data;
      const hidden = players.filter((_, i) => !(this.row & (1 << i)));
      this.view.show(this.row);
      this.change.textContent = this.row
        ? ""
        : "A network names something even then. What is shared out begins here.";
      this.chips.forEach((chip, i) => {
        chip.setAttribute("aria-pressed", String(Boolean(this.row & (1 << i))));
      });
      const shares = classes.map((_, k) => this.game.probability(this.row, k));
      shares.forEach((share, k) => {
        this.bars[k].fill.style.width = `${100 * share}%`;
        this.bars[k].number.textContent = `${(100 * share).toFixed(1)}%`;
        this.bars[k].label.classList.toggle("ce-chosen", k === this.goal.k);
      });
      const best = shares.indexOf(Math.max(...shares));
      const shown = `${this.n - hidden.length} of ${this.n} ${noun}s shown`;
      this.status.replaceChildren(
        `${shown}. The network names `,
        make("strong", {}, classes[best]),
        `, ${(100 * shares[best]).toFixed(1)}%.`,
      );
      const without = hidden.length === this.n ? "with nothing shown" : `without ${hidden.join(", ")}`;
      this.view.label(`The picture of ${what}, ${hidden.length ? without : "whole"}`);
    }

    renderOrder() {
      const { goal, game } = this;
      const [low, high] = game.range(goal);
      const at = (value) => (100 * (value - low)) / (high - low || 1);
      const name = this.data.classes[goal.k];
      const order = this.order || [];
      let row = 0;
      const lines = order.map((player, place) => {
        const before = game.value(row, goal);
        row |= 1 << player;
        const after = game.value(row, goal);
        const joined = place < this.step;
        const fill = make("span.ce-rise", {
          style: `left:${at(Math.min(before, after))}%;width:${at(Math.max(before, after)) - at(Math.min(before, after))}%`,
        });
        fill.classList.toggle("ce-fall", after < before);
        const amount = make("span.ce-amount", {}, joined ? signed(after - before, goal) : "");
        const track = make("span.ce-track", { "aria-hidden": "true" }, ...(joined ? [fill] : []));
        const words = make("span.ce-name", {}, this.data.players[player]);
        const line = make("li", { "data-player": player }, words, track, amount);
        line.classList.toggle("ce-waiting", !joined);
        return line;
      });
      this.list.replaceChildren(...lines);
      this.list.hidden = !order.length;
      const nothing = level(game.value(0, goal), goal);
      this.start.textContent = `Nothing shown: ${name} ${nothing}. This is the base value.`;
      this.progress.hidden = !order.length;
      const done = order.length > 0 && this.step === this.n;
      const now = level(game.value(this.row, goal), goal);
      this.end.textContent = done ? `Everything shown: ${name} ${now}.` : `So far: ${name} ${now}.`;
      const following = order[this.step];
      this.next.textContent =
        order.length && !done ? `Next: ${this.data.players[following]} joins` : "Begin with nothing shown";
      this.play.textContent = this.timer ? "Pause" : "Play";
    }

    renderCredit(moving) {
      const { goal, game } = this;
      const count = this.orders.length;
      const mean = this.all ? this.exact : this.sum.map((total) => total / count);
      const known = this.all || count > 0;
      const total = game.value(game.everybody, goal) - game.value(0, goal);
      const all = [0, ...this.exact, ...this.out, ...(known ? mean : [])];
      const show = (shown) => (known ? signed(shown, goal) : "\u2013");
      const reach = Math.max(...all) - Math.min(...all) || 1;
      const low = Math.min(...all) - 0.03 * reach;
      const at = (value) => (100 * (value - low)) / (1.06 * reach);
      this.credit.forEach((entry, i) => {
        const value = known ? mean[i] : 0;
        entry.zero.style.left = `${at(0)}%`;
        entry.mean.hidden = !known;
        entry.mean.style.left = `${at(Math.min(0, value))}%`;
        entry.mean.style.width = `${at(Math.max(0, value)) - at(Math.min(0, value))}%`;
        entry.mean.classList.toggle("ce-fall", value < 0);
        entry.exact.hidden = !known;
        entry.exact.style.left = `${at(this.exact[i])}%`;
        entry.out.style.left = `${at(this.out[i])}%`;
        const texts = [show(value), show(this.exact[i]), signed(this.out[i], goal)];
        entry.cells.forEach((cell, k) => (cell.textContent = texts[k]));
      });
      const add = (values) => values.reduce((a, b) => a + b, 0);
      const sums = [show(add(mean)), show(add(this.exact)), signed(add(this.out), goal)];
      this.sums.forEach((cell, k) => (cell.textContent = sums[k]));
      const unit = goal.unit === "points" ? "percentage points" : "logits";
      const name = this.data.classes[goal.k];
      this.caption.textContent = `What each ${this.data.noun} adds to ${name}, in ${unit}`;
      const [whole, base] = [game.everybody, 0].map((row) => level(game.value(row, goal), goal));
      this.balance.textContent =
        `${whole} with everything shown, less ${base} with nothing shown, is ${signed(total, goal)}. ` +
        `The Shapley values add up to it. Leaving one out adds up to ${sums[2]}.`;
      if (moving) return;
      const gap = Math.max(...mean.map((value, i) => Math.abs(value - this.exact[i])));
      this.count.textContent = this.all
        ? `All ${thousands(factorial(this.n))} orders: the means are the Shapley values.`
        : count
          ? `${thousands(count)} ${count === 1 ? "order" : "orders"} played. Largest distance to a Shapley value: ${digits(gap, places(goal), false)}.`
          : "No order played yet: the Shapley values show with the first.";
    }
  }

  function begin() {
    for (const root of document.querySelectorAll(".coalition-explorer:not([role])")) new Explorer(root);
  }

  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", begin);
  else begin();
})();
