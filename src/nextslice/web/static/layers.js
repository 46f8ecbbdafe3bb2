/** Arrays -> pictures: the scan in greys, the mask in colours, the uncertainty as heat. */

import { heatOf, rgbOf } from "./colours.js";

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

/** A mask in its labels' colours, kept up to date by rectangles. */
export class MaskLayer {
  /** @param {number} width @param {number} height */
  constructor(width, height) {
    this.width = width;
    this.height = height;
    this.canvas = sheet(width, height);
    /** Edges of each label in image coordinates. @type {Map<number, Path2D>} */
    this.outlines = new Map();
  }

  /** @param {Uint8Array} mask @param {Rect} [rect] what changed; everything where left out */
  update(mask, rect = { left: 0, top: 0, right: this.width, bottom: this.height }) {
    const width = rect.right - rect.left;
    const height = rect.bottom - rect.top;
    if (width > 0 && height > 0) {
      const picture = pen(this.canvas).createImageData(width, height);
      for (let row = 0; row < height; row++) {
        for (let column = 0; column < width; column++) {
          const label = mask[(rect.top + row) * this.width + rect.left + column];
          if (!label) continue;
          const [red, green, blue] = rgbOf(label);
          const k = 4 * (row * width + column);
          picture.data[k] = red;
          picture.data[k + 1] = green;
          picture.data[k + 2] = blue;
          picture.data[k + 3] = 255;
        }
      }
      pen(this.canvas).putImageData(picture, rect.left, rect.top);
    }
    this.outlines = outlinesOf(mask, this.width, this.height);
  }
}

/**
 * The edges between pixels of different classes, for each class above 0.
 *
 * @param {Uint8Array} mask @param {number} width @param {number} height
 * @returns {Map<number, Path2D>}
 */
function outlinesOf(mask, width, height) {
  /** @type {Map<number, Path2D>} */
  const paths = new Map();
  /** @param {number} label @param {number} x1 @param {number} y1 @param {number} x2 @param {number} y2 */
  const line = (label, x1, y1, x2, y2) => {
    if (!label) return;
    let path = paths.get(label);
    if (!path) paths.set(label, (path = new Path2D()));
    path.moveTo(x1, y1);
    path.lineTo(x2, y2);
  };
  for (let row = 0; row <= height; row++) {
    const at = row * width;
    for (let column = 0; column < width; ) {
      const above = row ? mask[at - width + column] : 0;
      const below = row < height ? mask[at + column] : 0;
      const start = column++;
      if (above === below) continue;
      while (
        column < width &&
        (row ? mask[at - width + column] : 0) === above &&
        (row < height ? mask[at + column] : 0) === below
      ) {
        column++;
      }
      line(above, start, row, column, row);
      line(below, start, row, column, row);
    }
  }
  for (let column = 0; column <= width; column++) {
    for (let row = 0; row < height; ) {
      const left = column ? mask[row * width + column - 1] : 0;
      const right = column < width ? mask[row * width + column] : 0;
      const start = row++;
      if (left === right) continue;
      while (
        row < height &&
        (column ? mask[row * width + column - 1] : 0) === left &&
        (column < width ? mask[row * width + column] : 0) === right
      ) {
        row++;
      }
      line(left, column, start, column, row);
      line(right, column, start, column, row);
    }
  }
  return paths;
}
