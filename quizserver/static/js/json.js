// @ts-check
// JSON with a type.

/**
 * The value that a JSON text holds, which the caller trusts to be a T: the server wrote it. Throws
 * SyntaxError.
 *
 * @template T
 * @param {string} text
 * @returns {T}
 */
export function parseJson(text) {
  /** @type {unknown} */
  const value = JSON.parse(text);
  return /** @type {T} */ (value);
}
