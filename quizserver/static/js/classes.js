// Moments on the reader's own clocks, the copy button, and the time zone that the browser knows.

const words = new Intl.DateTimeFormat("en-GB", { dateStyle: "long", timeStyle: "short" });

function offset(moment) {
  const minutes = -moment.getTimezoneOffset();
  if (minutes === 0) return "UTC";
  const [size, two] = [Math.abs(minutes), (n) => String(n).padStart(2, "0")];
  return `UTC${minutes > 0 ? "+" : "−"}${two(Math.floor(size / 60))}:${two(size % 60)}`;
}

for (const time of document.querySelectorAll("time[data-local]")) {
  const moment = new Date(time.dateTime);
  if (!Number.isNaN(moment.valueOf())) {
    time.textContent = `${words.format(moment).replace(" at ", ", ")} ${offset(moment)}`;
  }
}

for (const button of document.querySelectorAll("[data-copy]")) {
  const before = button.textContent;
  // The words on a button that has the focus are not read out again when they change.
  const told = document.createElement("span");
  told.className = "visually-hidden";
  told.setAttribute("role", "status");
  button.after(told);
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(button.dataset.copy);
      button.textContent = button.dataset.copied;
    } catch {
      button.textContent = "Copy it by hand"; // without HTTPS a browser may refuse
    }
    told.textContent = button.textContent;
    setTimeout(() => { button.textContent = before; told.textContent = ""; }, 3000);
  });
}

const clocks = document.querySelector("select[data-zone-unknown]");
if (clocks) {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const listed = [...clocks.options].some((option) => option.value === zone);
  // Once in a session: from then on the server writes the dates on these clocks.
  const address = new URL(clocks.dataset.zoneUnknown, location.href);
  // Whoever changed something before the script came keeps it, and the clocks of this page.
  const typed = [...document.querySelectorAll("input")].some((field) => field.value !== field.defaultValue);
  if (listed && !typed && location.pathname === address.pathname && !location.search) {
    address.searchParams.set("zone", zone);
    location.replace(address);
  }
}
