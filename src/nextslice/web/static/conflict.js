/** Two people saved one slice: both versions side by side, and a choice. */

import { modal } from "./dialog.js";
import { h } from "./dom.js";
import { colourOf } from "./colours.js";
import { greyLayer, MaskLayer } from "./layers.js";
import * as slices from "./slices.js";

const SIDE = 420;

/**
 * @param {import("./work.js").Work} work
 * @param {Record<string, any>} body what the server says: `annotator` and `version` of the newer one
 * @returns {Promise<"mine" | "theirs" | "">} "" to decide later
 */
export async function chooseVersion(work, body) {
  const { slice, editor } = work;
  if (!slice || !editor) return "";
  const [image, theirs] = await Promise.all([
    slices.image(slice),
    slices.annotation(slice).catch(() => null),
  ]);
  if (!image) return "";
  const window = work.store.get().window ?? { low: image.meta.low, high: image.meta.high };
  const grey = greyLayer(image, window);
  /** @param {string} title @param {Uint8Array | null} mask @param {string} words */
  const version = (title, mask, words) =>
    h(
      "figure",
      { class: "version" },
      h("figcaption", {}, title),
      picture(editor, grey, mask, title),
      h("p", { class: "quiet" }, words),
    );
  const keep = h("button", { type: "button", class: "primary" }, "Mine counts");
  const take = h("button", { type: "button" }, `The version of ${body.annotator} counts`);
  const later = h("button", { type: "button", class: "ghost" }, "Decide later");
  const content = h(
    "div",
    {},
    h("h2", { id: "conflict-title" }, `${body.annotator} has saved this slice meanwhile`),
    h("p", {}, "Both versions are kept. Which one counts for training?"),
    h(
      "div",
      { class: "versions" },
      version("Yours", editor.mask, differing(editor.mask, theirs?.mask)),
      version(
        `Of ${body.annotator}`,
        theirs?.mask ?? null,
        theirs ? `version ${body.version}` : "answered without a mask (skipped or taken back)",
      ),
    ),
    h("div", { class: "row end" }, later, take, keep),
  );
  return modal(
    content,
    "conflict-title",
    true,
    (close) => {
      keep.addEventListener("click", () => close("mine"));
      take.addEventListener("click", () => close("theirs"));
      later.addEventListener("click", () => close(""));
      return /** @type {"mine" | "theirs" | ""} */ ("");
    },
    "wide",
  );
}

/** @param {Uint8Array} mine @param {Uint8Array | undefined} theirs */
function differing(mine, theirs) {
  if (!theirs) return "";
  const count = mine.reduce((sum, value, k) => sum + (value === theirs[k] ? 0 : 1), 0);
  return count ? `${count.toLocaleString()} pixels differ` : "the two are equal";
}

/**
 * @param {import("./editor.js").Editor} editor
 * @param {HTMLCanvasElement} grey
 * @param {Uint8Array | null} mask
 * @param {string} title
 */
function picture(editor, grey, mask, title) {
  const { width, height, spacing } = editor;
  const scale = SIDE / Math.max(width * spacing.x, height * spacing.y);
  /** @type {HTMLCanvasElement} */
  const canvas = h("canvas", {
    width: Math.round(width * spacing.x * scale),
    height: Math.round(height * spacing.y * scale),
    role: "img",
    "aria-label": title,
  });
  const pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  const transform = new DOMMatrix([scale * spacing.x, 0, 0, scale * spacing.y, 0, 0]);
  pen.setTransform(transform);
  pen.drawImage(grey, 0, 0);
  if (!mask) return canvas;
  const layer = new MaskLayer(mask, width, height);
  pen.imageSmoothingEnabled = false;
  pen.globalAlpha = 0.3;
  pen.drawImage(layer.canvas, 0, 0);
  pen.globalAlpha = 1;
  pen.setTransform(1, 0, 0, 1, 0, 0);
  for (const [label, outline] of layer.outlines) {
    const path = new Path2D();
    path.addPath(outline, transform);
    pen.strokeStyle = colourOf(label);
    pen.lineWidth = 1.5;
    pen.stroke(path);
  }
  return canvas;
}
