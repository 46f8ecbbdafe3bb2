/** Who is here: the link that opens the page, and the name that annotations are kept under. */

import { ApiError, exchange, onOtherTab, onUnknownSession } from "./api.js";
import { modal } from "./dialog.js";
import { fill, h } from "./dom.js";

const NAME = "nextslice.name";
const LONGEST = 60;

/** @type {Promise<void> | null} one dialog for all requests that found the session gone */
let asking = null;

/** Take the token out of the address, if there is one, and exchange it. */
export async function openLink() {
  onUnknownSession(() => (asking ??= askForLink().finally(() => (asking = null))));
  addEventListener("hashchange", () => {
    const token = tokenOf(location.hash);
    if (token) enter(token).then(() => location.reload(), () => undefined);
  });
  const token = tokenOf(location.hash);
  if (!token) return;
  try {
    await enter(token);
  } catch (error) {
    // An old link in a browser that is known already: the first request will tell.
    if (!(error instanceof ApiError) || error.status !== 401) throw error;
  }
}

/** @returns {string} the name given earlier in this browser, or "" */
export function knownName() {
  return localStorage.getItem(NAME) ?? "";
}

/**
 * Ask for the person's name.
 *
 * @param {string} now what to begin with
 * @param {boolean} mayCancel
 * @returns {Promise<string>} the name; the one there was where it was cancelled
 */
export function askForName(now, mayCancel) {
  const field = h("input", {
    id: "name-field",
    type: "text",
    value: now,
    maxlength: LONGEST,
    required: true,
    autocomplete: "name",
    spellcheck: "false",
    "aria-describedby": "name-why",
  });
  const form = h(
    "form",
    { method: "dialog" },
    h("h2", { id: "name-title" }, "Who annotates?"),
    h("label", { for: "name-field" }, "Your name"),
    field,
    h(
      "p",
      { id: "name-why", class: "quiet" },
      "It is kept with each of your annotations, with the seconds spent; nothing else about you is.",
    ),
    h(
      "div",
      { class: "row end" },
      mayCancel && h("button", { type: "button", value: "cancel", class: "cancel" }, "Cancel"),
      h("button", { type: "submit", class: "primary" }, "Start annotating"),
    ),
  );
  return modal(form, "name-title", mayCancel, (close) => {
    form.querySelector(".cancel")?.addEventListener("click", () => close(now));
    form.addEventListener("submit", (/** @type {Event} */ event) => {
      event.preventDefault();
      const name = field.value.trim().replace(/\s+/g, " ");
      if (!name) return;
      localStorage.setItem(NAME, name);
      close(name);
    });
    return now;
  });
}

/** @returns {Promise<void>} once the server knows this browser */
function askForLink() {
  const field = h("input", {
    id: "link-field",
    type: "text",
    autocomplete: "off",
    spellcheck: "false",
    required: true,
    "aria-describedby": "link-why link-wrong",
  });
  const wrong = h("p", { id: "link-wrong", class: "bad", role: "alert" });
  const form = h(
    "form",
    { method: "dialog" },
    h("h2", { id: "link-title" }, "Open with the link"),
    h(
      "p",
      { id: "link-why" },
      "The server does not know this browser: it was started anew, or the page was opened " +
        "without its link. The terminal in which “nextslice serve” runs shows the link. " +
        "What you have drawn is kept.",
    ),
    h("label", { for: "link-field" }, "Paste the link here"),
    field,
    wrong,
    h("div", { class: "row end" }, h("button", { type: "submit", class: "primary" }, "Open")),
  );
  const done = new AbortController();
  /** @type {Promise<void>} */
  const entered = modal(form, "link-title", false, (close) => {
    onOtherTab(() => close(undefined), done.signal);
    form.addEventListener("submit", async (/** @type {Event} */ event) => {
      event.preventDefault();
      const text = field.value.trim();
      try {
        await enter(tokenOf(text) || text);
        close(undefined);
      } catch (error) {
        fill(
          wrong,
          error instanceof ApiError && error.offline
            ? "The server does not answer. Is “nextslice serve” running?"
            : "This is not the link of the server that runs now.",
        );
      }
    });
    return undefined;
  });
  return entered.finally(() => done.abort());
}

/** @param {string} token */
async function enter(token) {
  await exchange(token);
  // The token must not stay in the address bar, in the history or on a screenshot.
  history.replaceState(null, "", location.pathname);
}

/** @param {string} text */
function tokenOf(text) {
  return /#token=([\w-]+)/.exec(text)?.[1] ?? "";
}
