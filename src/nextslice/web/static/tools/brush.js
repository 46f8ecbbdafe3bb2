/** Brush and eraser: paint along the way of the pointer. */

import { paintLine } from "../raster.js";
import { mayErase, mayPaint } from "./paint.js";

/** @typedef {import("./index.js").Tool} Tool */

export const brush = stroking("brush", "Brush", "B", "Drag to paint. [ and ] change the size.", false);
export const eraser = stroking("eraser", "Eraser", "E", "Drag to erase. [ and ] change the size.", true);

/**
 * @param {string} name @param {string} words @param {string} key @param {string} hint
 * @param {boolean} erases
 * @returns {Tool}
 */
function stroking(name, words, key, hint, erases) {
  /** @type {import("../raster.js").Point | null} */
  let last = null;
  /** @type {Tool["move"]} */
  const draw = (at, { editor, store }) => {
    if (!last) return;
    const view = store.get();
    editor.touch(
      paintLine(
        editor,
        last,
        at,
        view.brush,
        editor.spacing,
        erases ? 0 : view.label,
        erases ? mayErase(view) : mayPaint(view),
      ),
    );
    last = at;
  };
  return {
    name,
    words,
    key,
    hint,
    down(at, desk) {
      desk.editor.begin();
      last = at;
      draw(at, desk);
    },
    move: draw,
    up({ editor }) {
      last = null;
      editor.commit();
    },
    cancel({ editor }) {
      last = null;
      editor.cancel();
    },
  };
}
