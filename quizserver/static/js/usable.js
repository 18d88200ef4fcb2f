// Buttons that go out of use without taking the focus along.

/** Takes a button out of use, or back into it. One that holds the focus keeps it: `disabled` would drop it. */
export function usable(button, may) {
  const held = !may && document.activeElement === button;
  button.disabled = !may && !held;
  button.toggleAttribute("aria-disabled", false);
  if (held) button.setAttribute("aria-disabled", "true");
}

// Such a button is as little pressed as one that is disabled, by Enter in a field of its form either.
document.addEventListener("click", (event) => {
  if (!event.target.closest('button[aria-disabled="true"]')) return;
  event.preventDefault();
  event.stopImmediatePropagation();
}, true);
