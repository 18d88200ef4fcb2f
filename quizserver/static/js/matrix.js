// @ts-check
// The matrix while the class works: asks for what is new, changes only the cells that changed, and
// makes the table one stop of the Tab key with arrow keys inside.

import { createElement, findElement } from "./dom.js";
import { fetchText } from "./http.js";
import { parseJson } from "./json.js";
import { utcOffsetText } from "./local-times.js";
import { gettext, ngettext } from "./translation.js";

/** @import { MatrixConfig, MatrixRow, MatrixUpdate } from "./types" */

const SLOWEST_SECONDS = 60;
const HIGHLIGHT_MS = 4000;

/** @param {number} n */
const twoDigits = (n) => String(n).padStart(2, "0");

/** @param {Date} moment */
function localTimeText(moment) {
  const date = [moment.getFullYear(), moment.getMonth() + 1, moment.getDate()].map(twoDigits);
  return `${date.join("-")} ${twoDigits(moment.getHours())}:${twoDigits(moment.getMinutes())}`;
}

/**
 * What of a cell takes the focus: its link, or the cell itself.
 *
 * @param {HTMLTableCellElement} cell
 * @returns {HTMLElement}
 */
function focusTarget(cell) {
  return cell.querySelector("a") ?? cell;
}

/** @param {HTMLTableElement} table */
function showLocalTimes(table) {
  for (const time of table.querySelectorAll("time")) {
    time.textContent = localTimeText(new Date(time.dateTime));
  }
  for (const label of table.querySelectorAll("[data-clock]")) {
    label.textContent = utcOffsetText(new Date());
  }
}

/** @type {Record<string, [down: number, right: number]>} */
const KEY_STEPS = {
  ArrowUp: [-1, 0],
  ArrowDown: [1, 0],
  ArrowLeft: [0, -1],
  ArrowRight: [0, 1],
  PageUp: [-10, 0],
  PageDown: [10, 0],
};

/**
 * Of all the cells, the heads that sort included, one can be reached with Tab: the one that was
 * last focused, and at first the first learner. Arrow keys move among them.
 */
class CellNavigation {
  /** @param {HTMLTableElement} table */
  constructor(table) {
    this.body = table.tBodies[0];
    this.heads = findElement(table, ".matrix-names", HTMLTableRowElement);
    /** The cell that Tab reaches. @type {HTMLTableCellElement | null} */
    this.tabStop = null;
    table.addEventListener("focusin", (event) => {
      const cell = cellOf(event);
      if (cell) this.setTabStop(cell);
    });
    table.addEventListener("keydown", (event) => this.handleKey(event));
    this.refresh();
  }

  /** Takes up rows and links that are new, or gone. */
  refresh() {
    for (const row of [this.heads, ...this.body.rows]) {
      for (const cell of row.cells) focusTarget(cell).tabIndex = -1;
    }
    const first = (this.body.rows[0] ?? this.heads).cells[0];
    this.setTabStop(this.tabStop?.isConnected ? this.tabStop : first);
  }

  /** @param {HTMLTableCellElement} cell */
  setTabStop(cell) {
    if (this.tabStop) focusTarget(this.tabStop).tabIndex = -1;
    this.tabStop = cell;
    focusTarget(cell).tabIndex = 0;
  }

  /** @param {KeyboardEvent} event */
  handleKey(event) {
    const cell = cellOf(event);
    if (!cell || event.altKey || event.metaKey || event.shiftKey) return;
    const rows = [this.heads, ...this.body.rows];
    const row = rows.findIndex((other) => other === cell.parentElement);
    const column = visibleCells(rows[row]).indexOf(cell);
    const lastRow = rows.length - 1;
    const lastColumn = visibleCells(rows[row]).length - 1;
    const next = { row, column };
    if (event.key === "Home") {
      Object.assign(next, { row: event.ctrlKey ? 0 : row, column: 0 });
    } else if (event.key === "End") {
      Object.assign(next, { row: event.ctrlKey ? lastRow : row, column: lastColumn });
    } else if (event.key in KEY_STEPS) {
      const [down, right] = KEY_STEPS[event.key];
      Object.assign(next, { row: row + down, column: column + right });
    } else return;
    event.preventDefault();
    const nextRow = rows[clamp(next.row, lastRow)];
    const nextCell = visibleCells(nextRow)[clamp(next.column, lastColumn)];
    this.setTabStop(nextCell);
    focusTarget(nextCell).focus();
  }
}

