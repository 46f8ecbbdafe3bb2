/**
 * The slice that is open: its scan, its mask, its draft. One at a time.
 */

import { announce, clock } from "./announce.js";
import { ApiError } from "./api.js";
import { h } from "./dom.js";
import { draftedSlices, dropDraft, placeOf, readDraft, writeDraft } from "./drafts.js";
import { Editor, same } from "./editor.js";
import { MaskLayer } from "./layers.js";
import * as slices from "./slices.js";
import { currentSlice } from "./state.js";

const DRAFT_DELAY = 300; // ms after the last stroke

export class Work {
  /** @type {Editor | null} */
  editor = null;
  /** The slice as it was when it was opened. @type {import("./api.js").Slice | null} */
  slice = null;
  /** The scan of the queried slice. @type {import("./api.js").Image | null} */
  scan = null;
  /** A save without an answer yet. @type {import("./drafts.js").Sending | null} */
  sending = null;
  /** Ids of slices with drafts in this browser. @type {Set<string>} */
  drafted = new Set();
  /** @type {import("./api.js").Mask | null} annotation of the neighbour that is shown */
  #neighbour = null;
  /** @type {MaskLayer | null} */
  #layer = null;
  #turn = 0;
  #look = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #later;
  /** @type {(() => void)[]} */
  #listeners = [];

