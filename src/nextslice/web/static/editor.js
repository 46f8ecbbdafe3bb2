/**
 * The mask that is being drawn, as the screen has it: its pixels, its steps, and what it was drawn
 * upon.
 *
 * A tool calls begin(), changes `mask`, says what it touched, and ends with commit() or cancel().
 */

import { difference, History } from "./history.js";

/** @typedef {import("./raster.js").Rect} Rect */

export class Editor {
  history = new History();
  /** @type {Uint8Array | null} the mask before the step that is being drawn */
  #before = null;
  /** @type {((rect?: Rect) => void)[]} */
  #redraw = [];
  /** @type {(() => void)[]} */
  #changed = [];

  /**
   * @param {object} start
   * @param {string} start.id the slice
   * @param {number} start.width @param {number} start.height
   * @param {import("./raster.js").Spacing} start.spacing
   * @param {import("./orientation.js").Orientation} start.orientation how it is turned for the screen
   * @param {Uint8Array} start.mask what to begin with; copied
   * @param {Uint8Array} start.stored what the server has, or would be drawn anew; copied
   * @param {number} start.version the newest version of the server; 0: none
   * @param {"annotation" | "proposal" | "empty"} start.origin where `stored` came from
   */
  constructor({ id, width, height, spacing, orientation, mask, stored, version, origin }) {
    this.id = id;
    this.width = width;
    this.height = height;
    this.spacing = spacing;
    this.orientation = orientation;
    this.mask = mask.slice();
    this.stored = stored.slice();
    this.version = version;
    /** The newest version of the server that the person was told of. */
    this.told = version;
    this.origin = origin;
  }

  /** @param {(rect?: Rect) => void} listener called when pixels look different */
  onRedraw(listener) {
    this.#redraw.push(listener);
  }

  /** @param {() => void} listener called after each whole step */
  onChange(listener) {
    this.#changed.push(listener);
  }

  /** Whether the mask differs from what the server has. */
  get dirty() {
    return !same(this.mask, this.stored);
  }

  /** Whether a step is being drawn. */
  get drawing() {
    return this.#before !== null;
  }

  begin() {
    this.#before ??= this.mask.slice();
  }

  /** @param {Rect | null} rect pixels that a tool changed */
  touch(rect) {
    if (rect) for (const listener of this.#redraw) listener(rect);
  }

  commit() {
    const before = this.#before;
    this.#before = null;
    if (!before) return;
    const runs = difference(before, this.mask);
    this.history.push(runs);
    if (runs.length) this.#tell();
  }

  cancel() {
    const before = this.#before;
    this.#before = null;
    if (!before) return;
    this.mask.set(before);
    this.#look();
  }

  /** One whole step. @param {() => Rect | null} change */
  step(change) {
    this.begin();
    this.touch(change());
    this.commit();
  }

  /** Take over another mask, as one step. @param {Uint8Array} mask */
  replace(mask) {
    this.begin();
    this.mask.set(mask);
    this.#look();
    this.commit();
  }

  undo() {
    if (this.drawing || !this.history.undo(this.mask)) return false;
    this.#look();
    this.#tell();
    return true;
  }

  redo() {
    if (this.drawing || !this.history.redo(this.mask)) return false;
    this.#look();
    this.#tell();
    return true;
  }

  /** The server has this mask now. @param {Uint8Array} mask @param {number} version */
  acknowledge(mask, version) {
    this.stored.set(mask);
    this.version = version;
    this.origin = "annotation";
    this.#tell();
  }

  /** The answer was taken back: the mask stays, to be saved anew. @param {Uint8Array} stored @param {"proposal" | "empty"} origin */
  unanswer(stored, origin) {
    this.stored.set(stored);
    this.origin = origin;
    this.#tell();
  }

  #look() {
    for (const listener of this.#redraw) listener();
  }

  #tell() {
    for (const listener of this.#changed) listener();
  }
}

/** @param {Uint8Array} a @param {Uint8Array} b */
export function same(a, b) {
  return a.length === b.length && a.every((value, k) => value === b[k]);
}
