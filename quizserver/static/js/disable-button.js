// @ts-check
// Buttons that are disabled without losing the focus.

import { closestTarget } from "./dom.js";

/**
 * Enables or disables a button. One that has the focus keeps it, since `disabled` would take it
 * away: it is marked with aria-disabled in place of that.
 *
 * @param {HTMLButtonElement} button
 * @param {boolean} enabled
 */
export function setEnabled(button, enabled) {
  const focused = !enabled && document.activeElement === button;
  button.disabled = !enabled && !focused;
  button.toggleAttribute("aria-disabled", false);
  if (focused) button.setAttribute("aria-disabled", "true");
}

// A press on such a button does nothing, as on one that is disabled; so does Enter in a field of
// its form.
document.addEventListener(
  "click",
  (event) => {
    if (!closestTarget(event, 'button[aria-disabled="true"]')) return;
    event.preventDefault();
    event.stopImmediatePropagation();
  },
  true,
);
