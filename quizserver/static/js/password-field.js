// @ts-check
// A button beside each password field that shows what was typed: with nothing else to go by, a
// typing error in a new password would lock its owner out for good.

import { findElement } from "./dom.js";

for (const box of document.querySelectorAll("[data-password]")) {
  const field = findElement(box, "input", HTMLInputElement);
  const button = findElement(box, "button", HTMLButtonElement);

  /** @param {boolean} isShown */
  const show = (isShown) => {
    field.type = isShown ? "text" : "password";
    button.setAttribute("aria-pressed", String(isShown));
  };
  button.addEventListener("click", () => show(field.type === "password"));
  // Browsers keep what was typed into a field of text, and offer to save passwords from others.
  field.form?.addEventListener("submit", () => show(false));
  button.hidden = false;
}
