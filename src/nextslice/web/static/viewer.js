/**
 * The slice on a 2D canvas: scan, heat, mask and its outlines; above it the trace and the cursor.
 *
 * Draws what it is given; decides nothing. Two canvases, so that a moving cursor does not make
 * the scan be drawn anew.
 */

import { colourOf } from "./colours.js";
import { byId } from "./dom.js";
import { greyLayer, heatLayer, MaskLayer } from "./layers.js";
import { Viewport } from "./viewport.js";

/**
 * @typedef {import("./raster.js").Point} Point
 * @typedef {{at: Point, size: number, spacing: import("./raster.js").Spacing, colour: string, cross: boolean}} Cursor
 */

export class Viewer {
  /** @type {import("./api.js").Image | null} */
  image = null;
  /** @type {MaskLayer | null} */
  mask = null;
  /** @type {Viewport | null} */
  viewport = null;
  /** @type {Point[] | null} */
  trace = null;
  /** @type {Cursor | null} */
  cursor = null;
  /** @type {HTMLCanvasElement | undefined} */
  #grey;
  /** @type {HTMLCanvasElement | null} */
  #heat = null;
  #asked = { picture: false, marks: false };
  #fitted = false;

  /** @param {import("./state.js").Store} store */
  constructor(store) {
    this.store = store;
    /** @type {HTMLCanvasElement} */
    this.canvas = byId("picture");
    /** @type {HTMLCanvasElement} */
    this.marks = byId("marks");
    store.on(["opacity", "hidden", "heat", "smooth", "offset"], () => this.draw());
    store.on(["window"], () => {
      this.#paintGrey();
      this.draw();
    });
    new ResizeObserver(() => this.#resize()).observe(this.canvas);
  }

  get size() {
    return { width: this.canvas.clientWidth, height: this.canvas.clientHeight };
  }

  /**
   * Show a scan; the view stays where it is if the grid is the same.
   *
   * @param {import("./api.js").Image | null} image
   * @param {import("./raster.js").Spacing} [spacing]
   */
  show(image, spacing) {
    this.image = image;
    if (image && spacing) {
      const fresh = new Viewport(spacing, image.width, image.height);
      if (!this.viewport?.isLike(fresh)) {
        this.viewport = fresh;
        this.reset();
      }
      this.#paintGrey();
    }
    this.draw();
  }

  /** @param {MaskLayer | null} layer */
  setMask(layer) {
    this.mask = layer;
    this.draw();
  }

  /** @param {import("./api.js").Image | null} values */
  setHeat(values) {
    this.#heat = values && heatLayer(values);
    this.draw();
  }

  /** The whole slice, in the middle. */
  reset() {
    this.viewport?.fit(this.size.width, this.size.height);
    this.#fitted = true;
    this.draw();
  }

  /** @param {Point} at screen @param {number} factor */
  zoom(at, factor) {
    this.viewport?.zoom(at, factor, this.size.width, this.size.height);
    this.#fitted = false;
    this.draw();
  }

  /** @param {Point} by screen */
  pan(by) {
    this.viewport?.pan(by, this.size.width, this.size.height);
    this.#fitted = false;
    this.draw();
  }

  /** The scan again, at the next frame. */
  draw() {
    this.#ask("picture", () => this.#drawPicture());
    this.drawMarks();
  }

  /** Cursor and trace again, at the next frame. */
  drawMarks() {
    this.#ask("marks", () => this.#drawMarks());
  }

  /** @param {"picture" | "marks"} what @param {() => void} work */
  #ask(what, work) {
    if (this.#asked[what]) return;
    this.#asked[what] = true;
    requestAnimationFrame(() => {
      this.#asked[what] = false;
      work();
    });
  }

  #paintGrey() {
    const { window } = this.store.get();
    if (this.image && window) this.#grey = greyLayer(this.image, window, this.#grey);
  }

