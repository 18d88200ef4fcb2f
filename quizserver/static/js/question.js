// Niceties of the answer form; everything works without them.

/** A hint arrives without losing the options chosen so far. */
async function showHint(button) {
  const form = button.closest("form");
  let page;
  try {
    const response = await fetch(button.dataset.hint, { credentials: "same-origin" });
    if (!response.ok) throw new Error(String(response.status));
    page = new DOMParser().parseFromString(await response.text(), "text/html");
  } catch {
    form.requestSubmit(button);
    return;
  }
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

// The server takes the same submission once anyway; this only spares the second request.
document.addEventListener("submit", (event) => {
  if (!event.target.matches("form[data-answer]") || event.submitter?.name === "hint") return;
  const button = event.target.querySelector('[type="submit"]');
  setTimeout(() => {
    button.disabled = true;
    button.textContent = "Submitting…";
  });
});
window.addEventListener("pageshow", (event) => {
  if (event.persisted) window.location.reload();
});

// What is wrong with a submission is read out and is where the next Tab begins.
document.querySelector('form[data-answer] [role="alert"]')?.focus();

const result = document.getElementById("result");
if (result && window.location.hash === "#result") result.focus();
