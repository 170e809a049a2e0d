/** Finding and copying elements. What the page cannot do without is asked for by name, so that its lack is told at once. */

/**
 * @template {HTMLElement} T
 * @param {string} id
 * @param {new () => T} kind
 * @returns {T}
 */
export function byId(id, kind) {
  const found = document.getElementById(id)
  if (!(found instanceof kind)) throw new Error(`#${id} is not on this page`)
  return found
}

/**
 * @template {Element} T
 * @param {ParentNode} root
 * @param {string} selector
 * @param {new () => T} kind
 * @returns {T}
 */
export function find(root, selector, kind) {
  const found = root.querySelector(selector)
  if (!(found instanceof kind)) throw new Error(`${selector} is not here`)
  return found
}

/** A fresh copy of what a template holds. @param {string} id @returns {HTMLElement} */
export function fromTemplate(id) {
  const first = byId(id, HTMLTemplateElement).content.firstElementChild
  if (!first) throw new Error(`#${id} is empty`)
  return /** @type {HTMLElement} */ (document.importNode(first, true))
}

/** Shows another icon of the same sheet. @param {Element} root @param {string} name */
export function setIcon(root, name) {
  const use = root.querySelector('use')
  use?.setAttribute('href', `${use.getAttribute('href')?.split('#')[0]}#${name}`)
}
