/** Flood fill: give a connected region of one label another. */

import { floodFill } from "../raster.js";
import { mayPaint } from "./paint.js";

/** @type {import("./index.js").Tool} */
export const floodfill = {
  name: "fill",
  words: "Fill",
  key: "F",
  hint: "Click into a closed region to fill it with the label.",
  taps: true,
  down(at, { editor, store }) {
    const view = store.get();
    editor.step(() => floodFill(editor, at, view.label, mayPaint(view)));
  },
  move() {},
  up() {},
  cancel() {},
};
