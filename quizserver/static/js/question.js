// Niceties of the answer form; everything works without them.

/** A hint arrives without losing the options chosen so far. */
async function showHint(link) {
  const form = link.closest("form");
  let page;
  try {
    const response = await fetch(link.href, { credentials: "same-origin" });
    if (!response.ok) throw new Error(String(response.status));
    page = new DOMParser().parseFromString(await response.text(), "text/html");
  } catch {
    window.location.assign(link.href);
    return;
  }
  const fresh = [...page.forms].find((other) => other.getAttribute("action") === form.getAttribute("action"));
  if (!fresh) {
    window.location.assign(link.href);
    return;
  }
  form.querySelector(".hints").replaceWith(document.adoptNode(fresh.querySelector(".hints")));
  form.elements.hints_seen.value = fresh.elements.hints_seen.value;
  const more = fresh.querySelector("[data-hint]");
  if (more) link.replaceWith(document.adoptNode(more));
  else link.remove();
  form.querySelector(".hint:last-child")?.focus();
}

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-hint]");
  if (!link || event.metaKey || event.ctrlKey || event.shiftKey) return;
  event.preventDefault();
  showHint(link);
});

// The server takes the same submission once anyway; this only spares the second request.
document.addEventListener("submit", (event) => {
  if (!event.target.matches("form[data-answer]")) return;
  const button = event.target.querySelector('[type="submit"]');
  setTimeout(() => {
    button.disabled = true;
    button.textContent = "Submitting…";
  });
});
window.addEventListener("pageshow", (event) => {
  if (event.persisted) window.location.reload();
});

const result = document.getElementById("result");
if (result && window.location.hash === "#result") result.focus();
