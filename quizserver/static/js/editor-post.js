// Sends what an author wrote; what went wrong comes back as an error in the server's words.

export async function post(url, body) {
  const token = document.querySelector('meta[name="csrf-token"]').content;
  const form = body instanceof FormData;
  const headers = { "X-CSRFToken": token, Accept: "application/json" };
  let response;
  try {
    response = await fetch(url, {
      method: "POST",
      headers: form ? headers : { ...headers, "Content-Type": "application/json" },
      body: form ? body : JSON.stringify(body),
    });
  } catch {
    throw new Error("the server can't be reached. It will be tried again.");
  }
  const type = response.headers.get("Content-Type") ?? "";
  const told = type.includes("json") ? await response.json() : {};
  if (!response.ok) throw new Error(told.error ?? `the server answered ${response.status}.`);
  return told;
}
