/** Labels, tools and view: what keys do, for pointers and screen readers. */

import { colourOf, heatStops } from "./colours.js";
import { byId, fill, h, key, svg } from "./dom.js";
import { highestOf } from "./layers.js";
import * as slices from "./slices.js";
import { currentSlice } from "./state.js";
import { TOOLS, toolNamed } from "./tools/index.js";

export const LARGEST_BRUSH = 60;

export class Panel {
  /**
   * @param {import("./state.js").Store} store
   * @param {import("./work.js").Work} work
   * @param {import("./keys.js").Actions} actions
   */
  constructor(store, work, actions) {
    this.store = store;
    this.work = work;
    this.actions = actions;
    this.labels = h("div", { class: "labels", role: "radiogroup", "aria-label": "Label" });
    this.tools = h("div", { class: "contents", role: "radiogroup", "aria-label": "Tool" });
    this.hint = h("p", { class: "hint", id: "tool-hint" });
    this.undo = button("Undo", "Ctrl Z", () => actions.undo());
    this.redo = button("Redo", "Ctrl Y", () => actions.redo());
    this.brush = slider("Brush", 1, LARGEST_BRUSH, 1, (value) => store.set({ brush: value }));
    this.opacity = slider("Labels' opacity", 0, 100, 5, (value) => store.set({ opacity: value / 100 }));
    this.level = slider("Window level", 0, 100, 1, (value) => this.#window({ level: value }));
    this.width = slider("Window width", 1, 200, 1, (value) => this.#window({ width: value }));
    this.protect = check("Paint on background alone", "", (on) => store.set({ protect: on }));
    this.heat = check("Uncertainty (heat map)", "H", () => actions.heat());
    this.smooth = check("Smooth scan", "I", () => actions.smooth());
    this.keyboard = check("Draw with arrow keys", "K", () => actions.keyboard());
    this.score = h("div", { class: "score" });
    this.curves = h("div", { id: "curves" });
    fill(
      byId("panel"),
      group("Label", this.labels),
      group(
        "Tool",
        h("div", { class: "tools" }, this.tools, button("Copy", "C", () => actions.copy(), "Copy the mask of the nearest annotated slice")),
        h("div", { class: "steps" }, this.undo, this.redo),
        this.hint,
        this.brush.element,
        this.protect.element,
      ),
      group("Why this slice", this.score),
      group(
        "View",
        this.#neighbours(),
        this.opacity.element,
        this.level.element,
        this.width.element,
        this.heat.element,
        this.smooth.element,
        this.keyboard.element,
        button("Reset zoom and window", "R", () => actions.reset()),
      ),
      group("Progress", this.curves),
    );
    store.on(["overview"], () => this.#buildLabels());
    store.on(
      ["label", "tool", "brush", "opacity", "window", "heat", "smooth", "keyboard", "protect"],
      () => this.update(),
    );
    store.on(["overview", "current", "heat"], () => void this.#tellScore());
    work.onChange(() => this.update());
    for (const tool of TOOLS) {
      this.tools.append(
        radio(() => actions.tool(tool.name), tool.words, key(tool.key), { "data-tool": tool.name }),
      );
    }
    steps(this.tools);
    steps(this.labels);
    this.update();
  }

  /** The neighbouring slices, for those without a wheel. */
  #neighbours() {
    const { context, back } = this.actions;
    return h(
      "div",
      { class: "neighbours", role: "group", "aria-label": "Neighbouring slices" },
      h("span", {}, "Neighbouring slices, to look at"),
      button("−1", "↓", () => context(-1), "The neighbouring slice below, to look at"),
      button("back", "Home", back, "Back to the slice that is asked for"),
      button("+1", "↑", () => context(1), "The neighbouring slice above, to look at"),
    );
  }

  update() {
    const view = this.store.get();
    for (const item of this.labels.children) choose(item, item.dataset.label === String(view.label));
    for (const item of this.tools.children) choose(item, item.dataset.tool === view.tool);
    this.hint.textContent = toolNamed(view.tool).hint;
    this.brush.set(view.brush, `${view.brush} px`);
    this.opacity.set(Math.round(100 * view.opacity), `${Math.round(100 * view.opacity)} %`);
    this.heat.set(view.heat);
    this.smooth.set(view.smooth);
    this.keyboard.set(view.keyboard);
    this.protect.set(view.protect);
    const range = this.#range();
    if (view.window && range) {
      const level = (view.window.low + view.window.high) / 2;
      const width = view.window.high - view.window.low;
      this.level.set((100 * (level - range.low)) / range.width, level.toPrecision(4));
      this.width.set((100 * width) / range.width, width.toPrecision(4));
    }
    const { editor } = this.work;
    this.undo.disabled = !editor?.history.canUndo;
    this.redo.disabled = !editor?.history.canRedo;
  }

  /** The window that the scan suggests: the sliders' 0 to 100. */
  #range() {
    const image = this.work.scan;
    if (!image) return null;
    const { low, high } = image.meta;
    return { low, width: Math.max(high - low, 1e-9) };
  }

  /** @param {{level?: number, width?: number}} change in percent of the range */
  #window(change) {
    const { window } = this.store.get();
    const range = this.#range();
    if (!window || !range) return;
    const level =
      change.level === undefined
        ? (window.low + window.high) / 2
        : range.low + (change.level / 100) * range.width;
    const width =
      change.width === undefined ? window.high - window.low : (change.width / 100) * range.width;
    this.store.set({ window: { low: level - width / 2, high: level + width / 2 } });
  }

  #buildLabels() {
    const names = this.store.get().overview?.classes ?? [];
    if (this.labels.childElementCount === names.length + 1) return;
    const item = (/** @type {number} */ label, /** @type {string} */ name) =>
      radio(
        () => this.actions.label(label),
        svg(
          "svg",
          { class: "swatch", viewBox: "0 0 16 16", "aria-hidden": "true" },
          svg("rect", {
            x: 1, y: 1, width: 14, height: 14, rx: 3,
            fill: label ? colourOf(label) : "none",
            stroke: label ? "none" : "#aab5bf",
          }),
        ),
        h("span", { class: "name", title: name }, name),
        label <= 9 && key(String(label)),
        { "data-label": label },
      );
    fill(this.labels, ...names.map((name, k) => item(k + 1, name)), item(0, "background"));
    this.update();
  }

