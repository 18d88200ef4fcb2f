// @ts-check
// The small pictures beside the options: on the page of a question they put their setting on the
// bench. Elsewhere, and without scripts, they lead to the page of their curves.

import { closestTarget } from "./dom.js";
import { parseSettingLink } from "./setting-link.js";

/** @import { Knobs } from "./types" */
/** @typedef {{ arm: string, knobs: Knobs }} ShownSetting */
/**
 * @typedef {object} SettingHost the bench that the pictures are about
 * @property {(setting: ShownSetting, isAsked: boolean) => void} showSetting
 * @property {(setting: ShownSetting) => boolean} hasSetting whether it stands there now
 */

export class OptionLinks {
  /**
   * @param {ParentNode} root
   * @param {SettingHost} host
   */
  constructor(root, host) {
    this.host = host;
    /** @type {Map<HTMLElement, ShownSetting>} */
    this.links = new Map();
    for (const link of root.querySelectorAll("[data-setting]")) {
      if (!(link instanceof HTMLElement)) continue;
      const setting = parseSettingLink(link.dataset.setting ?? "");
      if (setting) this.links.set(link, setting);
    }
    root.addEventListener("click", (event) => {
      const link = closestTarget(event, "[data-setting]");
      const setting = link && this.links.get(link);
      if (!setting || isForNewTab(event)) return;
      event.preventDefault();
      this.host.showSetting(setting, true);
    });
    // Whoever reads why wants to see the curve that it is about.
    for (const details of root.querySelectorAll("details.why")) {
      details.addEventListener("toggle", () => {
        const link = details.parentElement?.querySelector("[data-setting]");
        const setting = link instanceof HTMLElement ? this.links.get(link) : undefined;
        if (setting && details instanceof HTMLDetailsElement && details.open) {
          this.host.showSetting(setting, false);
        }
      });
    }
  }

  /** Marks the picture whose setting stands on the bench. */
  update() {
    for (const [link, setting] of this.links) {
      if (this.host.hasSetting(setting)) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
  }
}

/** @param {Event} event a click */
function isForNewTab(event) {
  return event instanceof MouseEvent && (event.ctrlKey || event.metaKey || event.shiftKey);
}
