// The address that reproduces a setting: #run=arm:low-rate,learning_rate:0.06,seeds:0:32

// The bench of a question's page, which its links need not name.
const HOME = "bench";

/** `at` is the bench's id; `knobs` are only those that differ from the arm. */
export function write({ at, arm, knobs, first, replicas }) {
  const parts = [`arm:${encodeURIComponent(arm)}`];
  for (const [name, value] of Object.entries(knobs)) parts.push(`${encodeURIComponent(name)}:${value}`);
  parts.push(`seeds:${first}:${first + replicas}`);
  if (at !== HOME) parts.push(`at:${encodeURIComponent(at)}`);
  return `#run=${parts.join(",")}`;
}

/** The setting in an address's fragment, or null when there is none. Unknown knobs are kept. */
export function read(hash) {
  if (!hash.startsWith("#run=")) return null;
  const setting = { at: HOME, arm: null, knobs: {}, first: null, replicas: null };
  for (const part of hash.slice(5).split(",")) {
    const [name, ...rest] = part.split(":").map(decode);
    if (name === "arm" || name === "at") setting[name] = rest[0] ?? null;
    else if (name === "seeds") {
      const [from, to] = rest.map(Number);
      if (Number.isInteger(from) && Number.isInteger(to) && from >= 0 && to > from) {
        setting.first = from;
        setting.replicas = to - from;
      }
    } else if (rest.length === 1 && Number.isFinite(Number(rest[0]))) setting.knobs[name] = Number(rest[0]);
  }
  return setting;
}

function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
