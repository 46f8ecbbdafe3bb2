/**
 * Where image pixels stand on the screen: one scale in millimetres, so that shapes are true.
 *
 * Screen positions are CSS pixels from the canvas's corner. Pure; knows of no page.
 *
 * @typedef {import("./raster.js").Point} Point
 * @typedef {import("./raster.js").Spacing} Spacing
 */

const LARGEST = 60; // screen pixels per image pixel
const MARGIN = 16;

export class Viewport {
  /** Screen pixels per millimetre. */
  scale = 1;
  /** Where the image's corner stands on the screen. @type {Point} */
  corner = { x: 0, y: 0 };

  /** @param {Spacing} spacing @param {number} width columns @param {number} height rows */
  constructor(spacing, width, height) {
    this.spacing = spacing;
    this.width = width;
    this.height = height;
  }

  /** Whether an image of the other grid covers the same place. @param {Viewport} other */
  isLike({ spacing, width, height }) {
    const same = spacing.x === this.spacing.x && spacing.y === this.spacing.y;
    return same && width === this.width && height === this.height;
  }

  /** The whole image, in the middle. @param {number} screenWidth @param {number} screenHeight */
  fit(screenWidth, screenHeight) {
    this.scale = this.#fitting(screenWidth, screenHeight);
    this.corner = {
      x: (screenWidth - this.width * this.spacing.x * this.scale) / 2,
      y: (screenHeight - this.height * this.spacing.y * this.scale) / 2,
    };
  }

  /** Screen pixels per image pixel, along x and y. @returns {Point} */
  get pixel() {
    return { x: this.scale * this.spacing.x, y: this.scale * this.spacing.y };
  }

  /** @param {Point} screen @returns {Point} */
  toImage({ x, y }) {
    return { x: (x - this.corner.x) / this.pixel.x, y: (y - this.corner.y) / this.pixel.y };
  }

  /** @param {Point} image @returns {Point} */
  toScreen({ x, y }) {
    return { x: this.corner.x + x * this.pixel.x, y: this.corner.y + y * this.pixel.y };
  }

  /**
   * Zoom so that what lies at a place of the screen stays there.
   *
   * @param {Point} at @param {number} factor
   * @param {number} screenWidth @param {number} screenHeight
   */
  zoom(at, factor, screenWidth, screenHeight) {
    const smallest = this.#fitting(screenWidth, screenHeight) / 4;
    const largest = Math.max(LARGEST / Math.min(this.spacing.x, this.spacing.y), smallest);
    const scale = Math.min(largest, Math.max(smallest, this.scale * factor));
    const ratio = scale / this.scale;
    this.corner = {
      x: at.x - (at.x - this.corner.x) * ratio,
      y: at.y - (at.y - this.corner.y) * ratio,
    };
    this.scale = scale;
  }

  /** Move, but never so far that the image is lost. @param {Point} by @param {number} screenWidth @param {number} screenHeight */
  pan(by, screenWidth, screenHeight) {
    const keep = 40;
    const { x, y } = this.pixel;
    this.corner = {
      x: clamp(this.corner.x + by.x, keep - this.width * x, screenWidth - keep),
      y: clamp(this.corner.y + by.y, keep - this.height * y, screenHeight - keep),
    };
  }

  /** @param {number} screenWidth @param {number} screenHeight */
  #fitting(screenWidth, screenHeight) {
    const across = (screenWidth - 2 * MARGIN) / (this.width * this.spacing.x);
    const down = (screenHeight - 2 * MARGIN) / (this.height * this.spacing.y);
    return Math.max(1e-6, Math.min(across, down));
  }
}

/** @param {number} value @param {number} low @param {number} high */
function clamp(value, low, high) {
  return Math.min(high, Math.max(low, value));
}
