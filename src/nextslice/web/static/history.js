/**
 * Undo and redo without limit: each step is kept as runs of changed pixels.
 *
 * A run is three numbers: first pixel, count, and old class + 256 * new class. A stroke over
 * thousands of pixels takes a few hundred bytes, a whole slice filled twelve.
 */

/**
 * What changed between two masks.
 *
 * @param {Uint8Array} before
 * @param {Uint8Array} after of the same length
 * @returns {Uint32Array} runs; empty where nothing changed
 */
export function difference(before, after) {
  /** @type {number[]} */
  const runs = [];
  let k = 0;
  while (k < after.length) {
    if (before[k] === after[k]) {
      k++;
      continue;
    }
    const start = k;
    const old = before[k];
    const now = after[k];
    while (k < after.length && before[k] === old && after[k] === now) k++;
    runs.push(start, k - start, old + 256 * now);
  }
  return Uint32Array.from(runs);
}

/**
 * @param {Uint8Array} mask changed in place
 * @param {Uint32Array} runs
 * @param {boolean} backwards true: back to before the step
 */
export function apply(mask, runs, backwards) {
  for (let k = 0; k < runs.length; k += 3) {
    const value = backwards ? runs[k + 2] & 255 : runs[k + 2] >> 8;
    mask.fill(value, runs[k], runs[k] + runs[k + 1]);
  }
}

/** The steps of one slice. */
export class History {
  /** @type {Uint32Array[]} */
  #done = [];
  /** @type {Uint32Array[]} */
  #undone = [];

  /** @param {Uint32Array} runs a step; an empty one is not kept */
  push(runs) {
    if (!runs.length) return;
    this.#done.push(runs);
    this.#undone = [];
  }

  get canUndo() {
    return this.#done.length > 0;
  }

  get canRedo() {
    return this.#undone.length > 0;
  }

  /** @param {Uint8Array} mask changed in place @returns {boolean} whether there was a step */
  undo(mask) {
    const runs = this.#done.pop();
    if (!runs) return false;
    apply(mask, runs, true);
    this.#undone.push(runs);
    return true;
  }

  /** @param {Uint8Array} mask changed in place @returns {boolean} whether there was a step */
  redo(mask) {
    const runs = this.#undone.pop();
    if (!runs) return false;
    apply(mask, runs, false);
    this.#done.push(runs);
    return true;
  }
}
