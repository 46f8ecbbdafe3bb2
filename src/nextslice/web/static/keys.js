/**
 * Every key, in one list: the page listens by it, and the help sheet is made of it.
 *
 * @typedef {object} Actions what keys can do; main.js brings them
 * @property {(name: string) => void} tool
 * @property {(label: number) => void} label
 * @property {(by: number) => void} brush
 * @property {(by: number) => void} opacity
 * @property {() => void} undo @property {() => void} redo @property {() => void} copy
 * @property {() => void} heat @property {() => void} smooth @property {() => void} keyboard
 * @property {(held: boolean) => void} hide
 * @property {(held: boolean) => void} grab
 * @property {(slices: number) => void} context
 * @property {() => void} back
 * @property {(factor: number) => void} zoom
 * @property {() => void} reset
 * @property {(by: number) => void} go
 * @property {() => void} save @property {() => void} saveNext @property {() => void} skip
 * @property {() => void} help
 * @property {(key: string) => boolean} press a key for the tool or the keyboard cursor; whether it was used
 *
 * @typedef {object} Binding
 * @property {string} group @property {string} show how the key is written @property {string} does
 * @property {string[]} keys values of KeyboardEvent.key, in lower case
 * @property {boolean} [control] with Ctrl (or Command) @property {boolean} [shift] with Shift
 * @property {(actions: Actions, key: string) => void} run
 * @property {(actions: Actions) => void} [release]
 */

/** @type {Binding[]} */
export const BINDINGS = [
  { group: "Draw", show: "1 … 9", does: "choose a label (0: background)", keys: [..."0123456789"], run: (a, key) => a.label(Number(key)) },
  { group: "Draw", show: "B", does: "brush", keys: ["b"], run: (a) => a.tool("brush") },
  { group: "Draw", show: "E", does: "eraser", keys: ["e"], run: (a) => a.tool("eraser") },
  { group: "Draw", show: "P", does: "polygon (Enter fills, Backspace takes back)", keys: ["p"], run: (a) => a.tool("polygon") },
  { group: "Draw", show: "L", does: "lasso", keys: ["l"], run: (a) => a.tool("lasso") },
  { group: "Draw", show: "F", does: "fill a region", keys: ["f"], run: (a) => a.tool("fill") },
  { group: "Draw", show: "[ ]", does: "brush smaller, larger", keys: ["["], run: (a) => a.brush(-1) },
  { group: "Draw", show: "", does: "", keys: ["]"], run: (a) => a.brush(1) },
  { group: "Draw", show: "C", does: "copy from the nearest annotated slice", keys: ["c"], run: (a) => a.copy() },
  { group: "Draw", show: "Ctrl Z", does: "undo", keys: ["z"], control: true, run: (a) => a.undo() },
  { group: "Draw", show: "Ctrl Shift Z", does: "redo (or Ctrl Y)", keys: ["z"], control: true, shift: true, run: (a) => a.redo() },
  { group: "Draw", show: "", does: "", keys: ["y"], control: true, run: (a) => a.redo() },
  { group: "Draw", show: "K", does: "draw with arrow keys: Space puts the pen down and up, Shift goes further", keys: ["k"], run: (a) => a.keyboard() },

  { group: "Answer", show: "S", does: "save", keys: ["s"], run: (a) => a.save() },
  { group: "Answer", show: "Enter", does: "save and go to the next open slice", keys: ["enter"], run: (a) => a.saveNext() },
  { group: "Answer", show: "X", does: "skip the slice, with a reason", keys: ["x"], run: (a) => a.skip() },
  { group: "Answer", show: "← →", does: "previous, next slice of the query", keys: ["arrowleft"], run: (a) => a.go(-1) },
  { group: "Answer", show: "", does: "", keys: ["arrowright"], run: (a) => a.go(1) },

  { group: "Look", show: "↑ ↓", does: "neighbouring slices, to look at (or the wheel)", keys: ["arrowup"], run: (a) => a.context(1) },
  { group: "Look", show: "", does: "", keys: ["arrowdown"], run: (a) => a.context(-1) },
  { group: "Look", show: "Home", does: "back to the queried slice (or Escape)", keys: ["home", "escape"], run: (a) => a.back() },
  { group: "Look", show: "+ −", does: "zoom at the pointer (or Ctrl with the wheel, or two fingers)", keys: ["+", "="], run: (a) => a.zoom(1.25) },
  { group: "Look", show: "", does: "", keys: ["-", "_"], run: (a) => a.zoom(0.8) },
  { group: "Look", show: "Space", does: "hold and drag to move (or the middle button)", keys: [" "], run: (a) => a.grab(true), release: (a) => a.grab(false) },
  { group: "Look", show: "R", does: "reset zoom and window", keys: ["r"], run: (a) => a.reset() },
  { group: "Look", show: "right drag", does: "window: across its width, down its level", keys: [], run: () => {} },
  { group: "Look", show: "H", does: "heat map of the model's uncertainty", keys: ["h"], run: (a) => a.heat() },
  { group: "Look", show: "V", does: "hide the labels while held", keys: ["v"], run: (a) => a.hide(true), release: (a) => a.hide(false) },
  { group: "Look", show: ", .", does: "labels fainter, stronger", keys: [","], run: (a) => a.opacity(-0.1) },
  { group: "Look", show: "", does: "", keys: ["."], run: (a) => a.opacity(0.1) },
  { group: "Look", show: "I", does: "smooth scan or its pixels", keys: ["i"], run: (a) => a.smooth() },
  { group: "Look", show: "?", does: "this sheet", keys: ["?"], run: (a) => a.help() },
];

const TYPING = 'input[type="text"], textarea, select';
const SLIDING = ["arrowleft", "arrowright", "arrowup", "arrowdown", "home", "end", " ", "pageup", "pagedown"];

/** @param {Actions} actions */
export function listenToKeys(actions) {
  addEventListener("keydown", (event) => {
    if (document.querySelector("dialog[open]")) return;
    const target = /** @type {Element} */ (event.target);
    const key = event.key.toLowerCase();
    if (target.matches(TYPING)) return;
    if (target.matches("input") && SLIDING.includes(key)) return;
    if (target.matches("button, a, summary, input") && (key === "enter" || key === " ")) return;
    const control = (event.ctrlKey || event.metaKey) && !event.getModifierState("AltGraph");
    if (!control && actions.press(event.shiftKey ? `shift ${key}` : key)) {
      event.preventDefault();
      return;
    }
    const binding = BINDINGS.find(
      (each) =>
        each.keys.includes(key) &&
        Boolean(each.control) === control &&
        (!each.control || Boolean(each.shift) === event.shiftKey),
    );
    if (!binding) return;
    event.preventDefault();
    // Held down, it must not answer slices that nobody has looked at.
    if (event.repeat && (binding.release || binding.group === "Answer")) return;
    binding.run(actions, key);
  });
  addEventListener("keyup", (event) => {
    const key = event.key.toLowerCase();
    BINDINGS.find((each) => each.release && each.keys.includes(key))?.release?.(actions);
  });
  // A key that is let go in another window is never heard of.
  addEventListener("blur", () => {
    for (const binding of BINDINGS) binding.release?.(actions);
  });
}
