// @ts-check
// Line numbers for a textarea: a copy of its lines lies behind it and wraps as it does, so that
// every number stands at its line and the box grows with the text. Nothing is measured.

import { createElement } from "./dom.js";

export class LineNumbers {
  /**
   * @param {HTMLElement} box around both
   * @param {HTMLElement} copy of the lines
   * @param {HTMLTextAreaElement} source
   */
  constructor(box, copy, source) {
    this.copy = copy;
    this.source = source;
    box.classList.add("with-lines");
    this.update();
  }

  /** Takes over what was typed; lines that did not change are left alone. */
  update() {
    const lines = this.source.value.split("\n");
    const { children } = this.copy;
    while (children.length > lines.length) children[children.length - 1].remove();
    lines.forEach((line, i) => {
      const row = children[i] ?? this.copy.appendChild(createElement("div"));
      // A line that is empty must be as high as any other.
      const text = line || "\u200b";
      if (row.textContent !== text) row.textContent = text;
    });
  }

  /**
   * Flags the lines that have a problem.
   *
   * @param {number[]} numbers from 1
   */
  flagLines(numbers) {
    const flagged = new Set(numbers);
    [...this.copy.children].forEach((row, i) => {
      row.classList.toggle("line-bad", flagged.has(i + 1));
    });
  }

  /**
   * Puts the caret at a line and column (from 1) and brings it into view.
   *
   * @param {number} line
   * @param {number} column
   */
  goTo(line, column) {
    const lines = this.source.value.split("\n");
    const start = lines.slice(0, line - 1).reduce((sum, { length }) => sum + length + 1, 0);
    const caret = Math.min(start + column - 1, start + (lines[line - 1]?.length ?? 0));
    this.source.focus({ preventScroll: true });
    this.source.setSelectionRange(caret, caret);
    this.copy.children[line - 1]?.scrollIntoView({ block: "center" });
  }
}
