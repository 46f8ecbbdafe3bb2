/**
 * A colour per label. They stay apart for the colour-blind (after Okabe and Ito, 2008, lightened
 * for a dark screen) and from the grey of a scan.
 */

const COLOURS = ["#ffb000", "#56b4e9", "#3ddc97", "#f55fa8", "#f0e442", "#ff7a45", "#b39dff", "#8fd3c8", "#e6e6e6"];

/** @param {number} label class number, 1 and up @returns {string} */
export function colourOf(label) {
  return COLOURS[(label - 1) % COLOURS.length];
}

/** @param {number} label @returns {[number, number, number]} */
export function rgbOf(label) {
  const value = parseInt(colourOf(label).slice(1), 16);
  return [value >> 16, (value >> 8) & 255, value & 255];
}

/** Heat, from nothing over red to pale yellow. @type {[number, number, number, number][]} */
const HEAT = [
  [90, 16, 60, 0],
  [150, 30, 90, 0.35],
  [225, 70, 50, 0.5],
  [250, 150, 40, 0.6],
  [255, 240, 160, 0.7],
];

/** @param {number} share 0 to 1 @returns {[number, number, number, number]} red, green, blue, opacity 0 to 1 */
export function heatOf(share) {
  const place = Math.min(1, Math.max(0, share)) * (HEAT.length - 1);
  const low = Math.min(HEAT.length - 2, Math.floor(place));
  const part = place - low;
  const mixed = HEAT[low].map((value, k) => value + part * (HEAT[low + 1][k] - value));
  return /** @type {[number, number, number, number]} */ (mixed);
}

/** The same as a CSS gradient's stops are: for legends drawn with SVG. @returns {string[]} */
export function heatStops() {
  return HEAT.map(([red, green, blue]) => `rgb(${red} ${green} ${blue})`);
}