/**
 * The cell that an event came from.
 *
 * @param {Event} event
 */
function cellOf(event) {
  if (!(event.target instanceof Element)) return null;
  const cell = event.target.closest(".matrix-names > *, tbody > tr > *");
  return cell instanceof HTMLTableCellElement ? cell : null;
}

/**
 * A phone hides some columns.
 *
 * @param {HTMLTableRowElement} row
 */
function visibleCells(row) {
  return [...row.cells].filter((cell) => cell.offsetParent);
}

/**
 * @param {number} n
 * @param {number} most
 */
function clamp(n, most) {
  return Math.min(Math.max(n, 0), most);
}

/** @type {Record<"right" | "wrong" | "shown", [sign: string, words: string]>} */
const CELL_TEXTS = {
  right: ["✓", gettext("right")],
  wrong: ["✗", gettext("wrong")],
  shown: ["·", gettext("no mark")],
};

/**
 * Shows an attempt in a cell; whether that is another one than before.
 *
 * @param {HTMLTableCellElement} cell
 * @param {string} href of the attempts
 * @param {number | null} isRight null: it has no mark
 * @param {number} attempts
 */
function fillCell(cell, href, isRight, attempts) {
  const name = isRight === null ? "shown" : isRight ? "right" : "wrong";
  const [sign, words] = CELL_TEXTS[name];
  const text = `${sign} ${attempts}`;
  let link = cell.querySelector("a");
  if (link?.textContent === text) return false;
  const hasFocus = document.activeElement === cell;
  if (!link) {
    link = createElement("a");
    link.setAttribute("href", href);
    cell.removeAttribute("aria-label");
    cell.removeAttribute("tabindex");
    cell.replaceChildren(link);
  }
  link.textContent = text;
  const count = ngettext("%(num)s attempt", "%(num)s attempts", attempts);
  link.setAttribute("aria-label", `${words}, ${count}`);
  cell.className = `cell cell-${name}`;
  if (hasFocus) link.focus();
  return true;
}

/** @param {HTMLTableCellElement} cell that changed */
function highlightCell(cell) {
  cell.classList.remove("cell-changed");
  void cell.offsetWidth; // begins the fading again when it is still going on
  cell.classList.add("cell-changed");
  setTimeout(() => cell.classList.remove("cell-changed"), HIGHLIGHT_MS);
}

/**
 * Brings a row of the table up to date; how many attempts of it are new.
 *
 * @param {HTMLTableRowElement} line
 * @param {MatrixRow} row
 * @param {string[]} questions
 */
function updateRow(line, row, questions) {
  const attempts = findElement(line, "[data-attempts]", HTMLElement);
  const added = Math.max(0, row.attempts - Number(attempts.textContent));
  attempts.textContent = String(row.attempts);
  findElement(line, "[data-right]", HTMLElement).textContent = String(row.right);
  if (row.latest_at) {
    const time = createElement("time", {
      dateTime: row.latest_at,
      textContent: localTimeText(new Date(row.latest_at)),
    });
    findElement(line, ".matrix-when", HTMLElement).replaceChildren(time);
  }
  /** @type {NodeListOf<HTMLTableCellElement>} */
  const cells = line.querySelectorAll(".cell");
  row.cells.forEach((cell, i) => {
    if (!cell) return;
    const href = `learners/${row.id}/questions/${questions[i]}`;
    if (fillCell(cells[i], href, ...cell)) highlightCell(cells[i]);
  });
  return added;
}

/**
 * Brings the table up to date; how many answers are new.
 *
 * @param {HTMLTableElement} table
 * @param {string[]} questions
 * @param {MatrixRow[]} rows
 */
