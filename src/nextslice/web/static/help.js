/** The sheet of keys. */

import { modal } from "./dialog.js";
import { h } from "./dom.js";
import { BINDINGS } from "./keys.js";

/** @returns {Promise<void>} once it is closed */
export function showHelp() {
  const groups = [...new Set(BINDINGS.map((binding) => binding.group))].map((group) =>
    h(
      "section",
      {},
      h("h3", {}, group),
      h(
        "dl",
        {},
        ...BINDINGS.filter((binding) => binding.group === group && binding.show).flatMap(
          (binding) => [
            h("dt", {}, ...binding.show.split(" ").map((part) => h("kbd", {}, part))),
            h("dd", {}, binding.does),
          ],
        ),
      ),
    ),
  );
  const close = h("button", { type: "button", class: "primary" }, "Close");
  const body = h(
    "div",
    {},
    h("h2", { id: "help-title" }, "Keys"),
    h(
      "p",
      { class: "quiet" },
      "Correct the coloured proposal, or draw on the empty slice; save; go on with the next. " +
        "What you draw is kept in this browser until it is saved.",
    ),
    h("div", { class: "keys" }, ...groups),
    h("div", { class: "row end" }, close),
  );
  const wire = (/** @type {(result: undefined) => void} */ done) => {
    close.addEventListener("click", () => done(undefined));
    return undefined;
  };
  return modal(body, "help-title", true, wire, "wide");
}
