// @ts-check
// A form that is submitted twice is sent once: the second time would make a second class, or be
// refused.

const WINDOW = 5000; // milliseconds; whoever submits after that means it

/** @type {Map<HTMLFormElement, { submitter: HTMLElement | null, at: number }>} */
const submissions = new Map();

document.addEventListener("submit", (event) => {
  const { target: form, submitter } = event;
  if (event.defaultPrevented || !(form instanceof HTMLFormElement) || form.method !== "post") {
    return;
  }
  const last = submissions.get(form);
  const repeated = last?.submitter === submitter && event.timeStamp - last.at < WINDOW;
  if (repeated) event.preventDefault();
  else submissions.set(form, { submitter, at: event.timeStamp });
});
// A page that comes back as it was has sent nothing yet.
addEventListener("pageshow", () => submissions.clear());
