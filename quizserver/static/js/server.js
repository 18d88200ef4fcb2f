// Asks the server in JSON. Whatever goes wrong comes back as an error in words, within a time.

const TOKEN = 'meta[name="csrf-token"]';
const PATIENCE = 20_000; // milliseconds until an answer that has not come counts as lost
const UPLOAD = 180_000; // an image on a slow line takes its time

/** What went wrong, in words. `field` names the input concerned, or is null; `lost` tells that this server said nothing; `status` is that of an answer that came. */
export class ServerError extends Error {
  constructor(message, { field = null, lost = false, status = null } = {}) {
    super(message);
    this.status = status;
    this.field = field;
    this.lost = lost;
  }
}

/** The status, kind and text of an answer. Throws ServerError when none comes whole within the time. */
export async function fetchText(url, options = {}, patience = PATIENCE) {
  const waiting = new AbortController();
  const timer = setTimeout(() => waiting.abort(), patience);
  try {
    const response = await fetch(url, { credentials: "same-origin", ...options, signal: waiting.signal });
    const { ok, status, headers } = response;
    return { ok, status, headers, text: await response.text() };
  } catch {
    const words = waiting.signal.aborted ? `The server did not answer within ${patience / 1000} s.` : "The server can't be reached.";
    throw new ServerError(words, { lost: true });
  } finally {
    clearTimeout(timer);
  }
}

/** What the server tells, from JSON. Throws ServerError. */
export async function ask(url, options = {}) {
  return told(await fetchText(url, { headers: { Accept: "application/json" }, ...options }));
}

/** Sends an object as JSON, or a form as it is, and gives what the server tells. Throws ServerError. */
export async function post(url, body = {}) {
  let answer = await send(url, body);
  // Whoever signed out and in again, perhaps in another tab, has a new token.
  if ([400, 404].includes(answer.status) && (await renewed())) answer = await send(url, body);
  return told(answer);
}

function send(url, body) {
  const form = body instanceof FormData;
  const headers = { "X-CSRFToken": document.querySelector(TOKEN)?.content ?? "", Accept: "application/json" };
  if (form) body.delete("csrf_token"); // the header's is the newer one
  const options = {
    method: "POST",
    headers: form ? headers : { ...headers, "Content-Type": "application/json" },
    body: form ? body : JSON.stringify(body),
  };
  return fetchText(url, options, form ? UPLOAD : PATIENCE);
}

function told({ ok, status, headers, text }) {
  let body = null;
  try {
    if ((headers.get("Content-Type") ?? "").includes("json")) body = JSON.parse(text);
  } catch {
    // An answer that was cut short is none.
  }
  if (ok && body !== null) return body;
  if (!ok && body?.error) throw new ServerError(body.error, { field: body.field ?? null, status });
  const words = ok ? "The answer was cut short, or came from something between here and the server." : `The server answered ${status}.`;
  throw new ServerError(words, { lost: true, status });
}

/** Takes the token of this page as it is now; whether there is another one than before. */
async function renewed() {
  const meta = document.querySelector(TOKEN);
  try {
    const { ok, text } = await fetchText(location.pathname, { headers: { Accept: "text/html" } });
    const token = ok && new DOMParser().parseFromString(text, "text/html").querySelector(TOKEN)?.content;
    if (!token || token === meta?.content) return false;
    meta.content = token;
    for (const field of document.querySelectorAll('input[name="csrf_token"]')) field.value = token;
    return true;
  } catch {
    return false;
  }
}