  async #tellScore() {
    const view = this.store.get();
    const slice = currentSlice(view);
    if (!slice || !view.overview) return;
    const scored = view.overview.slices.filter((each) => each.score !== null);
    const rank = 1 + scored.filter((each) => (each.score ?? 0) > (slice.score ?? 0)).length;
    const words =
      slice.score === null
        ? ["There is no model yet: these slices were drawn at random, as a start."]
        : [
            rank === 1
              ? `The model is least sure of this slice, of ${scored.length} asked for.`
              : `Number ${rank} of ${scored.length} asked for by the model's uncertainty.`,
            `Score ${written(slice.score)}; higher is less sure.`,
          ];
    if (slice.agreement !== null) {
      words.push(`The proposal agrees with the saved mask by ${(100 * slice.agreement).toFixed(0)} % (Dice).`);
    }
    const parts = words.map((line) => h("p", { class: "quiet" }, line));
    if (view.heat) {
      const values = await slices.uncertainty(slice, view.overview.cycle).catch(() => null);
      if (values) parts.push(...legend(highestOf(values.values)));
    }
    fill(this.score, ...parts);
  }
}

/** @param {number} score */
function written(score) {
  return Math.abs(score) >= 0.001 || score === 0 ? score.toPrecision(3) : score.toExponential(1);
}

/** @param {string} title @param {...Node} content */
function group(title, ...content) {
  return h("section", { class: "group" }, h("h3", {}, title), ...content);
}

/** @param {string} words @param {string} keys @param {() => void} run @param {string} [title] */
function button(words, keys, run, title) {
  return h("button", { type: "button", onclick: run, title }, words, key(keys));
}

/** @param {() => void} run @param {...any} content children, and last their properties */
function radio(run, ...content) {
  const properties = content.pop();
  return h("button", { type: "button", role: "radio", onclick: run, ...properties }, ...content);
}

/** @param {any} item @param {boolean} chosen */
function choose(item, chosen) {
  item.setAttribute("aria-checked", String(chosen));
  item.tabIndex = chosen ? 0 : -1;
}

/** Arrow keys within a group of which one is chosen. @param {HTMLElement} group */
function steps(group) {
  group.addEventListener("keydown", (event) => {
    const by = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
    if (!by) return;
    const items = /** @type {HTMLElement[]} */ ([...group.children]);
    const here = items.indexOf(/** @type {HTMLElement} */ (document.activeElement));
    const next = items[(here + by + items.length) % items.length];
    event.preventDefault();
    event.stopPropagation();
    next.click();
    next.focus();
  });
}

/** @param {string} words @param {number} low @param {number} high @param {number} step @param {(value: number) => void} changed */
function slider(words, low, high, step, changed) {
  const input = h("input", { type: "range", min: low, max: high, step, "aria-label": words });
  const output = h("output", { "aria-hidden": "true" });
  input.addEventListener("input", () => changed(Number(input.value)));
  return {
    element: h("div", { class: "slider" }, h("span", {}, words), output, input),
    /** @param {number} value @param {string} shown */
    set(value, shown) {
      input.value = String(value);
      input.setAttribute("aria-valuetext", shown);
      output.textContent = shown;
    },
  };
}

/** @param {string} words @param {string} keys @param {(on: boolean) => void} changed */
function check(words, keys, changed) {
  const input = h("input", { type: "checkbox", onchange: () => changed(input.checked) });
  return {
    element: h("label", { class: "check" }, input, words, keys && key(keys)),
    /** @param {boolean} on */
    set: (on) => (input.checked = on),
  };
}

/** @param {number} highest */
function legend(highest) {
  const stops = heatStops();
  const marks = stops.map((colour, k) =>
    svg("stop", { offset: k / (stops.length - 1), "stop-color": colour }),
  );
  return [
    svg(
      "svg",
      { class: "legend", viewBox: "0 0 100 10", preserveAspectRatio: "none", "aria-hidden": "true" },
      svg("defs", {}, svg("linearGradient", { id: "heat" }, ...marks)),
      svg("rect", { width: 100, height: 10, fill: "url(#heat)" }),
    ),
    h("p", { class: "head quiet" }, h("span", {}, "sure"), h("span", {}, `${highest.toPrecision(2)} of 1`)),
  ];
}
