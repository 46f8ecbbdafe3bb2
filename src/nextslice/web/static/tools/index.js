/**
 * The drawing tools: one object per tool, the same few methods on each.
 *
 * @typedef {import("../raster.js").Point} Point
 * @typedef {{editor: import("../editor.js").Editor, store: import("../state.js").Store, refresh: () => void, pixel: () => Point}} Desk
 *   what a tool works on; refresh draws its trace anew, pixel: screen pixels per image pixel
 * @typedef {object} Tool
 * @property {string} name @property {string} words what it is called @property {string} key
 * @property {string} hint what to do with it
 * @property {(at: Point, desk: Desk) => void} down
 * @property {(at: Point, desk: Desk) => void} move while held down
 * @property {(desk: Desk) => void} up
 * @property {(desk: Desk) => void} cancel give up what is half drawn
 * @property {(at: Point) => void} [hover] moved while not held down
 * @property {(key: string, desk: Desk) => boolean} [press] Enter, Backspace or Escape; whether it was used
 * @property {() => Point[] | null} [trace] a line to show while drawing
 * @property {boolean} [taps] each press is a whole action: nothing is drawn by moving
 */

import { lasso, polygon } from "./area.js";
import { brush, eraser } from "./brush.js";
import { floodfill } from "./fill.js";

/** @type {Tool[]} in the order in which they are shown */
export const TOOLS = [brush, eraser, polygon, lasso, floodfill];

/** @param {string} name @returns {Tool} */
export function toolNamed(name) {
  return TOOLS.find((tool) => tool.name === name) ?? brush;
}
