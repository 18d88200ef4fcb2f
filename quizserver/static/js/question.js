// Niceties of the answer form; everything works without them.

import { fetchText } from "./server.js";
import { usable } from "./usable.js";

const LONG = 15_000; // milliseconds after which whoever waits for their answer's result may send it again

/** Says in the form what went wrong, aloud too; nothing takes it away. */
function complain(form, words) {
  let place = form.querySelector("[data-fault]");
  if (!place) {
    place = Object.assign(document.createElement("p"), { className: "error" });
    place.setAttribute("role", "alert");
    place.dataset.fault = "";
    form.querySelector(".actions").before(place);
  }
  place.textContent = words;
  place.hidden = !words;
}

/** A hint arrives without losing the options chosen so far. */
async function showHint(button) {
  const form = button.closest("form");
  complain(form, "");
  usable(button, false);
  let page;
  try {
    const { ok, status, text } = await fetchText(button.dataset.hint);
    if (!ok) throw new Error(`The server answered ${status}.`);
    page = new DOMParser().parseFromString(text, "text/html");
  } catch (error) {
    usable(button, true);
    complain(form, `The hint did not come: ${error.message} Your choice is still here: try again in a moment.`);
    return;
  }
  usable(button, true);
  const fresh = [...page.forms].find((other) => other.getAttribute("action") === form.getAttribute("action"));
  if (!fresh) {
    form.requestSubmit(button);
    return;
  }
  form.querySelector(".hints").replaceWith(document.adoptNode(fresh.querySelector(".hints")));
  form.elements.hints_seen.value = fresh.elements.hints_seen.value;
  const more = fresh.querySelector("[data-hint]");
  if (more) button.replaceWith(document.adoptNode(more));
  else button.remove();
  form.querySelector(".hint:last-child")?.focus();
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-hint]");
  if (!button) return;
  event.preventDefault();
  showHint(button);
});

// A page that is loaded again goes on from when the form was first shown in this tab.
for (const { elements } of document.querySelectorAll("form[data-answer]")) {
  const key = `shown:${elements.version.value}:${elements.number.value}`;
  try {
    if (elements.shown.value) elements.shown.value = sessionStorage.getItem(key) ?? elements.shown.value;
    sessionStorage.setItem(key, elements.shown.value);
  } catch {
    // A browser without storage counts from this load.
  }
}

// The server takes the same submission once anyway; this only spares the second request,
// until waiting for the first gets long.
document.addEventListener("submit", (event) => {
  if (!event.target.matches("form[data-answer]") || event.submitter?.name === "hint") return;
  const form = event.target;
  if (form.dataset.sent) {
    event.preventDefault();
    return;
  }
  const button = form.querySelector('[type="submit"]');
  const words = button.textContent;
  form.dataset.sent = "yes";
  complain(form, "");
  setTimeout(() => {
    usable(button, false);
    button.textContent = "Submitting…";
  });
  setTimeout(() => {
    delete form.dataset.sent;
    usable(button, true);
    button.textContent = words;
    complain(form, "The server has not answered yet. Submit again; the answer counts once.");
  }, LONG);
});
window.addEventListener("pageshow", (event) => {
  // A page that the browser kept is as it was: with what is chosen, or from before the answer.
  if (event.persisted && document.querySelector("form[data-sent]")) window.location.reload();
});

// What is wrong with a submission is read out and is where the next Tab begins.
document.querySelector('form[data-answer] [role="alert"]')?.focus();

const result = document.getElementById("result");
if (result && window.location.hash === "#result") result.focus();
