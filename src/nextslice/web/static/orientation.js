/**
 * How a slice is turned for the screen: as radiologists look at it, however its file stores it.
 *
 * Seen from the feet, the front, or the patient's left: the patient's right is on the left of the
 * screen, or else the front is; the front is on top, or else the head is. Rows and columns are
 * exchanged and mirrored, never interpolated, so the way back is exact. Pure; knows of no page.
 *
 * @typedef {Float32Array | Uint8Array} Values one per pixel, in rows
 */

const AXES = ["RL", "AP", "IS"];
const ALONG = "LPI"; // what screens count to: to the right L or else P, down P or else I

export class Orientation {
  /** @param {[string, string]} towards where rows and where columns of the file count to */
  constructor([rows, columns]) {
    // Across the screen runs the first of the three axes of the body that the slice has.
    this.turned = axisOf(rows) < axisOf(columns);
    const [down, across] = this.turned ? [columns, rows] : [rows, columns];
    this.upended = !ALONG.includes(down);
    this.mirrored = !ALONG.includes(across);
    const right = this.mirrored ? opposite(across) : across;
    const bottom = this.upended ? opposite(down) : down;
    /** What stands at each side of the screen: R, L, A, P, S or I. */
    this.sides = { left: opposite(right), right, top: opposite(bottom), bottom };
  }

  /** @param {[number, number]} spacing mm per row, mm per column of the file @returns {import("./raster.js").Spacing} */
  spacing([down, across]) {
    return this.turned ? { x: down, y: across } : { x: across, y: down };
  }

  /**
   * @template {{height: number, width: number}} T
   * @param {T & {values?: Float32Array, mask?: Uint8Array}} picture as the file has it
   * @returns {T} as the screen has it
   */
  upright(picture) {
    const { height, width, values, mask } = picture;
    const size = this.turned ? { height: width, width: height } : { height, width };
    const turned = {
      ...(values && { values: this.#turn(values, size, false) }),
      ...(mask && { mask: this.#turn(mask, size, false) }),
    };
    return { ...picture, ...size, ...turned };
  }

  /**
   * @param {Uint8Array} mask as the screen has it
   * @param {{height: number, width: number}} size on the screen
   * @returns {Uint8Array} as the file has it
   */
  stored(mask, size) {
    return this.#turn(mask, size, true);
  }

  /**
   * @template {Values} V
   * @param {V} values
   * @param {{height: number, width: number}} size on the screen
   * @param {boolean} back from the screen to the file
   * @returns {V}
   */
  #turn(values, { height, width }, back) {
    if (!this.turned && !this.upended && !this.mirrored) return values;
    const result = /** @type {V} */ (values.slice());
    for (let y = 0, screen = 0; y < height; y++) {
      const row = this.upended ? height - 1 - y : y;
      for (let x = 0; x < width; x++, screen++) {
        const column = this.mirrored ? width - 1 - x : x;
        const file = this.turned ? column * height + row : row * width + column;
        if (back) result[file] = values[screen];
        else result[screen] = values[file];
      }
    }
    return result;
  }
}

/** @param {string} letter */
function axisOf(letter) {
  return AXES.findIndex((axis) => axis.includes(letter));
}

/** @param {string} letter */
function opposite(letter) {
  return AXES[axisOf(letter)].replace(letter, "");
}
