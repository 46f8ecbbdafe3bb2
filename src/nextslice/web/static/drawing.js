/**
 * Pointer and arrow keys -> the tool that is chosen. Knows where drawing is allowed.
 */

import { announce } from "./announce.js";
import { colourOf } from "./colours.js";
import { byId } from "./dom.js";
import { toolNamed } from "./tools/index.js";

/** @typedef {import("./raster.js").Point} Point */

/** @type {Record<string, Point>} */
const ARROWS = {
  arrowleft: { x: -1, y: 0 },
  arrowright: { x: 1, y: 0 },
  arrowup: { x: 0, y: -1 },
  arrowdown: { x: 0, y: 1 },
};
const FAR = 5; // pixels that an arrow key goes with Shift

export class Drawing {
  /** Where the arrow keys have moved the cursor, in image pixels. @type {Point} */
  #at = { x: 0, y: 0 };
  #penDown = false;
  /** @type {import("./tools/index.js").Tool | null} the tool in use, between down and up */
  #using = null;

  /**
   * @param {import("./state.js").Store} store
   * @param {import("./work.js").Work} work
   * @param {import("./viewer.js").Viewer} viewer
   */
  constructor(store, work, viewer) {
    this.store = store;
    this.work = work;
    this.viewer = viewer;
    store.on(["tool", "current", "offset"], () => this.giveUp());
    store.on(["brush", "label", "tool"], () => this.#showKeyboardCursor());
    store.on(["keyboard"], () => this.#toggleKeyboard());
  }

  /** @param {Point} screen @returns {boolean} whether drawing began */
  down(screen) {
    if (!this.#allowed()) return false;
    this.#press(this.#toImage(screen));
    return true;
  }

  /** @param {Point} screen */
  move(screen) {
    const desk = this.#desk();
    if (!desk || !this.#using) return;
    this.#using.move(this.#toImage(screen), desk);
    this.#cursorAt(this.#toImage(screen), false);
  }

  up() {
    const desk = this.#desk();
    if (desk) this.#using?.up(desk);
    this.#using = null;
    this.#refresh();
  }

  cancel() {
    const desk = this.#desk();
    if (desk) this.#using?.cancel(desk);
    this.#using = null;
    this.#refresh();
  }

  /** @param {Point | null} screen null: the pointer has left */
  hover(screen) {
    if (!this.viewer.viewport || this.store.get().keyboard) return;
    if (!screen) {
      this.viewer.cursor = null;
      this.viewer.drawMarks();
      return;
    }
    const at = this.#toImage(screen);
    this.#tool.hover?.(at);
    this.#cursorAt(at, false);
  }

  /** Half a polygon, a pen that is down: given up. */
  giveUp() {
    const desk = this.#desk();
    if (desk) {
      for (const tool of [this.#using, this.#tool]) tool?.cancel(desk);
    }
    this.#using = null;
    this.#penDown = false;
    this.#refresh();
  }

  /**
   * A key for a half drawn polygon, or for the cursor of the arrow keys.
   *
   * @param {string} key in lower case, "shift " before it where Shift is held
   * @returns {boolean} whether it was used
   */
  press(key) {
    const desk = this.#desk();
    if (!desk) return false;
    const keys = /** @type {Record<string, string>} */ ({ enter: "Enter", backspace: "Backspace", escape: "Escape" });
    if (keys[key] && this.#tool.press?.(keys[key], desk)) return true;
    if (!this.store.get().keyboard) return false;
    const plain = key.replace("shift ", "");
    if (ARROWS[plain]) {
      this.#walk(ARROWS[plain], plain === key ? 1 : FAR);
      return true;
    }
    if (key === " ") {
      this.#pen();
      return true;
    }
    if (key === "escape") {
      this.store.set({ keyboard: false });
      return true;
    }
    return false;
  }

  get #tool() {
    return toolNamed(this.store.get().tool);
  }

  #desk() {
    const { editor } = this.work;
    if (!editor) return null;
    const pixel = () => this.viewer.viewport?.pixel ?? { x: 1, y: 1 };
    return { editor, store: this.store, refresh: () => this.#refresh(), pixel };
  }

  #allowed() {
    const { offset } = this.store.get();
    if (offset) announce("This neighbour is for context, read-only. Home goes back to draw.");
    return Boolean(this.work.editor) && offset === 0;
  }

  /** @param {Point} at */
  #press(at) {
    const desk = this.#desk();
    if (!desk) return;
    this.#using = this.#tool;
    this.#using.down(at, desk);
    this.#cursorAt(at, false);
  }

  #pen() {
    if (!this.#allowed()) return;
    const tool = this.#tool;
    if (tool.taps) {
      this.#press(this.#at);
      this.up();
      announce(`${tool.words}: ${this.#where()}.`);
      return;
    }
    this.#penDown = !this.#penDown;
    if (this.#penDown) this.#press(this.#at);
    else this.up();
    announce(`Pen ${this.#penDown ? "down" : "up"} at ${this.#where()}.`);
  }

  /** @param {Point} direction @param {number} pixels */
  #walk(direction, pixels) {
    const { editor } = this.work;
    const desk = this.#desk();
    if (!editor || !desk) return;
    const inside = (/** @type {number} */ value, /** @type {number} */ end) =>
      Math.min(end - 0.5, Math.max(0.5, value));
    this.#at = {
      x: inside(this.#at.x + direction.x * pixels, editor.width),
      y: inside(this.#at.y + direction.y * pixels, editor.height),
    };
    if (this.#penDown) this.#using?.move(this.#at, desk);
    else this.#tool.hover?.(this.#at);
    this.#showKeyboardCursor();
  }

  #toggleKeyboard() {
    const { editor } = this.work;
    const { keyboard } = this.store.get();
    this.giveUp();
    if (keyboard && editor) {
      this.#at = { x: Math.floor(editor.width / 2) + 0.5, y: Math.floor(editor.height / 2) + 0.5 };
      byId("surface").focus();
      announce("Drawing by keys: arrows move, Space puts the pen down and up, K or Escape ends.");
    } else {
      this.viewer.cursor = null;
      announce("Drawing by keys is off.");
    }
    this.#showKeyboardCursor();
  }

  #where() {
    return `row ${Math.floor(this.#at.y) + 1}, column ${Math.floor(this.#at.x) + 1}`;
  }

  #showKeyboardCursor() {
    if (this.store.get().keyboard) this.#cursorAt(this.#at, true);
    else if (this.viewer.cursor) this.#cursorAt(this.viewer.cursor.at, false);
  }

  /** @param {Point} at @param {boolean} cross */
  #cursorAt(at, cross) {
    const { editor } = this.work;
    const { tool, brush, label } = this.store.get();
    if (!editor) return;
    const strokes = tool === "brush" || tool === "eraser";
    this.viewer.cursor = {
      at,
      size: strokes ? brush : 0,
      spacing: editor.spacing,
      colour: tool === "eraser" || label === 0 ? "#ffffff" : colourOf(label),
      cross,
    };
    this.#refresh();
  }

  #refresh() {
    this.viewer.trace = this.#tool.trace?.() ?? null;
    this.viewer.drawMarks();
  }

  /** @param {Point} screen */
  #toImage(screen) {
    return this.viewer.viewport?.toImage(screen) ?? { x: 0, y: 0 };
  }
}
