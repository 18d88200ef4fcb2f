// Talking to the server about runs: ask for one, follow its points, stop it.

import { ask, post } from "./server.js";

const UNREACHABLE = "The server can't be reached. Check the connection, then try again; what is trained is kept.";
const NO_STREAM = "The run goes on, but can't be shown live now. Ask for it again to see how far it is.";
const RETRIES = 10; // about a minute: a server that is started anew is back by then
// The server breaks its silence every 10 s: after this long the connection is dead, or the machine has slept.
const SILENCE = 30_000; // milliseconds

/** The recorded curves of every arm: {x, arms}. */
export const recorded = (url) => ask(url);
export const start = (url, setting) => post(url, setting);
export const stop = (run) => post(`${run.url}/stop`);
export const whole = (run, replicas = false) => ask(run.url + (replicas ? "?replicas=1" : ""));

/** Why a run can't be followed any more; null while it may be that it can. */
async function refusal(run) {
  try {
    await ask(run.url);
  } catch (error) {
    if (error.status === null) throw error;
    if ([401, 403, 404].includes(error.status)) return error.message;
  }
  return null;
}

/**
 * Follows a run's stream; calls on.state, on.points (of a map, on.cells; of a verification, on.share), on.end with the events'
 * data, on.lost(first) while a dropped stream is being taken up again. Gives a function that stops following.
 */
export function follow(run, on) {
  let source;
  let timer;
  let watch;
  let last = null;
  let failures = 0;
  let over = false;

  function close() {
    over = true;
    clearTimeout(timer);
    clearTimeout(watch);
    source?.close();
  }

  function fail(error) {
    close();
    on.end({ state: "failed", error, sentence: null });
  }

  function heard() {
    failures = 0;
    clearTimeout(watch);
    watch = setTimeout(dropped, SILENCE);
  }

  async function dropped() {
    if (over) return;
    clearTimeout(watch);
    source.close();
    failures += 1;
    on.lost(failures === 1);
    if (failures > 1) {
      // A stream can't say why it was refused: the run's own address can.
      let words = failures > RETRIES ? NO_STREAM : null;
      try {
        words = (await refusal(run)) ?? words;
      } catch {
        if (words) words = UNREACHABLE;
      }
      if (over) return;
      if (words) {
        fail(words);
        return;
      }
    }
    timer = setTimeout(open, Math.min(8000, 250 * 2 ** failures));
  }

  function open() {
    // A stream that is opened anew cannot send Last-Event-ID itself: the address carries it.
    source = new EventSource(last === null ? run.events : `${run.events}?after=${encodeURIComponent(last)}`);
    watch = setTimeout(dropped, SILENCE);
    const hear = (name, then) =>
      source.addEventListener(name, (event) => {
        if (over) return;
        heard();
        if (event.lastEventId) last = event.lastEventId;
        then(JSON.parse(event.data));
      });
    for (const name of ["state", "points", "cells", "share"]) if (on[name]) hear(name, on[name]);
    hear("alive", () => {});
    hear("end", (data) => {
      close();
      on.end(data);
    });
    source.onerror = dropped;
  }

  open();
  return close;
}
