/** The page put together. */

import { announce } from "./announce.js";
import { ApiError, getOverview } from "./api.js";
import { showCurves } from "./curves.js";
import { byId, fill, h, key } from "./dom.js";
import { Drawing } from "./drawing.js";
import { QueryEnd } from "./finish.js";
import { listen } from "./gestures.js";
import { showHelp } from "./help.js";
import { listenToKeys } from "./keys.js";
import { Leases } from "./lease.js";
import { Navigation } from "./navigation.js";
import { LARGEST_BRUSH, Panel } from "./panel.js";
import { Saving } from "./saving.js";
import { askForName, knownName, openLink } from "./session.js";
import { askForReason } from "./skip.js";
import { createStore, currentSlice, initialView } from "./state.js";
import { Strip } from "./strip.js";
import { Timer, watch } from "./timer.js";
import { Viewer } from "./viewer.js";
import { keepWords } from "./words.js";
import { Work } from "./work.js";

const BUSY = 1000; // ms between questions to the server while it trains
const CALM = 4000;

const store = createStore(initialView());

let asked = 0;
let heard = 0;

/** Ask the server how things stand. */
async function refresh() {
  const turn = ++asked;
  try {
    const overview = await getOverview();
    if (turn < heard) return; // a later question was answered before: this answer knows less
    heard = turn;
    store.set({ overview, online: true });
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    store.set({ online: !error.offline });
  }
}

async function poll() {
  await refresh();
  const { overview, online } = store.get();
  setTimeout(() => void poll(), overview?.phase === "training" || !online ? BUSY : CALM);
}

async function start() {
  await openLink();
  await refresh();
  store.set({ annotator: knownName() || (await askForName("", false)) });

  const timer = new Timer();
  watch(timer);
  const viewer = new Viewer(store);
  const work = new Work(store, viewer, timer);
  const saving = new Saving(store, work, refresh);
  const drawing = new Drawing(store, work, viewer);
  const navigation = new Navigation(store, work, saving);
  const end = new QueryEnd(store, work, refresh);
  const actions = actionsOf({ viewer, work, saving, drawing, navigation });

  new Panel(store, work, actions);
  new Strip(store, work, (slice) => void navigation.open(slice));
  new Leases(store);
  keepWords(store, work);
  answerButtons(work, actions, saving);
  listenToKeys(actions);
  listenToPointer(viewer, drawing, work, actions);
  byId("help-button").addEventListener("click", () => void showHelp());
  byId("name-button").addEventListener("click", async () => {
    store.set({ annotator: await askForName(store.get().annotator, true) });
  });
  addEventListener("beforeunload", () => void work.flush());

  store.on(["overview"], () => {
    const { overview } = store.get();
    if (overview) showCurves(byId("curves"), overview.history);
    void navigation.follow();
  });
  await poll();
  await work.findDrafts();
  end.update();
  document.body.dataset.ready = "true";
}

/**
 * What keys and buttons do.
 *
 * @param {{viewer: Viewer, work: Work, saving: Saving, drawing: Drawing, navigation: Navigation}} parts
 * @returns {import("./keys.js").Actions}
 */
function actionsOf({ viewer, work, saving, drawing, navigation }) {
  const { get, set } = store;
  const between = (/** @type {number} */ low, /** @type {number} */ value, /** @type {number} */ high) =>
    Math.min(high, Math.max(low, value));
  const middle = () => ({ x: viewer.size.width / 2, y: viewer.size.height / 2 });
  return {
    tool: (tool) => set({ tool }),
    label(label) {
      if (label > (get().overview?.classes.length ?? 0)) return;
      // Choosing a label means to paint with it.
      set(get().tool === "eraser" && label ? { label, tool: "brush" } : { label });
    },
    brush: (by) => set({ brush: between(1, get().brush + by, LARGEST_BRUSH) }),
    opacity: (by) => set({ opacity: between(0, Math.round(10 * (get().opacity + by)) / 10, 1) }),
    undo: () => void work.editor?.undo(),
    redo: () => void work.editor?.redo(),
    copy: () => void work.copyNeighbour(),
    heat: () => set({ heat: !get().heat }),
    smooth: () => set({ smooth: !get().smooth }),
    keyboard: () => set({ keyboard: !get().keyboard }),
    hide: (hidden) => set({ hidden }),
    grab: (held) => byId("surface").classList.toggle("pans", held),
    context: (slices) => void work.look(get().offset + slices),
    back: () => void work.look(0),
    zoom(factor) {
      const at = viewer.cursor && viewer.viewport?.toScreen(viewer.cursor.at);
      viewer.zoom(at ?? middle(), factor);
    },
    reset() {
      const meta = work.scan?.meta;
      if (meta) set({ window: { low: meta.low, high: meta.high } });
      viewer.reset();
    },
    go: (by) => navigation.go(by),
    save: () => void saving.save(),
    async saveNext() {
      if (await saving.save()) await navigation.nextOpen();
    },
    async skip() {
      const reason = work.editor && (await askForReason());
      if (reason && (await saving.skip(reason))) await navigation.nextOpen();
    },
    help: () => void showHelp(),
    press: (pressed) => drawing.press(pressed),
  };
}

/** @param {Work} work @param {import("./keys.js").Actions} actions @param {Saving} saving */
function answerButtons(work, actions, saving) {
  const make = (/** @type {string} */ words, /** @type {string} */ name, /** @type {() => void} */ run, look = "") =>
    h("button", { type: "button", class: look, onclick: run }, words, " ", name && key(name));
  const skip = make("Skip …", "X", actions.skip);
  const back = make("Take back", "", () => void saving.withdraw());
  const save = make("Save", "S", actions.save);
  const next = make("Save and next", "Enter", actions.saveNext, "primary");
  fill(byId("answers"), back, skip, save, next);
  const update = () => {
    const slice = currentSlice(store.get());
    back.hidden = !slice || slice.state === "queried";
    for (const button of [back, skip, save, next]) button.disabled = !work.editor;
  };
  store.on(["overview", "current"], update);
  work.onChange(update);
  update();
}

/** @param {Viewer} viewer @param {Drawing} drawing @param {Work} work @param {import("./keys.js").Actions} actions */
function listenToPointer(viewer, drawing, work, actions) {
  const surface = byId("surface");
  listen(
    surface,
    {
      down: (at) => drawing.down(at),
      move: (at) => drawing.move(at),
      up: () => drawing.up(),
      cancel: () => drawing.cancel(),
      hover: (at) => drawing.hover(at),
      pan: (by) => viewer.pan(by),
      zoom: (at, factor) => viewer.zoom(at, factor),
      window(by) {
        const { window } = store.get();
        const meta = work.scan?.meta;
        if (!window || !meta) return;
        // Across the whole canvas is the whole range that the scan suggests.
        const unit = (meta.high - meta.low) / 400;
        const width = Math.max(unit, window.high - window.low + by.x * unit);
        const level = (window.low + window.high) / 2 + by.y * unit;
        store.set({ window: { low: level - width / 2, high: level + width / 2 } });
      },
      step: (slices) => actions.context(slices),
    },
    () => surface.classList.contains("pans"),
  );
  // After a click on a tool the keys belong to the slice again; by keyboard the focus stays.
  document.addEventListener("click", (event) => {
    const button = /** @type {Element} */ (event.target).closest("#panel button, #answers button");
    if (button && event.detail > 0) surface.focus({ preventScroll: true });
  });
}

start().catch((error) => {
  announce("The page could not start. Reload it; if that does not help, look at the terminal.", "bad");
  throw error;
});
