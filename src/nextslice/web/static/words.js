/** What the bar and the head of the stage say. */

import { byId, fill, h } from "./dom.js";
import { orientationOf } from "./slices.js";
import { currentSlice } from "./state.js";

const BODY = /** @type {Record<string, string>} */ ({
  R: "right", L: "left", A: "front", P: "back", S: "head", I: "feet",
});

/** @param {import("./state.js").Store} store @param {import("./work.js").Work} work */
export function keepWords(store, work) {
  store.on(["overview", "annotator", "online"], () => tellProject(store.get()));
  store.on(["overview", "current", "offset"], () => tellSlice(store.get()));
  store.on(["overview"], () => tellMask(store.get(), work));
  work.onChange(() => {
    tellSlice(store.get());
    tellMask(store.get(), work);
  });
  tellProject(store.get());
}

/** @param {import("./state.js").View} view */
function tellProject({ overview, annotator, online }) {
  byId("connection").hidden = online;
  byId("name-button").textContent = annotator;
  if (!overview) return;
  byId("title").textContent = overview.title;
  document.title = `${overview.title} · nextslice`;
  const all = overview.slices.length;
  const done = overview.slices.filter((slice) => slice.state !== "queried").length;
  byId("progress-words").textContent = `Query ${overview.cycle + 1}: ${done} of ${all} slices answered`;
  const bar = byId("progress-bar");
  if (!bar.firstChild) bar.append(h("span"));
  bar.firstChild.style.width = `${all ? (100 * done) / all : 0}%`;
}

/** @param {import("./state.js").View} view */
function tellSlice(view) {
  const slice = currentSlice(view);
  const surface = byId("surface");
  surface.classList.toggle("context", view.offset !== 0);
  surface.classList.toggle("draws", view.offset === 0);
  const banner = byId("context");
  banner.hidden = view.offset === 0;
  banner.textContent = `Context, slice ${signed(view.offset)} · read-only · Home goes back`;
  if (!slice) return;
  const place = view.overview ? view.overview.slices.indexOf(slice) + 1 : 0;
  fill(byId("slice-title"), slice.case);
  byId("slice-title").title = slice.case;
  tellSides(slice);
  byId("slice-place").textContent =
    `slice ${slice.index} · ${slice.position_mm.toFixed(1)} mm · ` +
    `${place} of ${view.overview?.slices.length ?? 0}`;
}

/** Which way is the patient's right, front or head. @param {import("./api.js").Slice} slice */
function tellSides(slice) {
  const { sides } = orientationOf(slice);
  const line = byId("sides");
  const shape = Object.values(sides).join("");
  if (line.dataset.shape === shape) return;
  line.dataset.shape = shape;
  line.hidden = false;
  fill(
    line,
    ...Object.entries(sides).map(([side, letter]) =>
      h("span", { class: side, title: `The patient's ${BODY[letter]}` }, letter),
    ),
  );
}

/**
 * Where the mask on the screen comes from, and whether it is saved.
 *
 * @param {import("./state.js").View} view @param {import("./work.js").Work} work
 */
function tellMask(view, { editor }) {
  const place = byId("mask-state");
  const slice = currentSlice(view);
  if (!editor) {
    place.textContent = "";
    return;
  }
  const origin = editor.dirty ? "draft" : editor.origin;
  const words = {
    draft: "changed, not saved",
    annotation: slice?.annotator && slice.version === editor.version ? `saved by ${slice.annotator}` : "saved",
    proposal: "the model's proposal, not saved",
    empty: "empty, not saved",
  };
  place.className = origin;
  place.textContent = slice?.state === "skipped" && !editor.dirty ? "skipped" : words[origin];
}

/** @param {number} offset */
function signed(offset) {
  return offset > 0 ? `+${offset}` : `−${Math.abs(offset)}`;
}
