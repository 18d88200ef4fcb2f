// The matrix while the class works: asks for what is new, changes only the cells that changed, and
// makes the table one stop of the Tab key with arrow keys inside.

import { fetchText } from "./server.js";

const SLOWEST_SECONDS = 60;
const MARKED_MS = 4000;

const two = (n) => String(n).padStart(2, "0");
const clock = (moment) => `${moment.getFullYear()}-${two(moment.getMonth() + 1)}-${two(moment.getDate())} ${two(moment.getHours())}:${two(moment.getMinutes())}`;
const target = (cell) => cell.querySelector("a") ?? cell;

function tellLocalTimes(table) {
  for (const time of table.querySelectorAll("time")) time.textContent = clock(new Date(time.dateTime));
  const minutes = -new Date().getTimezoneOffset();
  const name = `${minutes < 0 ? "−" : "+"}${two(Math.floor(Math.abs(minutes) / 60))}:${two(Math.abs(minutes) % 60)}`;
  for (const each of table.querySelectorAll("[data-clock]")) each.textContent = minutes ? `UTC${name}` : "UTC";
}

// Keyboard: of all the cells, the heads that sort included, one can be reached with Tab: the one that
// was last focused, and at first the first learner.
function arrows(table) {
  const heads = table.querySelector(".matrix-names");
  const rows = () => [heads, ...table.tBodies[0].rows];
  const cells = (row) => [...row.cells].filter((cell) => cell.offsetParent); // a phone hides some
  const cellOf = (node) => node.closest(".matrix-names > *, tbody > tr > *");
  let stop = null;

  function makeStop(cell) {
    if (stop) target(stop).tabIndex = -1;
    stop = cell;
    if (stop) target(stop).tabIndex = 0;
  }

  function refresh() {
    for (const row of rows()) for (const cell of row.cells) target(cell).tabIndex = -1;
    makeStop(stop?.isConnected ? stop : (table.tBodies[0].rows[0] ?? heads).cells[0]);
  }

  function moved(key, row, column, last, whole) {
    const ends = { Home: [whole ? 0 : row, 0], End: [whole ? last.row : row, last.column] };
    const steps = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1], PageUp: [-10, 0], PageDown: [10, 0] };
    if (ends[key]) return ends[key];
    return steps[key] && [row + steps[key][0], column + steps[key][1]];
  }

  table.addEventListener("focusin", (event) => {
    const cell = cellOf(event.target);
    if (cell) makeStop(cell);
  });
  table.addEventListener("keydown", (event) => {
    const cell = cellOf(event.target);
    if (!cell || event.altKey || event.metaKey || event.shiftKey) return;
    const all = rows();
    const row = all.indexOf(cell.parentElement);
    const here = cells(all[row]);
    const last = { row: all.length - 1, column: here.length - 1 };
    const wanted = moved(event.key, row, here.indexOf(cell), last, event.ctrlKey);
    if (!wanted) return;
    event.preventDefault();
    const within = (n, most) => Math.min(Math.max(n, 0), most);
    const next = cells(all[within(wanted[0], last.row)])[within(wanted[1], last.column)];
    makeStop(next);
    target(next).focus();
  });
  refresh();
  return refresh;
}

function fill(cell, person, question, told) {
  const [right, attempts] = told;
  const words = `${right ? "right" : "wrong"}, ${attempts} ${attempts === 1 ? "attempt" : "attempts"}`;
  const sign = `${right ? "✓" : "✗"} ${attempts}`;
  let link = cell.querySelector("a");
  if (link && link.textContent === sign) return false;
  const focused = document.activeElement === cell;
  if (!link) {
    link = document.createElement("a");
    link.href = `learners/${person}/questions/${question}`;
    cell.removeAttribute("aria-label");
    cell.removeAttribute("tabindex");
    cell.replaceChildren(link);
  }
  link.textContent = sign;
  link.setAttribute("aria-label", words);
  cell.className = `cell ${right ? "cell-right" : "cell-wrong"}`;
  if (focused) link.focus();
  return true;
}

