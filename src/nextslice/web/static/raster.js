/**
 * Shapes -> pixels of a mask. Pure functions; nothing here knows of a page.
 *
 * Positions are in image pixels: pixel (column c, row r) covers [c, c+1) x [r, r+1), its centre
 * is (c + 0.5, r + 0.5). A mask is a Uint8Array in rows, index r * width + c. Each function
 * changes the mask in place and gives back the rectangle it may have changed, or null.
 *
 * @typedef {{x: number, y: number}} Point
 * @typedef {{left: number, top: number, right: number, bottom: number}} Rect right, bottom: excluded
 * @typedef {{mask: Uint8Array, width: number, height: number}} Canvas
 * @typedef {{x: number, y: number}} Spacing millimetres per column and per row
 * @typedef {(old: number) => boolean} MayPaint whether a pixel of this class may be painted over
 */

/** @type {MayPaint} */
const anything = () => true;

/**
 * Paint along a line with a round brush: round in millimetres, so also on pixels that are not square.
 *
 * @param {Canvas} canvas
 * @param {Point} from
 * @param {Point} to
 * @param {number} size diameter, in pixels of the finer side
 * @param {Spacing} spacing
 * @param {number} value the class to paint
 * @param {MayPaint} [mayPaint]
 * @returns {Rect | null}
 */
export function paintLine(canvas, from, to, size, spacing, value, mayPaint = anything) {
  const { mask, width, height } = canvas;
  const fine = Math.min(spacing.x, spacing.y);
  const radius = (size / 2) * fine;
  const reachX = radius / spacing.x + 1;
  const reachY = radius / spacing.y + 1;
  const rect = clipped(
    {
      left: Math.floor(Math.min(from.x, to.x) - reachX),
      top: Math.floor(Math.min(from.y, to.y) - reachY),
      right: Math.ceil(Math.max(from.x, to.x) + reachX),
      bottom: Math.ceil(Math.max(from.y, to.y) + reachY),
    },
    canvas,
  );
  if (!rect) return null;
  const ax = from.x * spacing.x;
  const ay = from.y * spacing.y;
  const dx = to.x * spacing.x - ax;
  const dy = to.y * spacing.y - ay;
  const length2 = dx * dx + dy * dy;
  const limit = radius * radius + 1e-9;
  for (let row = rect.top; row < rect.bottom; row++) {
    const py = (row + 0.5) * spacing.y - ay;
    for (let column = rect.left; column < rect.right; column++) {
      const px = (column + 0.5) * spacing.x - ax;
      const along = length2 ? Math.min(1, Math.max(0, (px * dx + py * dy) / length2)) : 0;
      const ox = px - along * dx;
      const oy = py - along * dy;
      if (ox * ox + oy * oy <= limit) put(mask, row * width + column, value, mayPaint);
    }
  }
  // The finest brush always paints the pixel it stands on, wherever in it the pointer is.
  for (const point of pixelsBetween(from, to)) {
    if (point.x >= 0 && point.y >= 0 && point.x < width && point.y < height) {
      put(mask, point.y * width + point.x, value, mayPaint);
    }
  }
  return rect;
}

/**
 * Paint all pixels whose centre lies inside a closed polygon (even-odd rule).
 *
 * @param {Canvas} canvas
 * @param {Point[]} corners
 * @param {number} value
 * @param {MayPaint} [mayPaint]
 * @returns {Rect | null}
 */
export function paintPolygon(canvas, corners, value, mayPaint = anything) {
  if (corners.length < 3) return null;
  const { mask, width } = canvas;
  const rect = clipped(
    {
      left: Math.floor(Math.min(...corners.map((p) => p.x))),
      top: Math.floor(Math.min(...corners.map((p) => p.y))),
      right: Math.ceil(Math.max(...corners.map((p) => p.x))),
      bottom: Math.ceil(Math.max(...corners.map((p) => p.y))),
    },
    canvas,
  );
  if (!rect) return null;
  for (let row = rect.top; row < rect.bottom; row++) {
    const crossings = crossingsAt(corners, row + 0.5);
    for (let k = 0; k + 1 < crossings.length; k += 2) {
      const first = Math.max(rect.left, Math.ceil(crossings[k] - 0.5));
      const last = Math.min(rect.right - 1, Math.ceil(crossings[k + 1] - 0.5) - 1);
      for (let column = first; column <= last; column++) {
        put(mask, row * width + column, value, mayPaint);
      }
    }
  }
  return rect;
}

