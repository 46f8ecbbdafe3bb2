/**
 * A colour per label. They stay apart for the colour-blind (after Okabe and Ito, 2008, lightened
 * for a dark screen) and from the grey of a scan.
 */

const COLOURS = ["#ffb000", "#56b4e9", "#3ddc97", "#f55fa8", "#f0e442", "#ff7a45", "#b39dff", "#8fd3c8", "#e6e6e6"];

/** @param {number} label class number, 1 and up @returns {string} */
export function colourOf(label) {
  return COLOURS[(label - 1) % COLOURS.length];
}

const PACKED = COLOURS.map((colour) => {
  const value = parseInt(colour.slice(1), 16);
  return (0xff000000 | ((value & 255) << 16) | (value & 0xff00) | (value >> 16)) >>> 0;
});

/** The same as one number, as little-endian pixels have it. @param {number} label @returns {number} */
export function packedOf(label) {
  return PACKED[(label - 1) % PACKED.length];
}

/** Heat, from nothing over red to pale yellow. @type {[number, number, number, number][]} */
const HEAT = [
  [90, 16, 60, 0],
  [150, 30, 90, 0.04],
  [225, 70, 50, 0.35],
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
