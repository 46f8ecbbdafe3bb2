/** Seconds that a person spends on a slice: only while the page is visible and somebody acts. */

export const IDLE_SECONDS = 60;

/** Counts the gaps between signs of life, except those longer than IDLE_SECONDS. */
export class Timer {
  /** @param {() => number} now seconds on a clock that never jumps */
  constructor(now = () => performance.now() / 1000) {
    this.now = now;
    this.seconds = 0;
    this.last = now();
    this.visible = true;
  }

  /** A sign of life: the pointer moved, a key was pressed. */
  act() {
    const now = this.now();
    const gap = now - this.last;
    if (this.visible && gap <= IDLE_SECONDS) this.seconds += gap;
    this.last = now;
  }

  /** @param {boolean} visible the page came to the front, or left it */
  show(visible) {
    this.act();
    this.visible = visible;
  }

  /** Another slice, or the same one saved. @param {number} seconds spent on it before */
  start(seconds) {
    this.last = this.now();
    this.seconds = seconds;
  }

  /** @returns {number} seconds up to now */
  read() {
    this.act();
    return this.seconds;
  }
}

/** Feed a timer from the page. @param {Timer} timer */
export function watch(timer) {
  for (const name of ["pointermove", "pointerdown", "keydown", "wheel"]) {
    addEventListener(name, () => timer.act(), { capture: true, passive: true });
  }
  document.addEventListener("visibilitychange", () => {
    timer.show(document.visibilityState === "visible");
  });
}
