/** The edges of labels as lines: what stands out on a scan however faint the colours are. */

/**
 * The edges between pixels of different classes, for each class above 0, as long lines.
 *
 * @param {Uint8Array} mask @param {number} width @param {number} height
 * @returns {Map<number, Path2D>} in image coordinates
 */
export function outlinesOf(mask, width, height) {
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
  // An edge is named by the classes on its two sides, 256 * first + second; 0 where there is none.
  const across = new Uint16Array(width); // of the row of edges that is walked along
  const open = new Uint16Array(width + 1); // of the upright edges that are growing
  const since = new Uint32Array(width + 1);
  for (let row = 0; row <= height; row++) {
    const at = row * width;
    for (let column = 0; column < width; column++) {
      const above = row ? mask[at - width + column] : 0;
      const below = row < height ? mask[at + column] : 0;
      across[column] = above === below ? 0 : 256 * above + below;
    }
    for (let column = 0; column < width; ) {
      const edge = across[column];
      const start = column++;
      if (!edge) continue;
      while (column < width && across[column] === edge) column++;
      line(edge >> 8, start, row, column, row);
      line(edge & 255, start, row, column, row);
    }
    let left = 0;
    for (let column = 0; column <= width; column++) {
      const right = row < height && column < width ? mask[at + column] : 0;
      const edge = left === right ? 0 : 256 * left + right;
      left = right;
      const old = open[column];
      if (edge === old) continue;
      if (old) {
        line(old >> 8, column, since[column], column, row);
        line(old & 255, column, since[column], column, row);
      }
      open[column] = edge;
      since[column] = row;
    }
  }
  return paths;
}
