/** What happened, in a line that everybody sees and screen readers read out. */

import { byId, fill } from "./dom.js";

/** @typedef {"good" | "bad" | "plain"} Tone */

/**
 * @param {string} text
 * @param {Tone} [tone] bad ones stay and interrupt; the others wait their turn
 * @param {...Node} actions buttons beside the text
 */
export function announce(text, tone = "plain", ...actions) {
  const line = byId("message");
  line.className = `message ${tone}`;
  line.setAttribute("aria-live", tone === "bad" ? "assertive" : "polite");
  fill(line, text, ...actions);
}

/** A time of day as people here write it. @param {number} [when] ms since 1970 */
export function clock(when = Date.now()) {
  return new Date(when).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
}