function mark(cell) {
  cell.classList.remove("cell-changed");
  void cell.offsetWidth; // begins the fading anew when it is still going on
  cell.classList.add("cell-changed");
  setTimeout(() => cell.classList.remove("cell-changed"), MARKED_MS);
}

// Puts what the server told into the table; returns how many answers are new.
function apply(table, questions, told) {
  let news = 0;
  const there = new Map(told.rows.map((row) => [String(row.id), row]));
  for (const line of [...table.tBodies[0].rows]) {
    const row = there.get(line.dataset.person);
    if (!row) { line.remove(); continue; }
    const attempts = line.querySelector("[data-attempts]");
    news += Math.max(0, row.attempts - Number(attempts.textContent));
    attempts.textContent = row.attempts;
    line.querySelector("[data-right]").textContent = row.right;
    if (row.latest_at) {
      const time = document.createElement("time");
      time.dateTime = row.latest_at;
      time.textContent = clock(new Date(row.latest_at));
      line.querySelector(".matrix-when").replaceChildren(time);
    }
    const cells = line.querySelectorAll(".cell");
    row.cells.forEach((cell, at) => {
      if (cell && fill(cells[at], row.id, questions[at], cell)) mark(cells[at]);
    });
  }
  return news;
}

function live(box, table, refresh) {
  const settings = JSON.parse(box.dataset.matrix);
  const news = document.querySelector("[data-news]");
  const notice = document.querySelector("[data-moved]");
  let [etag, failures, timer, asking] = [`"${settings.mark}"`, 0, 0, false];

  function address() {
    const url = new URL(settings.url, location.href);
    const people = [...table.tBodies[0].rows].map((row) => row.dataset.person);
    url.searchParams.set("rows", people.join(","));
    return url;
  }

  function take(told) {
    const same = told.columns.join() === settings.questions.join();
    const held = box.contains(document.activeElement);
    const fresh = same ? apply(table, settings.questions, told) : 0;
    refresh();
    // The row of somebody who left is gone, and the focus may have been in it.
    if (held && !box.contains(document.activeElement)) box.focus();
    if (fresh) news.textContent = `${fresh} new ${fresh === 1 ? "answer" : "answers"}`;
    notice.hidden = same && !told.moved;
  }

  async function ask() {
    const { ok, status, headers, text } = await fetchText(address(), { headers: { "If-None-Match": etag }, cache: "no-store" });
    if (status === 304) return true;
    if (status === 404) return false;
    if (!ok) throw new Error(String(status));
    const told = JSON.parse(text);
    etag = headers.get("ETag");
    take(told);
    return true;
  }

  async function turn() {
    if (asking || document.visibilityState === "hidden") return;
    asking = true;
    try {
      const goOn = await ask();
      if (failures >= 2) news.textContent = "Updating again.";
      failures = 0;
      if (!goOn) {
        news.textContent = "This page no longer updates: you are signed out, or no longer instruct the class.";
        return;
      }
    } catch {
      failures += 1;
      if (failures === 2) news.textContent = "The server does not answer. The page keeps trying.";
    } finally {
      asking = false;
    }
    later();
  }

  function later() {
    clearTimeout(timer);
    timer = setTimeout(turn, 1000 * Math.min(SLOWEST_SECONDS, settings.seconds * 2 ** failures));
  }

  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible") { clearTimeout(timer); turn(); }
  });
  window.addEventListener("online", () => { clearTimeout(timer); turn(); });
  later();
}

const box = document.querySelector("[data-matrix]");
if (box) {
  const table = box.querySelector("table");
  tellLocalTimes(table);
  live(box, table, arrows(table));
  for (const line of document.querySelectorAll("[data-live-line]")) line.hidden = false;
  document.querySelector("[data-late]")?.remove();
}
