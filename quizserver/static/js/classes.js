// @ts-check
// The pages of classes: the copy button, and the time zone that the browser knows.

import { createElement } from "./dom.js";
import { gettext } from "./translation.js";

const COPIED_MS = 3000;

/** @param {HTMLElement} button with what it copies, and what it says then */
function installCopyButton(button) {
  const label = button.textContent;
  // The words on a button that has the focus are not read out again when they change.
  const announcement = createElement("span", { className: "visually-hidden" });
  announcement.setAttribute("role", "status");
  button.after(announcement);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(button.dataset.copy ?? "");
      button.textContent = button.dataset.copied ?? "";
    } catch {
      button.textContent = gettext("Copy it by hand"); // without HTTPS a browser may refuse
    }
    announcement.textContent = button.textContent;
    setTimeout(() => {
      button.textContent = label;
      announcement.textContent = "";
    }, COPIED_MS);
  };
  button.addEventListener("click", () => void copy());
}

for (const button of document.querySelectorAll("[data-copy]")) {
  if (button instanceof HTMLElement) installCopyButton(button);
}

/** @param {HTMLSelectElement} zones the list of zones, which says where a zone is to be sent */
function sendTimeZone(zones) {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const isListed = [...zones.options].some((option) => option.value === zone);
  // Once in a session: from then on the server writes the dates on these clocks.
  const address = new URL(zones.dataset.zoneUnknown ?? "", location.href);
  // Whoever changed something before the script came keeps it, and the clocks of this page.
  const inputs = [...document.querySelectorAll("input")];
  const isUnchanged = inputs.every((input) => input.value === input.defaultValue);
  if (isListed && isUnchanged && location.pathname === address.pathname && !location.search) {
    address.searchParams.set("zone", zone);
    location.replace(address);
  }
}

const zones = document.querySelector("select[data-zone-unknown]");
if (zones instanceof HTMLSelectElement) sendTimeZone(zones);
