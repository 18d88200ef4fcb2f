// A form that is pressed twice is sent once: the second press would make a second class, or be refused.

const WHILE = 5000; // milliseconds; whoever presses after that means it

const pressed = new Map();

document.addEventListener("submit", (event) => {
  const { target, submitter, defaultPrevented } = event;
  if (defaultPrevented || target.method !== "post") return;
  const last = pressed.get(target);
  const again = last && last.submitter === submitter && event.timeStamp - last.at < WHILE;
  if (again) event.preventDefault();
  else pressed.set(target, { submitter, at: event.timeStamp });
});
// A page that comes back as it was has sent nothing yet.
addEventListener("pageshow", () => pressed.clear());
