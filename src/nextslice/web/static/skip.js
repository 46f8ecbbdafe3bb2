/** Why a slice is skipped. */

import { modal } from "./dialog.js";
import { h } from "./dom.js";

const REASONS = [
  "The scan is damaged or full of artefacts",
  "The borders cannot be made out here",
  "The wrong part of the body, or the wrong sequence",
];
const OTHER = "Another reason:";
const LONGEST = 200;

/** @returns {Promise<string>} the reason; "" where it was cancelled */
export function askForReason() {
  const words = h("input", {
    type: "text",
    maxlength: LONGEST,
    "aria-label": "The reason in your own words",
  });
  const choices = [...REASONS, OTHER].map((reason, k) =>
    h(
      "label",
      {},
      h("input", { type: "radio", name: "reason", value: reason, checked: k === 0 }),
      reason,
    ),
  );
  const cancel = h("button", { type: "button" }, "Cancel");
  const form = h(
    "form",
    { method: "dialog" },
    h("h2", { id: "skip-title" }, "Skip this slice"),
    h("p", { class: "quiet" }, "It stays without a label and is not asked for again."),
    h("p", { class: "quiet" }, "If somebody else should decide, leave it open instead."),
    h("fieldset", { class: "choices", "aria-label": "Reason" }, ...choices, words),
    h("div", { class: "row end" }, cancel, h("button", { type: "submit", class: "primary" }, "Skip")),
  );
  const other = form.querySelector(`input[value="${OTHER}"]`);
  words.addEventListener("input", () => (other.checked = true));
  return modal(form, "skip-title", true, (close) => {
    cancel.addEventListener("click", () => close(""));
    form.addEventListener("submit", (/** @type {Event} */ event) => {
      event.preventDefault();
      const chosen = form.querySelector("input[name=reason]:checked").value;
      const reason = chosen === OTHER ? words.value.trim() : chosen;
      if (reason) close(reason);
      else words.focus();
    });
    return "";
  });
}
