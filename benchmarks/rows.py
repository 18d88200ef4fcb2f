"""What a benchmark prints: rows in groups, as a table or as JSON, and how work is timed."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby


@dataclass(frozen=True)
class Row:
    """One measurement: ``seconds`` a unit of work, and how many times as fast as the baseline.

    ``aim`` is the most seconds, or with a ratio the least ratio, that we want to see.
    """

    group: str
    what: str
    seconds: float | None = None
    ratio: float | None = None
    aim: float | None = None
    note: str = ""

    @property
    def missed(self) -> bool:
        """Whether there is an aim, and this is worse."""
        if self.aim is None:
            return False
        if self.ratio is not None:
            return self.ratio < self.aim
        return self.seconds is not None and self.seconds > self.aim


def timed(work: Callable[[], object], repetitions: int = 3) -> float:
    """Median seconds of ``work``, after one run that does not count."""
    work()
    return statistics.median(once(work) for _ in range(repetitions))


def once(work: Callable[[], object]) -> float:
    """Seconds of ``work``."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def as_json(rows: Sequence[Row]) -> str:
    return json.dumps([{**asdict(row), "missed": row.missed} for row in rows], indent=2)


def as_table(rows: Sequence[Row]) -> str:
    width = max(len(row.what) for row in rows)
    lines: list[str] = []
    for group, members in groupby(rows, key=lambda row: row.group):
        lines += ["", group]
        lines += [_line(row, width) for row in members]
    return "\n".join(lines)


def _line(row: Row, width: int) -> str:
    spent = "" if row.seconds is None else _seconds(row.seconds)
    ratio = "" if row.ratio is None else f"{row.ratio:.1f} ×"
    aim = ""
    if row.aim is not None:
        wanted = f"≥ {row.aim:g} ×" if row.ratio is not None else f"≤ {row.aim:g} s"
        aim = f"aim {wanted}{': MISSED' if row.missed else ''}"
    return f"  {row.what:<{width}}{spent:>12}{ratio:>10}  {aim} {row.note}".rstrip()


def _seconds(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds >= 1 else f"{1000 * seconds:.3g} ms"
