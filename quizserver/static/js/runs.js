// Talking to the server about runs: ask for one, follow its points, stop it.

/** What went wrong, in the server's words; `field` names the knob concerned, or is null. */
export class RunError extends Error {
  constructor(message, field = null) {
    super(message);
    this.field = field;
  }
}

const UNREACHABLE = "The server can't be reached. Check the connection, then press Run again.";
const RETRIES = 6;

async function ask(url, options = {}) {
  let response;
  try {
    response = await fetch(url, { credentials: "same-origin", ...options });
  } catch {
    throw new RunError(UNREACHABLE);
  }
  const type = response.headers.get("Content-Type") ?? "";
  const body = type.includes("json") ? await response.json() : {};
  if (!response.ok) {
    throw new RunError(body.error ?? `The server answered ${response.status}. Reload the page and try again.`, body.field ?? null);
  }
  return body;
}

function post(url, body) {
  const token = document.querySelector('meta[name="csrf-token"]')?.content ?? "";
  return ask(url, {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-CSRFToken": token, Accept: "application/json" },
    body: JSON.stringify(body ?? {}),
  });
}

/** The recorded curves of every arm: {x, arms}. */
export const recorded = (url) => ask(url, { headers: { Accept: "application/json" } });
export const start = (url, setting) => post(url, setting);
export const stop = (run) => post(`${run.url}/stop`);
export const whole = (run, replicas = false) =>
  ask(run.url + (replicas ? "?replicas=1" : ""), { headers: { Accept: "application/json" } });

/**
 * Follows a run's stream; calls on.state, on.points (of a map, on.cells; of a verification, on.share), on.end with the events'
 * data, on.lost while a dropped stream is being taken up again. Gives a function that stops following.
 */
export function follow(run, on) {
  let source;
  let timer;
  let last = null;
  let failures = 0;
  let over = false;

  function close() {
    over = true;
    clearTimeout(timer);
    source?.close();
  }

  function open() {
    // A stream that is opened anew cannot send Last-Event-ID itself: the address carries it.
    source = new EventSource(last === null ? run.events : `${run.events}?after=${encodeURIComponent(last)}`);
    const hear = (name, then) =>
      source.addEventListener(name, (event) => {
        if (over) return;
        failures = 0;
        if (event.lastEventId) last = event.lastEventId;
        then(JSON.parse(event.data));
      });
    for (const name of ["state", "points", "cells", "share"]) if (on[name]) hear(name, on[name]);
    hear("end", (data) => {
      close();
      on.end(data);
    });
    source.onerror = () => {
      if (over) return;
      source.close();
      failures += 1;
      if (failures > RETRIES) {
        close();
        on.end({ state: "failed", error: UNREACHABLE, sentence: null });
        return;
      }
      on.lost();
      timer = setTimeout(open, Math.min(8000, 250 * 2 ** failures));
    };
  }

  open();
  return close;
}
