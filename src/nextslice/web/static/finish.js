/** The end of a query: training, how far it is, and what comes next. */

import { announce } from "./announce.js";
import { ApiError, postFinish } from "./api.js";
import { duration } from "./curves.js";
import { ask } from "./dialog.js";
import { byId, fill, h } from "./dom.js";

/** @typedef {import("./api.js").Overview} Overview */

export class QueryEnd {
  #shown = "";

  /**
   * @param {import("./state.js").Store} store
   * @param {import("./work.js").Work} work
   * @param {() => Promise<void>} refresh
   */
  constructor(store, work, refresh) {
    this.store = store;
    this.work = work;
    this.refresh = refresh;
    this.place = byId("query-end");
    store.on(["overview"], () => this.update());
  }

  update() {
    const { overview } = this.store.get();
    if (!overview) return;
    // Built anew only when it changes, so that a focused button keeps its focus.
    const complete = overview.slices.every((slice) => slice.state !== "queried");
    const shape = `${overview.phase} ${overview.error} ${complete}`;
    if (shape !== this.#shown) this.#build(overview, complete);
    this.#shown = shape;
    if (overview.phase === "training") this.#tellProgress(overview);
  }

  async finish() {
    const { overview } = this.store.get();
    if (!overview) return;
    await this.work.flush();
    const open = overview.slices.filter((slice) => slice.state === "queried");
    const drafts = overview.slices.filter((slice) => this.work.drafted.has(slice.id));
    if (!overview.labelled && open.length === overview.slices.length) {
      announce("Nothing is annotated yet: there is nothing to train on.", "bad");
      return;
    }
    if (open.length || drafts.length) {
      const words = [];
      if (open.length) {
        words.push(
          `${open.length} ${open.length === 1 ? "slice is" : "slices are"} not annotated; ` +
            `${open.length === 1 ? "it stays" : "they stay"} unlabelled.`,
        );
      }
      if (drafts.length) {
        words.push(
          `${drafts.length} ${drafts.length === 1 ? "slice has" : "slices have"} drawings that ` +
            "are not saved; training does not see them.",
        );
      }
      const answer = await ask("Finish this query?", words, [
        { label: "Go on annotating", value: "" },
        { label: "Finish and train", value: "finish", primary: true },
      ]);
      if (!answer) return;
    }
    try {
      await postFinish(overview.cycle);
      announce("Training has begun. Annotating and correcting can go on meanwhile.", "good");
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      announce(`Training did not begin. ${error.message} ${error.remedy}`, "bad");
    }
    await this.refresh();
  }

  /** @param {Overview} overview @param {boolean} complete whether every slice has its answer */
  #build({ phase, error }, complete) {
    const button = (/** @type {string} */ words) =>
      h(
        "button",
        { type: "button", id: "finish", class: complete && "primary", onclick: () => void this.finish() },
        words,
      );
    if (phase === "annotating") {
      fill(this.place, button("Finish query and train"));
    } else if (phase === "training") {
      fill(
        this.place,
        h("p", { id: "training-words" }, "Training …"),
        h("progress", { id: "training-bar", max: 1, "aria-labelledby": "training-words" }),
        h("p", { class: "quiet", id: "training-left" }),
      );
    } else if (phase === "failed") {
      fill(
        this.place,
        h("p", { class: "bad", role: "alert" }, "The training failed. "),
        h("p", { class: "quiet lines" }, error),
        button("Try again"),
      );
    } else {
      fill(this.place, h("p", {}, "All slices are annotated or skipped: there is nothing left to ask."));
    }
  }

  /** @param {Overview} overview */
  #tellProgress({ progress }) {
    const bar = byId("training-bar");
    if (!progress) {
      bar.removeAttribute("value");
      return;
    }
    const { stage, epoch, epochs, step, steps, loss, seconds_left: left } = progress;
    bar.value = steps ? step / steps : 0;
    byId("training-words").textContent = stage === "train" ? "Training …" : "Choosing the next slices …";
    byId("training-left").textContent = [
      epochs ? `epoch ${epoch} of ${epochs}` : "",
      loss === null ? "" : `loss ${loss.toFixed(3)}`,
      left === null ? "" : `about ${duration(left)} left`,
    ]
      .filter(Boolean)
      .join(" · ");
  }
}