  #resize() {
    for (const canvas of [this.canvas, this.marks]) {
      canvas.width = Math.round(canvas.clientWidth * devicePixelRatio);
      canvas.height = Math.round(canvas.clientHeight * devicePixelRatio);
    }
    if (this.#fitted) this.reset();
    this.draw();
  }

  /** @param {HTMLCanvasElement} canvas */
  #pen(canvas) {
    const pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
    pen.setTransform(1, 0, 0, 1, 0, 0);
    pen.clearRect(0, 0, canvas.width, canvas.height);
    return pen;
  }

  /** Image pixels -> device pixels. @param {Viewport} viewport */
  #transform({ corner, pixel }) {
    const dpr = devicePixelRatio;
    return new DOMMatrix([pixel.x * dpr, 0, 0, pixel.y * dpr, corner.x * dpr, corner.y * dpr]);
  }

  #drawPicture() {
    const pen = this.#pen(this.canvas);
    const { viewport } = this;
    if (!viewport || !this.image || !this.#grey) return;
    const { opacity, hidden, heat, smooth, offset } = this.store.get();
    const transform = this.#transform(viewport);
    pen.setTransform(transform);
    pen.imageSmoothingEnabled = smooth;
    pen.imageSmoothingQuality = "high";
    pen.drawImage(this.#grey, 0, 0);
    pen.imageSmoothingEnabled = false;
    if (heat && this.#heat && !hidden && offset === 0) pen.drawImage(this.#heat, 0, 0);
    if (!this.mask || hidden) return;
    if (!heat) {
      pen.globalAlpha = opacity;
      pen.drawImage(this.mask.canvas, 0, 0);
      pen.globalAlpha = 1;
    }
    pen.setTransform(1, 0, 0, 1, 0, 0);
    pen.lineWidth = 1.5 * devicePixelRatio;
    for (const [label, outline] of this.mask.outlines) {
      const path = new Path2D();
      path.addPath(outline, transform);
      pen.strokeStyle = colourOf(label);
      pen.stroke(path);
    }
  }

  #drawMarks() {
    const pen = this.#pen(this.marks);
    const { viewport, trace, cursor } = this;
    if (!viewport || !this.image) return;
    const dpr = devicePixelRatio;
    pen.scale(dpr, dpr);
    if (trace) this.#drawTrace(pen, viewport, trace);
    if (cursor) this.#drawCursor(pen, viewport, cursor);
  }

  /** @param {CanvasRenderingContext2D} pen @param {Viewport} viewport @param {Point[]} trace */
  #drawTrace(pen, viewport, trace) {
    const points = trace.map((point) => viewport.toScreen(point));
    pen.beginPath();
    for (const { x, y } of points) pen.lineTo(x, y);
    for (const [width, colour] of /** @type {[number, string][]} */ ([
      [4, "#000000aa"],
      [2, "#ffffff"],
    ])) {
      pen.lineWidth = width;
      pen.strokeStyle = colour;
      pen.stroke();
    }
    pen.fillStyle = "#ffffff";
    pen.fillRect(points[0].x - 4, points[0].y - 4, 8, 8);
  }

  /** @param {CanvasRenderingContext2D} pen @param {Viewport} viewport @param {Cursor} cursor */
  #drawCursor(pen, viewport, { at, size, spacing, colour, cross }) {
    const { x, y } = viewport.toScreen(at);
    pen.beginPath();
    if (size) {
      const radius = (size / 2) * Math.min(spacing.x, spacing.y) * viewport.scale;
      pen.arc(x, y, Math.max(radius, 2), 0, 2 * Math.PI);
    }
    if (cross || !size) {
      for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
        pen.moveTo(x + 3 * dx, y + 3 * dy);
        pen.lineTo(x + 12 * dx, y + 12 * dy);
      }
    }
    for (const [width, stroke] of /** @type {[number, string][]} */ ([
      [3.5, "#000000aa"],
      [1.5, colour],
    ])) {
      pen.lineWidth = width;
      pen.strokeStyle = stroke;
      pen.stroke();
    }
  }
}
