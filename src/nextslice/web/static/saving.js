/**
 * Answers to the server: save, skip, take back. "Saved" is said after the server's word alone.
 *
 * Each answer has a key of its own. One whose reply was lost is sent again with the same key, so
 * that it counts once, however often it arrives.
 */

import { announce, clock } from "./announce.js";
import { ApiError, postSkip, postWithdraw, putAnnotation } from "./api.js";
import { chooseVersion } from "./conflict.js";
import { h } from "./dom.js";

const RETRIES = [3, 6, 12, 30]; // seconds

export class Saving {
  busy = false;
  #failures = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #again;

  /**
   * @param {import("./state.js").Store} store
   * @param {import("./work.js").Work} work
   * @param {() => Promise<void>} refresh asks the server how things stand
   */
  constructor(store, work, refresh) {
    this.store = store;
    this.work = work;
    this.refresh = refresh;
    addEventListener("online", () => void this.retry());
  }

  /**
   * Save the mask of the slice that is open.
   *
   * @returns {Promise<boolean>} whether the server has it, on its disk
   */
  async save() {
    const { editor } = this.work;
    if (!editor || this.busy || editor.drawing) return false;
    const settled = editor.origin === "annotation" && !editor.dirty && !this.work.sending;
    if (settled) {
      announce("Saved already; nothing has changed since.", "good");
      return true;
    }
    // A save without an answer comes first: as it was, with its key.
    if (this.work.sending && !(await this.#send(editor, this.work.sending))) return false;
    if (!editor.dirty && editor.origin === "annotation") return true;
    return this.#send(editor, {
      key: newKey(),
      mask: editor.mask.slice(),
      base_version: editor.version,
      seconds: this.work.timer.read(),
    });
  }

  /** Send again what had no answer. */
  async retry() {
    const { editor, sending } = this.work;
    if (editor && sending && !this.busy) await this.#send(editor, sending);
  }

  /** @param {string} reason @returns {Promise<boolean>} */
  async skip(reason) {
    return this.#answer(
      (id, about) => postSkip(id, { ...about, reason }),
      "Skipped. It will not be asked for again, unless you take that back.",
      () => this.work.dropDraft(),
    );
  }

  /** Take back an answer: the slice is to do again, its mask stays here as a draft. */
  async withdraw() {
    return this.#answer(
      postWithdraw,
      "Taken back: this slice is to do again. The old version is kept.",
      () => this.work.startOver(),
    );
  }

  /**
   * @param {import("./editor.js").Editor} editor
   * @param {import("./drafts.js").Sending} sending
   * @returns {Promise<boolean>}
   */
  async #send(editor, sending) {
    const { work } = this;
    clearTimeout(this.#again);
    this.busy = true;
    work.sending = sending;
    announce("Saving …");
    try {
      // Kept first, so that a crash between question and answer cannot make two of it.
      await work.flush();
      const drawn = editor.orientation.stored(sending.mask, editor);
      const saved = await putAnnotation(editor.id, drawn, {
        annotator: this.store.get().annotator,
        base_version: sending.base_version,
        key: sending.key,
        seconds: sending.seconds,
      });
      this.#failures = 0;
      this.#settle(editor, sending);
      editor.acknowledge(sending.mask, saved.version);
      if (editor === work.editor) await work.flush();
      announce(`Saved at ${clock()}${saved.version > 1 ? `, version ${saved.version}` : ""}.`, "good");
      return true;
    } catch (error) {
      return await this.#failed(editor, sending, error);
    } finally {
      this.busy = false;
      void this.refresh();
    }
  }

  /**
   * @param {import("./editor.js").Editor} editor
   * @param {import("./drafts.js").Sending} sending
   * @param {unknown} error
   * @returns {Promise<boolean>}
   */
  async #failed(editor, sending, error) {
    if (!(error instanceof ApiError)) throw error;
    if (error.status === 409) {
      this.#settle(editor, sending, false);
      return this.#conflict(editor, error.body);
    }
    if (!error.offline && error.status < 500) {
      this.#settle(editor, sending, false);
      announce(`Not saved. ${error.message} ${error.remedy}`, "bad");
      return false;
    }
    const wait = RETRIES[Math.min(this.#failures++, RETRIES.length - 1)];
    this.#again = setTimeout(() => void this.retry(), 1000 * wait);
    announce(
      `Not saved: ${error.message} Your work is kept in this browser and is sent again in ${wait} s.`,
      "bad",
      h("button", { type: "button", onclick: () => void this.retry() }, "Try now"),
    );
    return false;
  }

  /**
   * An answer has come: nothing is under way any more.
   *
   * @param {import("./editor.js").Editor} editor
   * @param {import("./drafts.js").Sending} sending
   * @param {boolean} [counted] whether its seconds are on the server now
   */
  #settle(editor, sending, counted = true) {
    const { work } = this;
    if (editor !== work.editor) return;
    work.sending = null;
    if (counted) work.timer.start(Math.max(0, work.timer.read() - sending.seconds));
  }

  /** @param {import("./editor.js").Editor} editor @param {Record<string, any>} body */
  async #conflict(editor, body) {
    editor.told = body.version;
    const choice = await chooseVersion(this.work, body);
    if (choice === "mine") {
      editor.version = body.version;
      return this.#send(editor, {
        key: newKey(),
        mask: editor.mask.slice(),
        base_version: body.version,
        seconds: 0,
      });
    }
    if (choice === "theirs") {
      await this.work.dropDraft();
      const slice = this.work.slice;
      if (slice) await this.work.open({ ...slice, version: body.version });
      announce(`The version of ${body.annotator} counts. Yours is kept in the project.`, "good");
      return true;
    }
    announce("Not decided: your version is a draft here. Saving asks again.", "bad");
    return false;
  }

  /**
   * @param {(id: string, about: {annotator: string, base_version: number, key: string}) => Promise<import("./api.js").Saved>} post
   * @param {string} words
   * @param {() => Promise<void>} then
   */
  async #answer(post, words, then) {
    const { editor } = this.work;
    if (!editor || this.busy) return false;
    this.busy = true;
    const about = {
      annotator: this.store.get().annotator,
      base_version: editor.version,
      key: newKey(),
    };
    try {
      const saved = await post(editor.id, about).catch((error) => {
        // Once more with the same key: a lost reply must not look like a failure.
        if (error instanceof ApiError && (error.offline || error.status >= 500)) {
          return post(editor.id, about);
        }
        throw error;
      });
      editor.version = saved.version;
      await then();
      announce(words, "good");
      return true;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (error.status === 409) {
        announce(
          `Not done: ${error.body.annotator} has answered this slice meanwhile. Open it again to see.`,
          "bad",
        );
      } else announce(`Not done. ${error.message} ${error.remedy}`, "bad");
      return false;
    } finally {
      this.busy = false;
      // Awaited: who comes back to this slice at once must find it as it is now.
      await this.refresh();
    }
  }
}

/** A key that no other answer has. Not randomUUID, which plain http on a network lacks. */
function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
