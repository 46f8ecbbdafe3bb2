/** Elements from code. Text is only ever set as text, so that names of cases and people are inert. */

const SVG = "http://www.w3.org/2000/svg";

/**
 * @typedef {string | number | Node | null | undefined | false} Child
 * @typedef {Record<string, any>} Properties `on...` listeners, `class`, `data-...`, attributes
 */

/**
 * An HTML element: h("button", {class: "wide", onclick: save}, "Save").
 *
 * @param {string} tag
 * @param {Properties} [properties] false and null leave an attribute out, true sets it empty
 * @param {...Child} children
 * @returns {any}
 */
export function h(tag, properties = {}, ...children) {
  return filled(document.createElement(tag), properties, children);
}

/** An SVG element. @param {string} tag @param {Properties} [properties] @param {...Child} children */
export function svg(tag, properties = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), properties, children);
}

/** Put other children in the place of an element's own. @param {Element} element @param {...Child} children */
export function fill(element, ...children) {
  element.replaceChildren(...nodes(children));
}

/** @param {string} id @returns {any} the element of the page that has this id */
export function byId(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`The page has no element "${id}".`);
  return found;
}

/** A key's name as it is shown. @param {string} name */
export function key(name) {
  return h("kbd", { "aria-hidden": "true" }, name);
}

/** @param {Element} element @param {Properties} properties @param {Child[]} children */
function filled(element, properties, children) {
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...nodes(children));
  return element;
}

/** @param {Child[]} children */
function nodes(children) {
  return children
    .filter((child) => child !== null && child !== undefined && child !== false)
    .map((child) => (child instanceof Node ? child : String(child)));
}