function updateTable(table, questions, rows) {
  let added = 0;
  const rowsByPerson = new Map(rows.map((row) => [String(row.id), row]));
  for (const line of [...table.tBodies[0].rows]) {
    const row = rowsByPerson.get(line.dataset.person ?? "");
    if (row) added += updateRow(line, row, questions);
    else line.remove(); // the learner left the class
  }
  return added;
}

/** Asks the server for what is new, ever more rarely while it does not answer. */
class LiveUpdates {
  /**
   * @param {HTMLElement} box around the table
   * @param {HTMLTableElement} table
   * @param {CellNavigation} navigation
   */
  constructor(box, table, navigation) {
    this.box = box;
    this.table = table;
    this.navigation = navigation;
    /** @type {MatrixConfig} */
    this.config = parseJson(box.dataset.matrix ?? "");
    this.news = findElement(document, "[data-news]", HTMLElement);
    this.notice = findElement(document, "[data-moved]", HTMLElement);
    /** @type {string | null} */
    this.etag = `"${this.config.mark}"`;
    this.failures = 0;
    this.isAsking = false;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.timer = undefined;
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "visible") this.askNow();
    });
    window.addEventListener("online", () => this.askNow());
    this.askLater();
  }

  askNow() {
    clearTimeout(this.timer);
    void this.ask();
  }

  askLater() {
    clearTimeout(this.timer);
    const seconds = Math.min(SLOWEST_SECONDS, this.config.seconds * 2 ** this.failures);
    this.timer = setTimeout(() => void this.ask(), 1000 * seconds);
  }

  async ask() {
    if (this.isAsking || document.visibilityState === "hidden") return;
    this.isAsking = true;
    try {
      const isAllowed = await this.fetchUpdate();
      if (this.failures >= 2) this.news.textContent = gettext("Updating again.");
      this.failures = 0;
      if (!isAllowed) {
        this.news.textContent = gettext(
          "This page no longer updates: you are signed out, or no longer instruct the class.",
        );
        return;
      }
    } catch {
      this.failures += 1;
      if (this.failures === 2) {
        this.news.textContent = gettext("The server does not answer. The page keeps trying.");
      }
    } finally {
      this.isAsking = false;
    }
    this.askLater();
  }

  /** Shows what is new; false when the reader may no longer see the class. */
  async fetchUpdate() {
    const url = new URL(this.config.url, location.href);
    const people = [...this.table.tBodies[0].rows].map((row) => row.dataset.person);
    url.searchParams.set("rows", people.join(","));
    const { ok, status, headers, text } = await fetchText(url, {
      headers: { "If-None-Match": this.etag ?? "" },
      cache: "no-store",
    });
    if (status === 304) return true;
    if (status === 404) return false;
    if (!ok) throw new Error(String(status));
    /** @type {MatrixUpdate} */
    const update = parseJson(text);
    this.etag = headers.get("ETag");
    this.showUpdate(update);
    return true;
  }

  /** @param {MatrixUpdate} update */
  showUpdate({ columns, rows, moved }) {
    const { questions } = this.config;
    const isSame = columns.join() === questions.join();
    const hadFocus = this.box.contains(document.activeElement);
    const added = isSame ? updateTable(this.table, questions, rows) : 0;
    this.navigation.refresh();
    // The row of somebody who left is gone, and the focus may have been in it.
    if (hadFocus && !this.box.contains(document.activeElement)) this.box.focus();
    if (added) this.news.textContent = ngettext("%(num)s new answer", "%(num)s new answers", added);
    this.notice.hidden = isSame && !moved;
  }
}

const box = document.querySelector("[data-matrix]");
if (box instanceof HTMLElement) {
  const table = findElement(box, "table", HTMLTableElement);
  showLocalTimes(table);
  new LiveUpdates(box, table, new CellNavigation(table));
  for (const line of document.querySelectorAll("[data-live-line]")) {
    line.toggleAttribute("hidden", false);
  }
  document.querySelector("[data-late]")?.remove();
}
