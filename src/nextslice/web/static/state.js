/**
 * What the page shows now, in one place; whoever draws a part listens to it.
 *
 * @typedef {object} View
 * @property {import("./api.js").Overview | null} overview the newest answer of the server
 * @property {boolean} online whether the server answered last time
 * @property {string | null} current id of the slice that is open
 * @property {number} offset 0: the queried slice; else a neighbour, for context
 * @property {string} tool brush, eraser, polygon, lasso or fill
 * @property {number} label class that is painted; 0 is background
 * @property {number} brush diameter in pixels
 * @property {number} opacity of the overlay, 0 to 1
 * @property {boolean} protect paint on background alone
 * @property {boolean} heat whether the uncertainty is shown
 * @property {boolean} hidden whether the overlay is hidden for a moment
 * @property {boolean} smooth whether the scan is interpolated
 * @property {boolean} keyboard whether the arrow keys move the drawing cursor
 * @property {{low: number, high: number} | null} window grey values shown black and white
 * @property {string} annotator the name given
 */

/** @typedef {{get: () => View, set: (patch: Partial<View>) => void, on: (names: (keyof View)[], listener: () => void) => void}} Store */

/** @param {View} initial @returns {Store} */
export function createStore(initial) {
  let view = initial;
  /** @type {{names: (keyof View)[], listener: () => void}[]} */
  const listeners = [];
  return {
    get: () => view,
    set(patch) {
      const changed = /** @type {(keyof View)[]} */ (Object.keys(patch)).filter(
        (name) => !Object.is(view[name], patch[name]),
      );
      if (!changed.length) return;
      view = { ...view, ...patch };
      for (const { names, listener } of listeners) {
        if (names.some((name) => changed.includes(name))) listener();
      }
    },
    on(names, listener) {
      listeners.push({ names, listener });
    },
  };
}

/** @returns {View} */
export function initialView() {
  return {
    overview: null,
    online: true,
    current: null,
    offset: 0,
    tool: "brush",
    label: 1,
    brush: 5,
    opacity: 0.4,
    protect: false,
    heat: false,
    hidden: false,
    smooth: true,
    keyboard: false,
    window: null,
    annotator: "",
  };
}

/** The slice that is open, as the server last told it. @param {View} view */
export function currentSlice(view) {
  return view.overview?.slices.find((slice) => slice.id === view.current) ?? null;
}
