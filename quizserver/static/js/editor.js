// @ts-check
// Writing a page: lines with numbers, the checker's messages while typing, a draft that saves
// itself.

import { closestTarget, createElement, findPart } from "./dom.js";
import { installImageForm } from "./editor-image.js";
import { LineNumbers } from "./editor-line-numbers.js";
import { Verification } from "./editor-verification.js";
import { postJson, toServerError } from "./http.js";
import { parseJson } from "./json.js";

/** @import { CheckResult, EditorConfig, EditorHost } from "./types" */

const PAUSE = 500; // milliseconds without a key after which the text is checked and saved
const RETRY_PAUSE = 5000; // after a failure

/** @implements {EditorHost} */
class Editor {
  /** @param {HTMLElement} root */
  constructor(root) {
    /** @type {EditorConfig} */
    this.config = parseJson(root.dataset.editor ?? "");
    this.source = findPart(document, "source", HTMLTextAreaElement);
    this.form = findPart(document, "form", HTMLFormElement);
    this.base = findPart(document, "base", HTMLInputElement);
    this.seen = findPart(document, "seen", HTMLInputElement);
    this.problems = findPart(document, "problems", HTMLElement);
    this.page = findPart(document, "page", HTMLElement);
    this.state = findPart(document, "state", HTMLElement);
    this.brief = findPart(document, "brief", HTMLElement);
    this.announcement = findPart(document, "announce", HTMLElement);
    this.lines = new LineNumbers(
      findPart(document, "source-box", HTMLElement),
      findPart(document, "lines", HTMLElement),
      this.source,
    );
    // What is typed before the script came is as little saved as what is typed after.
    const { value, defaultValue } = this.source;
    /** The text that the server has. @type {string | null} */
    this.savedText = this.config.unsaved ? null : defaultValue;
    /** What the state says of a saved text; null while it says of a conflict. @type {string | null} */
    this.savedMessage = null;
    /** The check that is under way. @type {Promise<boolean> | null} */
    this.checking = null;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.timer = undefined;
    this.isLeaving = false;
    this.hasFailed = false;
    this.hasConflict = false;
    this.announcedBrief = "";
    findPart(document, "check", HTMLElement).hidden = true; // it happens by itself
    if (this.config.unsaved) this.showState("Not saved yet.");
    this.flagProblemLines();
    this.listen();
    if (value !== defaultValue) this.handleInput();
    installImageForm(this);
    const verify = document.querySelector('[data-part="verify"]');
    if (verify instanceof HTMLElement) {
      const verification = new Verification(verify, this);
      if (this.config.verification) verification.takeUp(this.config.verification);
    }
    root.toggleAttribute("data-ready", true);
    document.querySelector("[data-late]")?.remove();
  }

  listen() {
    this.source.addEventListener("input", () => this.handleInput());
    this.problems.addEventListener("click", (event) => this.goToProblem(event));
    this.form.addEventListener("submit", (event) => void this.leave(event));
    window.addEventListener("beforeunload", (event) => {
      if (!this.isLeaving && !this.saved) event.preventDefault();
    });
    // A page that the browser kept knows nothing of what was published since, and is left again as
    // any other.
    window.addEventListener("pageshow", ({ persisted }) => {
      this.isLeaving = false;
      if (persisted && this.saved) window.location.reload();
    });
    document.addEventListener("keydown", (event) => {
      if ((event.ctrlKey || event.metaKey) && event.key === "s") {
        event.preventDefault();
        void this.check();
      }
    });
  }

  handleInput() {
    this.lines.update();
    this.showState(this.saved ? this.savedMessage : "Not saved yet…");
    this.checkAfter(PAUSE);
  }

