/** The slices of the open query, with what became of each. */

import { byId, fill, h } from "./dom.js";
import { greyLayer } from "./layers.js";
import * as slices from "./slices.js";

const SIDE = 112; // canvas pixels; shown at half that on a fine screen

/** @typedef {import("./api.js").Slice} Slice */

export class Strip {
  /** @type {Map<string, {button: HTMLButtonElement, state: HTMLElement}>} */
  #items = new Map();
  #drawn = "";

  /**
   * @param {import("./state.js").Store} store
   * @param {import("./work.js").Work} work
   * @param {(slice: Slice) => void} open
   */
  constructor(store, work, open) {
    this.store = store;
    this.work = work;
    this.open = open;
    this.list = byId("strip-list");
    store.on(["overview", "current"], () => this.update());
    work.onChange(() => this.update());
  }

  update() {
    const { overview, current } = this.store.get();
    if (!overview) return;
    const ids = overview.slices.map((slice) => slice.id).join("\n");
    if (ids !== this.#drawn) this.#build(overview.slices);
    this.#drawn = ids;
    for (const slice of overview.slices) this.#mark(slice, slice.id === current);
  }

  /** @param {Slice[]} all */
  #build(all) {
    this.#items.clear();
    const items = all.map((slice) => {
      const picture = h("canvas", { width: SIDE, height: SIDE, "aria-hidden": "true" });
      const state = h("span", { class: "state" });
      const button = h(
        "button",
        { type: "button", class: "thumb", onclick: () => this.#choose(slice.id) },
        picture,
        h("span", { class: "case", title: slice.case }, ...breakable(slice.case)),
        h("span", { class: "quiet" }, `slice ${slice.index}`),
        state,
      );
      this.#items.set(slice.id, { button, state });
      whenSeen(picture, () => void draw(picture, slice));
      return h("li", {}, button);
    });
    fill(this.list, ...items);
  }

  /** @param {string} id */
  #choose(id) {
    const slice = this.store.get().overview?.slices.find((each) => each.id === id);
    if (slice) this.open(slice);
  }

  /** @param {Slice} slice @param {boolean} isCurrent */
  #mark(slice, isCurrent) {
    const item = this.#items.get(slice.id);
    if (!item) return;
    const [look, words] = this.#state(slice);
    if (item.state.textContent !== words) item.state.textContent = words;
    item.state.className = `state ${look}`;
    if (isCurrent && item.button.getAttribute("aria-current") !== "true") {
      item.button.scrollIntoView({ block: "nearest" });
    }
    item.button.setAttribute("aria-current", String(isCurrent));
  }

  /** @param {Slice} slice @returns {[string, string]} a class, and words */
  #state(slice) {
    const { annotator } = this.store.get();
    const { editor, drafted } = this.work;
    const drawn = editor?.id === slice.id ? editor.dirty : drafted.has(slice.id);
    if (drawn) return ["draft", "✎ not saved"];
    if (slice.leased_to && slice.leased_to !== annotator) return ["held", `● ${slice.leased_to}`];
    if (slice.state === "labelled") return ["done", "✓ done"];
    if (slice.state === "skipped") return ["skipped", "– skipped"];
    return ["open", "to do"];
  }
}

/** A name that is broken after its signs, if it must be. @param {string} name */
function breakable(name) {
  return name.split(/(?<=[_.-])/).flatMap((part) => [part, h("wbr")]);
}

/** @param {HTMLCanvasElement} canvas @param {Slice} slice */
async function draw(canvas, slice) {
  const image = await slices.image(slice).catch(() => null);
  if (!image) return;
  const grey = greyLayer(image, { low: image.meta.low, high: image.meta.high });
  const pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  const { x, y } = slices.orientationOf(slice).spacing(slice.spacing);
  const scale = SIDE / Math.max(image.width * x, image.height * y);
  const width = image.width * x * scale;
  const height = image.height * y * scale;
  pen.imageSmoothingQuality = "high";
  pen.drawImage(grey, (SIDE - width) / 2, (SIDE - height) / 2, width, height);
}

/** @param {Element} element @param {() => void} work once it comes into view */
function whenSeen(element, work) {
  const observer = new IntersectionObserver((entries) => {
    if (!entries.some((entry) => entry.isIntersecting)) return;
    observer.disconnect();
    work();
  });
  observer.observe(element);
}