  /**
   * @param {import("./state.js").Store} store
   * @param {import("./viewer.js").Viewer} viewer
   * @param {import("./timer.js").Timer} timer
   */
  constructor(store, viewer, timer) {
    this.store = store;
    this.viewer = viewer;
    this.timer = timer;
    addEventListener("pagehide", () => void this.flush());
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "hidden") void this.flush();
    });
    store.on(["heat"], () => void this.#showHeat());
  }

  /** @param {() => void} listener called when another slice is open, a step is done or it is saved */
  onChange(listener) {
    this.#listeners.push(listener);
  }

  /** Find out which slices have drafts. */
  async findDrafts() {
    this.drafted = await draftedSlices(this.#project);
  }

  /**
   * @param {import("./api.js").Slice} slice
   * @returns {Promise<Editor["origin"] | "draft" | undefined>} where its mask came from; nothing if it was left again
   */
  async open(slice) {
    const turn = ++this.#turn;
    await this.flush();
    const { cycle } = this.#overview;
    const id = slice.id;
    const other = this.slice?.case !== slice.case;
    // Until it is here, nothing can be drawn, saved or skipped: not the one before either.
    this.editor = null;
    this.sending = null;
    this.viewer.show(null);
    this.viewer.setMask(null);
    this.store.set({ current: id, offset: 0 });
    this.#tell();
    const [image, annotation, proposal, draft] = await Promise.all([
      slices.image(slice),
      slices.annotation(slice),
      slices.proposal(slice, cycle),
      readDraft(this.#place(id)).catch(() => null),
    ]);
    if (turn !== this.#turn || !image) return;
    const { width, height } = image;
    const orientation = slices.orientationOf(slice);
    const stored = annotation?.mask ?? proposal?.mask ?? new Uint8Array(width * height);
    const useful = draft?.mask.length === stored.length && !same(draft.mask, stored);
    const version = Math.max(slice.version, annotation?.meta.version ?? 0);
    const editor = new Editor({
      id,
      width,
      height,
      spacing: orientation.spacing(slice.spacing),
      orientation,
      mask: useful && draft ? draft.mask : stored,
      stored,
      version: useful && draft ? draft.base_version : version,
      origin: annotation ? "annotation" : proposal ? "proposal" : "empty",
    });
    this.slice = slice;
    this.scan = image;
    this.editor = editor;
    this.sending = draft?.sending ?? null;
    this.timer.start(draft?.seconds ?? 0);
    if (other) this.store.set({ window: { low: image.meta.low, high: image.meta.high } });
    this.viewer.show(image, editor.spacing);
    this.#listen(editor);
    void this.#showHeat();
    if (useful && draft) this.#tellDraft(editor, draft.changed, stored);
    else if (draft && !this.sending) await this.#drop(id);
    this.#tell();
    return useful ? "draft" : editor.origin;
  }

  /** A neighbour for context; 0 is the queried slice. @param {number} offset */
  async look(offset) {
    const { slice, editor } = this;
    if (!slice || !editor || editor.drawing) return;
    const index = slice.index + offset;
    if (index < 0 || index >= slice.slices) {
      announce("The volume ends here.");
      return;
    }
    const look = ++this.#look;
    try {
      const [image, neighbour] = await Promise.all([
        slices.image(slice, offset),
        offset ? slices.neighbour(slice, offset) : null,
      ]);
      if (look !== this.#look || editor !== this.editor) return;
      this.#neighbour = neighbour;
      this.store.set({ offset });
      this.viewer.show(image, editor.spacing);
      this.#showMask();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      announce(`This neighbour cannot be shown. ${error.message}`, "bad");
    }
  }

  /** Take over the annotation that is shown as context, or else the nearest one. */
  async copyNeighbour() {
    const { slice, editor } = this;
    if (!slice || !editor || editor.drawing) return;
    const { offset } = this.store.get();
    const found = await (offset ? slices.neighbour(slice, offset) : slices.nearest(slice));
    if (editor !== this.editor) return;
    if (!found || found.mask.length !== editor.mask.length) {
      announce(
        offset
          ? "This neighbour is not annotated: nothing to copy."
          : "No other slice of this volume is annotated: nothing to copy.",
      );
      return;
    }
    if (offset) await this.look(0);
    editor.replace(found.mask);
    announce(`Copied from slice ${found.meta.index}. Undo takes it back.`);
  }

  /** The answer was taken back: what is on the screen is to be saved anew. */
  async startOver() {
    const { slice, editor } = this;
    if (!slice || !editor) return;
    const proposal = await slices.proposal(slice, this.#overview.cycle);
    editor.unanswer(
      proposal?.mask ?? new Uint8Array(editor.mask.length),
      proposal ? "proposal" : "empty",
    );
  }

  /** Write the draft now, if there is one. */
  async flush() {
    clearTimeout(this.#later);
    this.#later = undefined;
    const { editor } = this;
    if (!editor) return;
    if (!editor.dirty && !this.sending) return this.#drop(editor.id);
    this.drafted = new Set([...this.drafted, editor.id]);
    await writeDraft({
      place: this.#place(editor.id),
      mask: editor.mask.slice(),
      base_version: editor.version,
      seconds: this.timer.seconds,
      changed: Date.now(),
      sending: this.sending,
    }).catch(() =>
      announce("This browser does not keep drafts. Save often.", "bad"),
    );
  }

  /** Leave what was drawn and not saved: the slice is as the server has it. Undo brings it back. */
  async dropDraft() {
    this.sending = null;
    this.editor?.replace(this.editor.stored);
    await this.flush();
  }

  get #overview() {
    const { overview } = this.store.get();
    if (!overview) throw new Error("Nothing is known of the project yet.");
    return overview;
  }

  get #project() {
    return this.#overview.project;
  }

  /** @param {string} id */
  #place(id) {
    return placeOf(this.#project, id);
  }

  /** @param {string} id */
  async #drop(id) {
    this.drafted = new Set([...this.drafted].filter((other) => other !== id));
    await dropDraft(this.#place(id)).catch(() => undefined);
  }

  /** @param {Editor} editor */
  #listen(editor) {
    this.#layer = new MaskLayer(editor.mask, editor.width, editor.height);
    this.#showMask();
    editor.onRedraw((rect) => {
      if (editor !== this.editor) return;
      this.#layer?.mark(rect);
      this.viewer.draw();
    });
    editor.onChange(() => {
      if (editor !== this.editor) return;
      clearTimeout(this.#later);
      this.#later = setTimeout(() => void this.flush(), DRAFT_DELAY);
      this.#tell();
    });
  }

  #showMask() {
    const { editor } = this;
    if (!editor) return;
    if (this.store.get().offset === 0) {
      this.viewer.setMask(this.#layer);
      return;
    }
    const shown = this.#neighbour;
    this.viewer.setMask(shown && new MaskLayer(shown.mask, shown.width, shown.height));
  }

  async #showHeat() {
    const { slice } = this;
    if (!slice || !this.store.get().heat) return;
    const values = await slices.uncertainty(slice, this.#overview.cycle).catch(() => null);
    if (slice !== this.slice) return;
    this.viewer.setHeat(values);
    if (!values) announce("No heat map: there is no model yet.");
  }

  /** @param {Editor} editor @param {number} changed @param {Uint8Array} stored */
  #tellDraft(editor, changed, stored) {
    const newer = (currentSlice(this.store.get())?.version ?? 0) > editor.version;
    announce(
      `Draft restored, from ${clock(changed)}; it is not saved yet.` +
        (newer ? " Somebody has saved this slice since; saving will ask which counts." : ""),
      "plain",
      h(
        "button",
        {
          type: "button",
          onclick: () => {
            editor.replace(stored);
            announce("Draft discarded. Undo brings it back.");
          },
        },
        "Discard draft",
      ),
    );
  }

  #tell() {
    for (const listener of this.#listeners) listener();
  }
}
