/** Questions to the person, in front of everything else. */

import { byId, h } from "./dom.js";

/**
 * A dialog in front of everything.
 *
 * @template T
 * @param {HTMLElement} content
 * @param {string} title id of the element that names it
 * @param {boolean} mayCancel whether Escape closes it
 * @param {(close: (result: T) => void) => T} wire connects the content; gives back the result of Escape
 * @param {string} [look] a class for its style
 * @returns {Promise<T>}
 */
export function modal(content, title, mayCancel, wire, look = "modal") {
  const dialog = h("dialog", { "aria-labelledby": title, class: look }, content);
  byId("dialogs").append(dialog);
  const before = document.activeElement;
  return new Promise((resolve) => {
    let open = true;
    /** @param {T} result */
    const close = (result) => {
      open = false;
      dialog.close();
      dialog.remove();
      if (before instanceof HTMLElement) before.focus();
      resolve(result);
    };
    const escaped = wire(close);
    dialog.addEventListener("cancel", (/** @type {Event} */ event) => {
      event.preventDefault();
      if (mayCancel) close(escaped);
    });
    dialog.addEventListener("close", () => {
      // A browser closes any dialog at the second Escape.
      if (open) mayCancel ? close(escaped) : dialog.showModal();
    });
    dialog.showModal();
  });
}

/**
 * @typedef {{label: string, value: string, primary?: boolean, danger?: boolean}} Choice
 * @param {string} title
 * @param {(string | Node)[]} content paragraphs, or elements
 * @param {Choice[]} choices the buttons, from left to right
 * @returns {Promise<string>} the value of the button pressed; "" for Escape
 */
export function ask(title, content, choices) {
  const buttons = choices.map((choice) =>
    h(
      "button",
      {
        type: "button",
        value: choice.value,
        class: choice.primary ? "primary" : choice.danger ? "danger" : null,
        autofocus: choice.primary,
      },
      choice.label,
    ),
  );
  const body = h(
    "div",
    {},
    h("h2", { id: "question-title" }, title),
    ...content.map((part) => (typeof part === "string" ? h("p", {}, part) : part)),
    h("div", { class: "row end" }, ...buttons),
  );
  return modal(body, "question-title", true, (close) => {
    for (const button of buttons) button.addEventListener("click", () => close(button.value));
    return "";
  });
}
