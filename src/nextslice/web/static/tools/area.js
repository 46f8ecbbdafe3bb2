/** Polygon and lasso: fill what a line goes round. */

import { paintPolygon } from "../raster.js";
import { mayPaint } from "./paint.js";

/**
 * @typedef {import("./index.js").Tool} Tool
 * @typedef {import("./index.js").Desk} Desk
 * @typedef {import("../raster.js").Point} Point
 */

const REACH = 8; // screen pixels

/** @param {Point[]} corners @param {Desk} desk */
function paint(corners, { editor, store }) {
  const view = store.get();
  editor.step(() => paintPolygon(editor, corners, view.label, mayPaint(view)));
}

/** @returns {Tool} */
function makeLasso() {
  /** @type {Point[]} */
  let path = [];
  return {
    name: "lasso",
    words: "Lasso",
    key: "L",
    hint: "Draw round an area; it is filled when you let go.",
    down(at) {
      path = [at];
    },
    move(at, desk) {
      path.push(at);
      desk.refresh();
    },
    up(desk) {
      paint(path, desk);
      path = [];
      desk.refresh();
    },
    cancel(desk) {
      path = [];
      desk.refresh();
    },
    trace: () => (path.length > 1 ? path : null),
  };
}

/** @returns {Tool} */
function makePolygon() {
  /** @type {Point[]} */
  let corners = [];
  /** @type {Point | null} */
  let pointer = null;
  /** @param {Desk} desk */
  const finish = (desk) => {
    paint(corners, desk);
    corners = [];
    desk.refresh();
  };
  return {
    name: "polygon",
    words: "Polygon",
    key: "P",
    hint: "Click corner after corner; Enter or a click on the first one fills it.",
    taps: true,
    down(at, desk) {
      const first = corners[0];
      const last = corners.at(-1);
      // The second click of a double click stands on the last corner.
      if (corners.length >= 3 && (near(at, first, desk) || (last && near(at, last, desk)))) {
        return finish(desk);
      }
      corners.push(at);
      desk.refresh();
    },
    move(at) {
      pointer = at;
    },
    up() {},
    cancel(desk) {
      corners = [];
      desk.refresh();
    },
    hover(at) {
      pointer = at;
    },
    press(key, desk) {
      if (!corners.length) return false;
      if (key === "Enter") finish(desk);
      else if (key === "Backspace") corners.pop();
      else corners = [];
      desk.refresh();
      return true;
    },
    trace: () => (corners.length ? [...corners, ...(pointer ? [pointer] : [])] : null),
  };
}

/** Whether two places look like one on the screen. @param {Point} a @param {Point} b @param {Desk} desk */
function near(a, b, desk) {
  const { x, y } = desk.pixel();
  return Math.hypot((a.x - b.x) * x, (a.y - b.y) * y) <= REACH;
}

export const lasso = makeLasso();
export const polygon = makePolygon();
