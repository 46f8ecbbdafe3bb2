/** Who is on a slice: a word to others, not a wall. */

import { postLease, postRelease } from "./api.js";
import { byId } from "./dom.js";

const RENEW = 20_000; // ms; a lease lapses after 60 s

export class Leases {
  /** @type {string | null} */
  #held = null;

  /** @param {import("./state.js").Store} store */
  constructor(store) {
    this.store = store;
    store.on(["current"], () => this.#move());
    setInterval(() => void this.#take(), RENEW);
    addEventListener("pagehide", () => this.#release());
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "visible") void this.#take();
    });
  }

  #move() {
    const { current } = this.store.get();
    if (current === this.#held) return;
    this.#release();
    this.#held = current;
    void this.#take();
  }

  async #take() {
    const { current, annotator } = this.store.get();
    if (!current || !annotator || document.visibilityState !== "visible") return;
    const { held_by: other } = await postLease(current, annotator).catch(() => ({ held_by: null }));
    if (current !== this.store.get().current) return;
    const line = byId("lease");
    line.hidden = !other;
    line.textContent = other ? `${other} is on this slice` : "";
    line.title = other ? "You can draw all the same; if both save, you are asked which counts." : "";
  }

  #release() {
    if (this.#held) postRelease(this.#held, this.store.get().annotator).catch(() => undefined);
  }
}
