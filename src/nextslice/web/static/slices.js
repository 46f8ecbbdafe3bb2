/** Scans and masks from the server, each fetched once while it is needed. */

import * as api from "./api.js";

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

/** A slice as scanned, or its neighbour. @param {string} id @param {number} [offset] */
export function image(id, offset = 0) {
  return kept.get(`image ${id} ${offset}`, () => api.getImage(id, offset));
}

/** How unsure the model is of each pixel, 0 to 1; null without a model. @param {string} id @param {number} cycle */
export function uncertainty(id, cycle) {
  return kept.get(`uncertainty ${id} ${cycle}`, () => api.getUncertainty(id));
}

/** The model's mask; null without a model. @param {string} id @param {number} cycle */
export function proposal(id, cycle) {
  return kept.get(`proposal ${id} ${cycle}`, () => api.getProposal(id));
}

/** The newest annotation: never kept, because others annotate too. @param {string} id */
export function annotation(id) {
  return api.getAnnotation(id);
}

/** The annotation of the nearest slice that has one, or null. @param {string} id */
export function nearest(id) {
  return api.getNearest(id);
}

/** The annotation of a neighbour, or null. @param {string} id @param {number} offset */
export function neighbour(id, offset) {
  return api.getNeighbour(id, offset);
}
