/** Arrays -> pictures: the scan in greys, the mask in colours, the uncertainty as heat. */

import { heatOf, packedOf } from "./colours.js";
import { outlinesOf } from "./outlines.js";
import { union } from "./raster.js";

/** @typedef {import("./raster.js").Rect} Rect */

/** @param {number} width @param {number} height @returns {HTMLCanvasElement} */
function sheet(width, height) {
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  return canvas;
}

/** @param {HTMLCanvasElement} canvas */
function pen(canvas) {
  return /** @type {CanvasRenderingContext2D} */ (
    canvas.getContext("2d", { willReadFrequently: true })
  );
}

/**
 * A scan between black (low) and white (high).
 *
 * @param {import("./api.js").Image} image
 * @param {{low: number, high: number}} window
 * @param {HTMLCanvasElement} [canvas] drawn upon again, where its size fits
 * @returns {HTMLCanvasElement}
 */
export function greyLayer(image, window, canvas) {
  const { values, width, height } = image;
  const fits = canvas && canvas.width === width && canvas.height === height;
  const layer = fits ? canvas : sheet(width, height);
  const picture = pen(layer).createImageData(width, height);
  const pixels = new Uint32Array(picture.data.buffer);
  const factor = 255 / Math.max(window.high - window.low, 1e-12);
  for (let k = 0; k < values.length; k++) {
    const grey = Math.min(255, Math.max(0, (values[k] - window.low) * factor)) | 0;
    pixels[k] = (0xff000000 | (grey << 16) | (grey << 8) | grey) >>> 0;
  }
  pen(layer).putImageData(picture, 0, 0);
  return layer;
}

/** @param {import("./api.js").Image} image @returns {HTMLCanvasElement} brightest where the slice's own highest value is */
export function heatLayer(image) {
  const { values, width, height } = image;
  const layer = sheet(width, height);
  const picture = pen(layer).createImageData(width, height);
  const highest = highestOf(values) || 1;
  const table = Array.from({ length: 256 }, (_, k) => heatOf(k / 255));
  for (let k = 0; k < values.length; k++) {
    const [red, green, blue, opacity] = table[Math.round((255 * values[k]) / highest)] ?? table[0];
    picture.data.set([red, green, blue, 255 * opacity], 4 * k);
  }
  pen(layer).putImageData(picture, 0, 0);
  return layer;
}

/** @param {Float32Array} values */
export function highestOf(values) {
  return values.reduce((a, b) => (b > a ? b : a), 0);
}

/** A mask in its labels' colours, drawn anew where it has changed and only when it is looked at. */
export class MaskLayer {
  #canvas;
  /** Edges of each label in image coordinates. @type {Map<number, Path2D>} */
  #outlines = new Map();
  /** @type {Rect | null} what has changed */
  #stale;

  /** @param {Uint8Array} mask kept, not copied @param {number} width @param {number} height */
  constructor(mask, width, height) {
    this.mask = mask;
    this.width = width;
    this.height = height;
    this.#canvas = sheet(width, height);
    this.#stale = this.#everything;
  }

  /** @param {Rect} [rect] what has changed; everything where left out */
  mark(rect = this.#everything) {
    this.#stale = union(this.#stale, rect);
  }

  get canvas() {
    this.#refresh();
    return this.#canvas;
  }

  get outlines() {
    this.#refresh();
    return this.#outlines;
  }

  /** @returns {Rect} */
  get #everything() {
    return { left: 0, top: 0, right: this.width, bottom: this.height };
  }

  #refresh() {
    const rect = this.#stale;
    if (!rect) return;
    this.#stale = null;
    const width = rect.right - rect.left;
    const height = rect.bottom - rect.top;
    const picture = pen(this.#canvas).createImageData(width, height);
    const pixels = new Uint32Array(picture.data.buffer);
    for (let row = 0; row < height; row++) {
      for (let column = 0; column < width; column++) {
        const label = this.mask[(rect.top + row) * this.width + rect.left + column];
        if (label) pixels[row * width + column] = packedOf(label);
      }
    }
    pen(this.#canvas).putImageData(picture, rect.left, rect.top);
    this.#outlines = outlinesOf(this.mask, this.width, this.height);
  }
}