/**
 * Paint the connected region (over edges, not corners) of one class that holds a pixel.
 *
 * @param {Canvas} canvas
 * @param {Point} at
 * @param {number} value
 * @param {MayPaint} [mayPaint]
 * @returns {Rect | null}
 */
export function floodFill(canvas, at, value, mayPaint = anything) {
  const { mask, width, height } = canvas;
  const column = Math.floor(at.x);
  const row = Math.floor(at.y);
  if (column < 0 || row < 0 || column >= width || row >= height) return null;
  const old = mask[row * width + column];
  if (old === value || !mayPaint(old)) return null;
  const rect = { left: column, top: row, right: column + 1, bottom: row + 1 };
  const stack = [row * width + column];
  while (stack.length) {
    const start = /** @type {number} */ (stack.pop());
    if (mask[start] !== old) continue;
    const here = Math.floor(start / width);
    let left = start;
    let right = start;
    while (left > here * width && mask[left - 1] === old) left--;
    while (right < (here + 1) * width - 1 && mask[right + 1] === old) right++;
    mask.fill(value, left, right + 1);
    rect.left = Math.min(rect.left, left - here * width);
    rect.right = Math.max(rect.right, right - here * width + 1);
    rect.top = Math.min(rect.top, here);
    rect.bottom = Math.max(rect.bottom, here + 1);
    for (const next of [here - 1, here + 1]) {
      if (next < 0 || next >= height) continue;
      const shift = (next - here) * width;
      for (let k = left + shift; k <= right + shift; k++) {
        if (mask[k] === old && (k === left + shift || mask[k - 1] !== old)) stack.push(k);
      }
    }
  }
  return rect;
}

/**
 * @param {Rect | null} a
 * @param {Rect | null} b
 * @returns {Rect | null} the smallest rectangle that holds both
 */
export function union(a, b) {
  if (!a || !b) return a ?? b;
  return {
    left: Math.min(a.left, b.left),
    top: Math.min(a.top, b.top),
    right: Math.max(a.right, b.right),
    bottom: Math.max(a.bottom, b.bottom),
  };
}

/** @param {Uint8Array} mask @param {number} k @param {number} value @param {MayPaint} mayPaint */
function put(mask, k, value, mayPaint) {
  if (mask[k] !== value && mayPaint(mask[k])) mask[k] = value;
}

/** @param {Rect} rect @param {Canvas} canvas @returns {Rect | null} */
function clipped(rect, { width, height }) {
  const inside = {
    left: Math.max(0, rect.left),
    top: Math.max(0, rect.top),
    right: Math.min(width, rect.right),
    bottom: Math.min(height, rect.bottom),
  };
  return inside.left < inside.right && inside.top < inside.bottom ? inside : null;
}

/** The pixels under a line, sampled twice per pixel. @param {Point} from @param {Point} to */
function* pixelsBetween(from, to) {
  const steps = Math.max(1, Math.ceil(2 * Math.hypot(to.x - from.x, to.y - from.y)));
  for (let k = 0; k <= steps; k++) {
    yield {
      x: Math.floor(from.x + ((to.x - from.x) * k) / steps),
      y: Math.floor(from.y + ((to.y - from.y) * k) / steps),
    };
  }
}

/** Where a polygon's sides cross a row, from left to right. @param {Point[]} corners @param {number} y */
function crossingsAt(corners, y) {
  const found = [];
  for (let k = 0; k < corners.length; k++) {
    const a = corners[k];
    const b = corners[(k + 1) % corners.length];
    if (a.y <= y !== b.y <= y) found.push(a.x + ((y - a.y) / (b.y - a.y)) * (b.x - a.x));
  }
  return found.sort((p, q) => p - q);
}
