// @ts-check
// Finds the elements that a template promises to a script.

/**
 * The first element under `root` that matches. Throws an Error when there is none of that `type`,
 * so that a template and a script that no longer fit fail where they differ.
 *
 * @template {Element} E
 * @param {ParentNode} root
 * @param {string} selector
 * @param {{ new (): E }} type
 * @returns {E}
 */
export function findElement(root, selector, type) {
  const element = root.querySelector(selector);
  if (!(element instanceof type)) throw new Error(`There is no ${type.name} at ${selector}.`);
  return element;
}

/**
 * The part of a component that its template calls `name`.
 *
 * @template {Element} E
 * @param {ParentNode} root
 * @param {string} name
 * @param {{ new (): E }} type
 * @returns {E}
 */
export function findPart(root, name, type) {
  return findElement(root, `[data-part="${name}"]`, type);
}

/**
 * Gives an element a text. One that it has already costs nothing, and is not laid out again.
 *
 * @param {Element} element
 * @param {string} text
 */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/**
 * Fills a box of details with a text and shows it, or hides it when there is none.
 *
 * @param {HTMLElement} box
 * @param {string | null} [text]
 */
export function showDetail(box, text) {
  findElement(box, "pre", HTMLElement).textContent = text ?? "";
  box.hidden = !text;
}

/**
 * The element that an event came from, or the nearest one around it that matches.
 *
 * @param {Event} event
 * @param {string} selector
 * @returns {HTMLElement | null}
 */
export function closestTarget(event, selector) {
  const element = event.target instanceof Element ? event.target.closest(selector) : null;
  return element instanceof HTMLElement ? element : null;
}

/**
 * An HTML element with these properties.
 *
 * @template {keyof HTMLElementTagNameMap} N
 * @param {N} name
 * @param {Partial<HTMLElementTagNameMap[N]>} properties
 * @returns {HTMLElementTagNameMap[N]}
 */
export function createElement(name, properties = {}) {
  return Object.assign(document.createElement(name), properties);
}

const SVG = "http://www.w3.org/2000/svg";

/**
 * What an SVG element is to be: its name, its attributes, and what it holds.
 *
 * @typedef {[name: string, attributes: Record<string, string | number>, ...inside: SvgNode[]]}
 *   SvgShape
 * @typedef {SvgShape | string} SvgNode
 */

/**
 * An SVG element with these attributes and children.
 *
 * @param {string} name
 * @param {Record<string, string | number>} attributes
 * @param {...(Node | string)} children
 * @returns {SVGElement}
 */
export function createSvg(name, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value));
  element.append(...children);
  return /** @type {SVGElement} */ (element);
}

/**
 * Makes an element hold what is described, and nothing else. Elements that are there already are
 * changed where they differ: that costs a browser a fraction of what new ones cost, and a chart is
 * drawn at every move of a knob.
 *
 * @param {Element} parent
 * @param {SvgNode[]} inside
 */
export function updateSvg(parent, inside) {
  let node = parent.firstChild;
  for (const wanted of inside) {
    const next = node?.nextSibling ?? null;
    const fitted = typeof wanted === "string" ? fitText(node, wanted) : fitShape(node, wanted);
    if (!node) parent.append(fitted);
    else if (node !== fitted) node.replaceWith(fitted);
    node = next;
  }
  while (node) {
    const next = node.nextSibling;
    node.remove();
    node = next;
  }
}

/**
 * @param {ChildNode | null} node what is there
 * @param {string} text
 */
function fitText(node, text) {
  if (!(node instanceof Text)) return new Text(text);
  if (node.data !== text) node.data = text;
  return node;
}

/**
 * @param {ChildNode | null} node what is there
 * @param {SvgShape} shape
 */
function fitShape(node, [name, attributes, ...inside]) {
  const element = node instanceof SVGElement && node.localName === name ? node : createSvg(name);
  for (const key of element.getAttributeNames()) {
    if (!(key in attributes)) element.removeAttribute(key);
  }
  for (const [key, value] of Object.entries(attributes)) {
    const text = String(value);
    if (element.getAttribute(key) !== text) element.setAttribute(key, text);
  }
  updateSvg(element, inside);
  return element;
}
