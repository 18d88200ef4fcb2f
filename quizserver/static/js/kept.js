// Runs kept for comparison: at most four, for as long as this tab lives.

const MOST = 4;

export class Kept {
  constructor(name) {
    this.key = `bench:${name}`;
    this.runs = [];
    try {
      const stored = JSON.parse(sessionStorage.getItem(this.key) ?? "[]");
      if (Array.isArray(stored)) this.runs = stored.filter((run) => Array.isArray(run?.x) && Array.isArray(run?.median)).slice(-MOST);
    } catch {
      // A browser without storage keeps runs until the page is left.
    }
  }

  /** Adds a finished run; the oldest leaves when there are too many, the same setting only once. */
  add(run) {
    this.runs = [...this.runs.filter((other) => other.title !== run.title), run].slice(-MOST);
    this.save();
  }

  remove(run) {
    this.runs = this.runs.filter((other) => other !== run);
    this.save();
  }

  save() {
    const lean = this.runs.map(({ replicas, ...rest }) => rest);
    try {
      sessionStorage.setItem(this.key, JSON.stringify(lean));
    } catch {
      // Full or forbidden storage: the runs stay in the page all the same.
    }
  }
}
