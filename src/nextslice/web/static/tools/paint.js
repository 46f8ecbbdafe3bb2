/** What a tool paints, and over what. */

/**
 * @param {import("../state.js").View} view
 * @returns {import("../raster.js").MayPaint} whether a pixel of this class may be painted over
 */
export function mayPaint(view) {
  // Erasing one's own label is meant even where other labels are protected.
  if (!view.protect || view.label === 0) return () => true;
  return (old) => old === 0 || old === view.label;
}

/**
 * The eraser with protection takes away the label that is chosen and no other.
 *
 * @param {import("../state.js").View} view
 * @returns {import("../raster.js").MayPaint}
 */
export function mayErase(view) {
  if (!view.protect || view.label === 0) return () => true;
  return (old) => old === view.label;
}
