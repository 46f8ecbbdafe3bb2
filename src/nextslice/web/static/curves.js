/** How far the project is: agreement and annotated slices, query by query. */

import { fill, h, svg } from "./dom.js";

const WIDTH = 240;
const HEIGHT = 84;
const LEFT = 30;
const BOTTOM = 16;
const TOP = 8;

/** @typedef {import("./api.js").Cycle} Cycle */

/** @param {Element} place @param {Cycle[]} history */
export function showCurves(place, history) {
  const agreed = history.filter((cycle) => cycle.agreement !== null);
  const spent = history.reduce((sum, cycle) => sum + cycle.seconds, 0);
  fill(
    place,
    agreed.length
      ? chart(
          "Agreement of proposals with your masks (Dice)",
          agreed.map((cycle) => [cycle.cycle + 1, cycle.agreement ?? 0]),
          1,
          (value) => value.toFixed(1),
        )
      : h("p", { class: "quiet" }, "Once there is a model, a curve here shows how far its proposals agree with your masks. When it stays level, more slices help little."),
    history.length > 1 &&
      chart(
        "Slices annotated",
        history.map((cycle) => [cycle.cycle + 1, cycle.labelled]),
        Math.max(1, ...history.map((cycle) => cycle.labelled)),
        (value) => String(Math.round(value)),
      ),
    spent > 0 && h("p", { class: "quiet" }, `Time spent annotating: ${duration(spent)}`),
  );
}

/** @param {number} seconds */
export function duration(seconds) {
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  return `${Math.floor(seconds / 3600)} h ${Math.round((seconds % 3600) / 60)} min`;
}

/**
 * @param {string} title
 * @param {[number, number][]} points the number of a query, and a value
 * @param {number} top the largest value on the axis
 * @param {(value: number) => string} written
 */
function chart(title, points, top, written) {
  const first = points[0][0];
  const last = Math.max(points[points.length - 1][0], first + 1);
  const x = (/** @type {number} */ query) =>
    LEFT + ((query - first) / (last - first)) * (WIDTH - LEFT - 10);
  const y = (/** @type {number} */ value) =>
    HEIGHT - BOTTOM - (value / top) * (HEIGHT - BOTTOM - TOP);
  const where = points.map(([query, value]) => [x(query), y(value)]);
  const spoken = points.map(([query, value]) => `query ${query}: ${value.toFixed(top > 1 ? 0 : 2)}`);
  return h(
    "figure",
    { class: "curve-figure" },
    h("figcaption", { class: "quiet" }, title),
    svg(
      "svg",
      { class: "chart", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": `${title}. ${spoken.join(", ")}` },
      ...[0, top / 2, top].flatMap((value) => [
        svg("line", { class: "axis", x1: LEFT, x2: WIDTH - 6, y1: y(value), y2: y(value) }),
        svg("text", { x: LEFT - 5, y: y(value) + 3, "text-anchor": "end" }, written(value)),
      ]),
      svg("text", { x: x(first), y: HEIGHT - 3, "text-anchor": "middle" }, String(first)),
      svg("text", { x: x(last), y: HEIGHT - 3, "text-anchor": "middle" }, String(last)),
      svg("text", { x: (LEFT + WIDTH) / 2, y: HEIGHT - 3, "text-anchor": "middle" }, "query"),
      svg("polyline", { class: "curve", points: where.map((point) => point.join(",")).join(" ") }),
      ...where.map(([cx, cy]) => svg("circle", { class: "dot", cx, cy, r: 2.6 })),
    ),
  );
}