  /** @param {number} milliseconds */
  checkAfter(milliseconds) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.check(), milliseconds);
  }

  get saved() {
    return this.source.value === this.savedText;
  }

  /**
   * Puts text where the caret is, as if it was typed.
   *
   * @param {string} text
   */
  insertText(text) {
    this.source.focus();
    const { selectionStart: start, selectionEnd: end } = this.source;
    this.source.setRangeText(text, start, end, "end");
    this.source.dispatchEvent(new Event("input", { bubbles: true }));
  }

  /** @param {string} message read out by screen readers */
  announce(message) {
    this.announcement.textContent = message;
  }

  /**
   * Saves the draft and shows what there is to say of it, one request at a time; whether the server
   * answered.
   *
   * @returns {Promise<boolean>}
   */
  async check() {
    clearTimeout(this.timer);
    if (this.checking) {
      const answered = await this.checking;
      return this.saved ? answered : this.check();
    }
    this.checking = this.sendText();
    try {
      return await this.checking;
    } finally {
      this.checking = null;
    }
  }

  async sendText() {
    const text = this.source.value;
    const { base, seen } = this.config;
    try {
      /** @type {CheckResult} */
      const result = await postJson(this.config.check, { text, base, seen });
      if (result.saved) {
        this.savedText = text;
        this.takeVersion(result);
      }
      this.showResult(result);
      return true;
    } catch (thrown) {
      const { lost, message } = toServerError(thrown);
      const advice = lost ? " It will be tried again." : "";
      this.showState(`Not saved: ${message}${advice}`, true);
      this.timer = setTimeout(() => void this.check(), RETRY_PAUSE);
      return false;
    }
  }

  /**
   * Takes the versions that the saved text goes back to.
   *
   * @param {CheckResult} result
   */
  takeVersion({ base, seen, state }) {
    Object.assign(this.config, { base: base ?? "", seen: seen ?? "", state });
    this.base.value = this.config.base;
    this.seen.value = this.config.seen;
  }

  /** @param {CheckResult} result */
  showResult(result) {
    this.problems.innerHTML = result.problems_html;
    this.page.innerHTML = result.page_html;
    this.flagProblemLines();
    const hadFailed = this.hasFailed;
    this.hasFailed = false;
    this.showResultState(result);
    this.announceNews(result, hadFailed);
  }

  /**
   * Read out is only what is new: what the checker finds, that a text is safe again, that another
   * one is in its way.
   *
   * @param {CheckResult} result
   * @param {boolean} hadFailed
   */
  announceNews(result, hadFailed) {
    if (this.hasFailed) return; // that was read out
    const news = [];
    if (hadFailed && result.saved && this.savedMessage) news.push(this.savedMessage);
    const isConflict = result.state === "conflict";
    if (isConflict && !this.hasConflict) news.push(this.state.textContent);
    this.hasConflict = isConflict;
    const brief = this.brief.textContent;
    if (brief !== this.announcedBrief) news.push(brief);
    this.announcedBrief = brief;
    if (news.length) this.announce(news.join(" · "));
  }

  /** @param {CheckResult} result */
  showResultState(result) {
    if (result.error) {
      this.showState(`Not saved: ${result.error}`, true);
    } else if (result.state === "conflict") {
      const link = createElement("a", {
        href: this.config.conflict,
        textContent: "See both, and decide",
      });
      const fault = createElement("strong", {
        className: "mark-bad",
        textContent: "✗ Saved, but the file was changed since you began. ",
      });
      this.state.replaceChildren(fault, link);
      this.savedMessage = null;
    } else {
      const time = new Date().toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
      this.savedMessage = result.state === "live" ? "As published" : `Draft, saved at ${time}`;
      this.showState(this.saved ? this.savedMessage : "Not saved yet…");
    }
  }

  /**
   * @param {string | null} message null leaves the state as it is
   * @param {boolean} isBad
   */
  showState(message, isBad = false) {
    if (message === null) return;
    // A failure is read out, once.
    if (isBad && this.state.textContent !== message) this.announce(message);
    this.hasFailed ||= isBad;
    this.state.textContent = message;
    this.state.classList.toggle("mark-bad", isBad);
  }

  /** The lines that the messages are about get a sign beside their number. */
  flagProblemLines() {
    const links = [...this.problems.querySelectorAll("[data-line]")];
    const errors = links.filter((link) => link.getAttribute("data-severity") !== "warning");
    this.lines.flagLines(errors.map((link) => Number(link.getAttribute("data-line"))));
    const sum = this.problems.querySelector("[data-brief]");
    this.brief.textContent = sum?.getAttribute("data-brief") ?? "✓ No problems";
  }

  /** @param {Event} event */
  goToProblem(event) {
    const link = closestTarget(event, "[data-line]");
    if (!link) return;
    event.preventDefault();
    this.lines.goTo(Number(link.dataset.line), Number(link.dataset.column));
  }

  /**
   * The page is left with its text only when the server has it, or will show it again with what it
   * says.
   *
   * @param {SubmitEvent} event
   */
  async leave(event) {
    if (this.isLeaving) return;
    event.preventDefault();
    const { submitter } = event;
    if (!this.saved) this.showState("Saving it first…");
    if (!(await this.check()) || this.isLeaving) return;
    clearTimeout(this.timer);
    this.isLeaving = true;
    this.form.requestSubmit(submitter);
  }
}

const root = document.querySelector("[data-editor]");
if (root instanceof HTMLElement) new Editor(root);
