// @ts-check
// Texts in the language of the page: the English sentence is the key of its translation, as in
// quizserver/translation.py. A page in another language than English brings the texts along.

import { parseJson } from "./json.js";

const translations = document.querySelector('meta[name="translations"]')?.getAttribute("content");

/**
 * Translations by the English text, or by the singular: then one for each plural category.
 *
 * @type {Record<string, string | Record<string, string>>}
 */
const texts = parseJson(translations ?? "{}");

/** The language of the page, for `Intl`. Its English is British: 24 hours, the day first. */
export const language = translations ? document.documentElement.lang : "en-GB";

const plurals = new Intl.PluralRules(language);

/**
 * The text, with the variables in the place of its `%(name)s`.
 *
 * @param {string} message
 * @param {Record<string, string | number>} variables
 */
export function gettext(message, variables = {}) {
  const text = texts[message];
  return fill(typeof text === "string" ? text : message, variables);
}

/**
 * The text for this number of things, which `%(num)s` stands for.
 *
 * @param {string} singular
 * @param {string} plural
 * @param {number} number
 * @param {Record<string, string | number>} variables
 */
export function ngettext(singular, plural, number, variables = {}) {
  const forms = texts[singular];
  const english = number === 1 ? singular : plural;
  const text = typeof forms === "object" ? forms[plurals.select(number)] : english;
  return fill(text, { num: number, ...variables });
}

/**
 * @param {string} text
 * @param {Record<string, string | number>} variables
 */
function fill(text, variables) {
  return text.replace(/%\((\w+)\)s/g, (_, /** @type {string} */ name) => String(variables[name]));
}
