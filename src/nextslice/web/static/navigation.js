/** Which slice is open, and which comes next. */

import { announce } from "./announce.js";
import { ApiError } from "./api.js";
import { byId, h } from "./dom.js";
import { currentSlice } from "./state.js";

/** @typedef {import("./api.js").Slice} Slice */

export class Navigation {
  /** The query that the person was told of. */
  #toldCycle = -1;
  /** @type {Set<string>} */
  #taught = new Set();

  /**
   * @param {import("./state.js").Store} store
   * @param {import("./work.js").Work} work
   * @param {import("./saving.js").Saving} saving
   */
  constructor(store, work, saving) {
    this.store = store;
    this.work = work;
    this.saving = saving;
  }

  /** @param {Slice} slice */
  async open(slice) {
    try {
      const origin = await this.work.open(slice);
      if (origin) this.#teach(origin);
      if (this.store.get().current === slice.id) await this.saving.retry();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      announce(
        `This slice cannot be shown. ${error.message} ${error.remedy}`,
        "bad",
        h("button", { type: "button", onclick: () => void this.open(slice) }, "Try again"),
      );
    }
  }

  /** @param {number} by 1: the next slice of the query, -1: the one before */
  go(by) {
    const { overview, current } = this.store.get();
    if (!overview?.slices.length) return;
    const here = overview.slices.findIndex((slice) => slice.id === current);
    const next = overview.slices[here + by];
    if (next) return void this.open(next);
    announce(by > 0 ? "This is the last slice of the query." : "This is the first slice of the query.");
  }

  /** The next slice without an answer, after the one that is open. */
  async nextOpen() {
    const { overview, current } = this.store.get();
    if (!overview) return;
    const here = overview.slices.findIndex((slice) => slice.id === current);
    const order = [...overview.slices.slice(here + 1), ...overview.slices.slice(0, here + 1)];
    const open = order.filter((slice) => slice.state === "queried" && slice.id !== current);
    const next = open.find((slice) => !this.#isTaken(slice)) ?? open[0];
    if (next) {
      await this.open(next);
      byId("surface").focus({ preventScroll: true });
    } else if (overview.phase === "annotating") {
      announce("Saved. Every slice of this query has its answer: finish the query to go on.", "good");
      byId("finish").focus();
    }
  }

  /** The server has told something new. */
  async follow() {
    const view = this.store.get();
    const { overview } = view;
    // What is under way is told by its own answer, and may be this very version.
    if (!overview || this.saving.busy || this.work.sending) return;
    const slice = currentSlice(view);
    if (!slice) return this.#welcome(overview);
    const { editor } = this.work;
    if (!editor || editor.id !== slice.id || slice.version <= editor.version) return;
    const who = slice.annotator ?? "Somebody";
    if (editor.dirty || editor.drawing) {
      if (editor.told < slice.version) {
        announce(`${who} has answered this slice meanwhile. Saving will ask which version counts.`);
      }
      editor.told = slice.version;
      return;
    }
    await this.open(slice);
    announce(`${who} has answered this slice; the newest version is shown.`);
  }

  /** A query whose slices the person has not seen. @param {import("./api.js").Overview} overview */
  async #welcome(overview) {
    const open = overview.slices.filter((slice) => slice.state === "queried");
    const first = open.find((slice) => !this.#isTaken(slice)) ?? open[0] ?? overview.slices[0];
    const words = byId("empty");
    words.hidden = Boolean(first);
    if (!first) {
      words.textContent = "Nothing is asked for at the moment.";
      return;
    }
    if (!this.work.editor) return this.open(first);
    const go = async () => {
      await this.open(first);
      announce(`The next query is here: ${overview.slices.length} slices.`, "good");
    };
    if (!this.work.editor.dirty && !this.work.editor.drawing) return go();
    if (this.#toldCycle === overview.cycle) return;
    this.#toldCycle = overview.cycle;
    announce(
      "The next query is here. What you draw now belongs to the one before; save it first.",
      "plain",
      h("button", { type: "button", onclick: () => void go() }, "Show the next query"),
    );
  }

  /** What to do with a slice, said once each. @param {string} origin */
  #teach(origin) {
    if (this.#taught.has(origin)) return;
    this.#taught.add(origin);
    if (origin === "empty") {
      announce("Choose a label, paint over the structure, then “Save and next”.");
    } else if (origin === "proposal") {
      announce("The colours are the model's proposal. Correct it, then “Save and next”.");
    }
  }

  /** @param {Slice} slice */
  #isTaken(slice) {
    return Boolean(slice.leased_to) && slice.leased_to !== this.store.get().annotator;
  }
}
