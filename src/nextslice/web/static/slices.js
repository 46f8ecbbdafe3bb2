/** Scans and masks from the server, turned for the screen, each fetched once while it is needed. */

import * as api from "./api.js";
import { Orientation } from "./orientation.js";

/** @typedef {import("./api.js").Slice} Slice */

const KEPT = 60;

/** Keeps the last few answers; a failed one is asked for again. */
class Kept {
  /** @type {Map<string, Promise<any>>} */
  #answers = new Map();

  /**
   * @template T
   * @param {string} name
   * @param {() => Promise<T>} fetch
   * @returns {Promise<T>}
   */
  get(name, fetch) {
    const known = this.#answers.get(name);
    const answer = known ?? fetch();
    this.#answers.delete(name);
    this.#answers.set(name, answer);
    if (!known) answer.catch(() => this.#answers.delete(name));
    const oldest = this.#answers.keys().next().value;
    if (this.#answers.size > KEPT && oldest !== undefined) this.#answers.delete(oldest);
    return answer;
  }
}

const kept = new Kept();

/** How a slice is turned for the screen. @param {Slice} slice */
export function orientationOf(slice) {
  return new Orientation(slice.towards);
}

/** A slice as scanned, or its neighbour. @param {Slice} slice @param {number} [offset] */
export function image(slice, offset = 0) {
  return kept.get(`image ${slice.id} ${offset}`, async () =>
    upright(slice, await api.getImage(slice.id, offset)),
  );
}

/** How unsure the model is of each pixel, 0 to 1; null without a model. @param {Slice} slice @param {number} cycle */
export function uncertainty(slice, cycle) {
  return kept.get(`uncertainty ${slice.id} ${cycle}`, async () =>
    upright(slice, await api.getUncertainty(slice.id)),
  );
}

/** The model's mask; null without a model. @param {Slice} slice @param {number} cycle */
export function proposal(slice, cycle) {
  return kept.get(`proposal ${slice.id} ${cycle}`, async () =>
    upright(slice, await api.getProposal(slice.id)),
  );
}

/** The newest annotation: never kept, because others annotate too. @param {Slice} slice */
export async function annotation(slice) {
  return upright(slice, await api.getAnnotation(slice.id));
}

/** The annotation of the nearest slice that has one, or null. @param {Slice} slice */
export async function nearest(slice) {
  return upright(slice, await api.getNearest(slice.id));
}

/** The annotation of a neighbour, or null. @param {Slice} slice @param {number} offset */
export async function neighbour(slice, offset) {
  return upright(slice, await api.getNeighbour(slice.id, offset));
}

/**
 * @template {api.Image | api.Mask} T
 * @param {Slice} slice
 * @param {T | null} picture
 * @returns {T | null}
 */
function upright(slice, picture) {
  return picture && orientationOf(slice).upright(picture);
}
