// @ts-check
// Niceties of the answer form; everything works without them.

import { setEnabled } from "./disable-button.js";
import { closestTarget, createElement, findElement } from "./dom.js";
import { fetchText, toServerError } from "./http.js";
import { DEFAULT_BENCH, parseSettingLink } from "./setting-link.js";
import { gettext } from "./translation.js";

// Milliseconds after which whoever waits for their answer's result may send it again.
const RESEND_AFTER = 15_000;

/**
 * Says in the form what went wrong, aloud too; nothing takes it away.
 *
 * @param {HTMLFormElement} form
 * @param {string} message empty when nothing is wrong
 */
function showFault(form, message) {
  let fault = form.querySelector("[data-fault]");
  if (!fault) {
    fault = createElement("p", { className: "error" });
    fault.setAttribute("role", "alert");
    fault.setAttribute("data-fault", "");
    findElement(form, ".actions", HTMLElement).before(fault);
  }
  fault.textContent = message;
  fault.toggleAttribute("hidden", !message);
}

/**
 * The field of the form that is called `name`.
 *
 * @param {HTMLFormElement} form
 * @param {string} name
 */
function findField(form, name) {
  return findElement(form, `input[name="${name}"]`, HTMLInputElement);
}

/**
 * A hint arrives without losing the options chosen so far.
 *
 * @param {HTMLButtonElement} button
 */
async function showHint(button) {
  const { form } = button;
  if (!form) return;
  showFault(form, "");
  setEnabled(button, false);
  /** @type {Document} */
  let page;
  try {
    const { ok, status, text } = await fetchText(button.dataset.hint ?? "");
    if (!ok) throw new Error(`The server answered ${status}.`);
    page = new DOMParser().parseFromString(text, "text/html");
  } catch (thrown) {
    const { message } = toServerError(thrown);
    const advice = gettext("Your choice is still here: try again in a moment.");
    showFault(form, gettext("The hint did not come: %(message)s %(advice)s", { message, advice }));
    return;
  } finally {
    setEnabled(button, true);
  }
  const action = form.getAttribute("action");
  const newForm = [...page.forms].find((other) => other.getAttribute("action") === action);
  if (!newForm) {
    form.requestSubmit(button);
    return;
  }
  const hints = findElement(newForm, ".hints", HTMLElement);
  findElement(form, ".hints", HTMLElement).replaceWith(document.adoptNode(hints));
  findField(form, "hints_seen").value = findField(newForm, "hints_seen").value;
  const nextButton = newForm.querySelector("[data-hint]");
  if (nextButton) button.replaceWith(document.adoptNode(nextButton));
  else button.remove();
  const hint = form.querySelector(".hint:last-child");
  if (hint instanceof HTMLElement) hint.focus();
}

document.addEventListener("click", (event) => {
  const button = closestTarget(event, "button[data-hint]");
  if (!(button instanceof HTMLButtonElement)) return;
  event.preventDefault();
  void showHint(button);
});

/** @type {NodeListOf<HTMLFormElement>} */
const answerForms = document.querySelectorAll("form[data-answer]");

// A page that is loaded again goes on from when the form was first shown in this tab.
for (const form of answerForms) {
  const shown = findField(form, "shown");
  const key = `shown:${findField(form, "version").value}:${findField(form, "number").value}`;
  try {
    if (shown.value) shown.value = sessionStorage.getItem(key) ?? shown.value;
    sessionStorage.setItem(key, shown.value);
  } catch {
    // A browser without storage counts from this load.
  }
}

// The server takes the same submission once anyway; this only spares the second request, until
// waiting for the first gets long.
document.addEventListener("submit", (event) => {
  const { target: form, submitter } = event;
  if (!(form instanceof HTMLFormElement) || !form.matches("form[data-answer]")) return;
  if (submitter?.getAttribute("name") === "hint") return;
  if (form.dataset.sent) {
    event.preventDefault();
    return;
  }
  const button = findElement(form, '[type="submit"]', HTMLButtonElement);
  const label = button.textContent;
  form.dataset.sent = "yes";
  showFault(form, "");
  setTimeout(() => {
    setEnabled(button, false);
    button.textContent = gettext("Submitting…");
  });
  setTimeout(() => {
    delete form.dataset.sent;
    setEnabled(button, true);
    button.textContent = label;
    showFault(
      form,
      gettext("The server has not answered yet. Submit again; the answer counts once."),
    );
  }, RESEND_AFTER);
});
window.addEventListener("pageshow", (event) => {
  // A page that the browser kept is as it was: with what is chosen, or from before the answer.
  if (event.persisted && document.querySelector("form[data-sent]")) window.location.reload();
});

// What is wrong with a submission is read out and is where the next Tab begins.
const fault = document.querySelector('form[data-answer] [role="alert"]');
if (fault instanceof HTMLElement) fault.focus();

const result = document.getElementById("result");
if (result && window.location.hash === "#result") result.focus();

// A link to a setting of the bench, which opens with an answer, is followed once there is one.
const linkKey = `setting:${window.location.pathname}`;
try {
  const link = parseSettingLink(window.location.hash);
  if (link?.benchId === DEFAULT_BENCH && answerForms.length === 1) {
    sessionStorage.setItem(linkKey, window.location.hash);
    const text = gettext("The link’s setting opens at the bench, once you have answered.");
    const note = createElement("p", { className: "notice", textContent: text });
    answerForms[0].before(note);
  } else if (window.location.hash === "#result" && document.getElementById(DEFAULT_BENCH)) {
    const kept = sessionStorage.getItem(linkKey);
    sessionStorage.removeItem(linkKey);
    if (kept) window.history.replaceState(null, "", kept);
  }
} catch {
  // Without storage the link has to be opened once more.
}
