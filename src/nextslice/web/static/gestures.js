/**
 * Pointer events -> drawing, moving, zooming and windowing.
 *
 * Mouse and pencil: left draws, middle or Space and left moves, right sets the window. Touch: one
 * finger draws, two move and zoom. While a pencil is in use, a hand on the screen does not draw.
 */

/**
 * @typedef {import("./raster.js").Point} Point
 * @typedef {object} Actions
 * @property {(at: Point) => boolean} down drawing begins; false: there is nothing to draw on
 * @property {(at: Point) => void} move
 * @property {() => void} up
 * @property {() => void} cancel
 * @property {(at: Point | null) => void} hover
 * @property {(by: Point) => void} pan
 * @property {(at: Point, factor: number) => void} zoom
 * @property {(by: Point) => void} window
 * @property {(slices: number) => void} step
 */

const NOTCH = 50; // wheel pixels per slice
const PENCIL_REST = 700; // ms after the pencil left in which touch is taken for a hand

/**
 * @param {HTMLElement} surface
 * @param {Actions} actions all positions are CSS pixels from the surface's corner
 * @param {() => boolean} spaceHeld
 */
export function listen(surface, actions, spaceHeld) {
  /** @type {Map<number, Point>} */
  const fingers = new Map();
  /** @type {"draw" | "pan" | "window" | "pinch" | null} */
  let doing = null;
  let pointer = -1;
  let pencilSeen = -Infinity;
  let wheel = 0;

  /** @param {PointerEvent | WheelEvent} event @returns {Point} */
  const place = (event) => {
    const box = surface.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  };

  surface.addEventListener("pointerdown", (event) => {
    const at = place(event);
    if (event.pointerType === "pen") pencilSeen = event.timeStamp;
    if (event.pointerType === "touch") {
      if (event.timeStamp - pencilSeen < PENCIL_REST) return;
      fingers.set(event.pointerId, at);
      if (fingers.size > 1) {
        if (doing === "draw") actions.cancel();
        doing = "pinch";
        return;
      }
    }
    if (doing) return;
    const wanted =
      event.button === 1 || (event.button === 0 && spaceHeld())
        ? "pan"
        : event.button === 2
          ? "window"
          : "draw";
    if (wanted === "draw" && (event.button > 0 || !actions.down(at))) return;
    doing = wanted;
    pointer = event.pointerId;
    fingers.set(event.pointerId, at);
    surface.setPointerCapture(event.pointerId);
    event.preventDefault();
    surface.focus({ preventScroll: true });
  });

  surface.addEventListener("pointermove", (event) => {
    const at = place(event);
    if (event.pointerType === "pen") pencilSeen = event.timeStamp;
    if (event.pointerType !== "touch") actions.hover(at);
    const last = fingers.get(event.pointerId);
    if (!last || !doing) return;
    if (doing === "pinch") {
      pinch(event.pointerId, last, at);
    } else if (event.pointerId === pointer) {
      const by = { x: at.x - last.x, y: at.y - last.y };
      if (doing === "pan") actions.pan(by);
      else if (doing === "window") actions.window(by);
      else {
        // A fast pencil reports more often than the screen is drawn.
        const all = event.getCoalescedEvents?.() ?? [];
        for (const each of all.length ? all : [event]) actions.move(place(each));
      }
    }
    fingers.set(event.pointerId, at);
  });

  /** @param {PointerEvent} event */
  const lift = (event) => {
    if (event.pointerType === "pen") pencilSeen = event.timeStamp;
    fingers.delete(event.pointerId);
    if (doing === "pinch") {
      if (!fingers.size) doing = null;
      return;
    }
    if (event.pointerId !== pointer) return;
    if (doing === "draw") {
      if (event.type === "pointerup") actions.up();
      else actions.cancel();
    }
    doing = null;
    pointer = -1;
  };
  surface.addEventListener("pointerup", lift);
  surface.addEventListener("pointercancel", lift);
  surface.addEventListener("pointerleave", () => actions.hover(null));
  surface.addEventListener("contextmenu", (event) => event.preventDefault());

  surface.addEventListener(
    "wheel",
    (event) => {
      event.preventDefault();
      const pixels = event.deltaMode === 0 ? event.deltaY : event.deltaY * NOTCH;
      if (event.ctrlKey || event.metaKey) {
        actions.zoom(place(event), Math.exp(-pixels / 300));
        return;
      }
      if (doing) return;
      wheel = Math.sign(wheel) === -Math.sign(pixels) ? pixels : wheel + pixels;
      const steps = Math.trunc(wheel / NOTCH);
      if (!steps) return;
      // One notch of a wheel is one slice, however many pixels a system makes of it.
      wheel = Math.abs(pixels) >= NOTCH ? 0 : wheel - steps * NOTCH;
      actions.step(-Math.sign(steps)); // as with the arrow keys, up is the next slice
    },
    { passive: false },
  );

  /** @param {number} moved @param {Point} last @param {Point} at */
  function pinch(moved, last, at) {
    const other = [...fingers].find(([id]) => id !== moved)?.[1];
    if (!other) return;
    const middle = { x: (at.x + other.x) / 2, y: (at.y + other.y) / 2 };
    const before = Math.hypot(last.x - other.x, last.y - other.y);
    const now = Math.hypot(at.x - other.x, at.y - other.y);
    actions.pan({ x: (at.x - last.x) / 2, y: (at.y - last.y) / 2 });
    if (before > 0 && now > 0) actions.zoom(middle, now / before);
  }
}
