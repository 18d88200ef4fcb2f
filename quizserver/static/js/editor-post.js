// Sends what an author wrote; what went wrong comes back as an error in the server's words.

const TOKEN = 'meta[name="csrf-token"]';

export async function post(url, body) {
  let response = await send(url, body);
  // Whoever signed out and in again, perhaps in another tab, has a new token.
  if ([400, 404].includes(response.status) && (await renewed())) response = await send(url, body);
  const type = response.headers.get("Content-Type") ?? "";
  const told = type.includes("json") ? await response.json() : {};
  if (!response.ok) throw new Error(told.error ?? `The server answered ${response.status}.`);
  return told;
}

async function send(url, body) {
  const form = body instanceof FormData;
  const headers = { "X-CSRFToken": document.querySelector(TOKEN).content, Accept: "application/json" };
  try {
    return await fetch(url, {
      method: "POST",
      headers: form ? headers : { ...headers, "Content-Type": "application/json" },
      body: form ? body : JSON.stringify(body),
    });
  } catch {
    throw new Error("The server can't be reached. It will be tried again.");
  }
}

/** Takes the token of this page as it is now; whether there is another one than before. */
async function renewed() {
  const meta = document.querySelector(TOKEN);
  try {
    const response = await fetch(location.pathname, { headers: { Accept: "text/html" } });
    if (!response.ok) return false;
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    const token = page.querySelector(TOKEN)?.content;
    if (!token || token === meta.content) return false;
    meta.content = token;
    for (const field of document.querySelectorAll('input[name="csrf_token"]')) field.value = token;
    return true;
  } catch {
    return false;
  }
}
