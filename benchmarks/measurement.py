"""Rows of a benchmark, as a table or as JSON, and functions that time work."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby


@dataclass(frozen=True)
class Measurement:
    """One measurement: ``seconds`` a unit of work, and ``ratio``, its speed over the baseline's; or
    an ``amount`` in a ``unit`` of its own.

    ``aim`` is the most seconds or the largest amount wanted, or with a ratio the least ratio.
    """

    group: str
    what: str
    seconds: float | None = None
    ratio: float | None = None
    aim: float | None = None
    note: str = ""
    amount: float | None = None
    unit: str = ""

    @property
    def misses_aim(self) -> bool:
        """Whether there is an aim, and this is worse."""
        if self.aim is None:
            return False
        if self.amount is not None:
            return self.amount > self.aim
        if self.ratio is not None:
            return self.ratio < self.aim
        return self.seconds is not None and self.seconds > self.aim


def median_seconds(work: Callable[[], object], repetitions: int = 3) -> float:
    """Median seconds of ``work``, after one run that does not count."""
    work()
    return statistics.median(seconds_of(work) for _ in range(repetitions))


def seconds_of(work: Callable[[], object]) -> float:
    """Seconds of ``work``."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def measurements_json(rows: Sequence[Measurement]) -> str:
    return json.dumps([{**asdict(row), "missed": row.misses_aim} for row in rows], indent=2)


def measurements_table(rows: Sequence[Measurement]) -> str:
    width = max(len(row.what) for row in rows)
    lines: list[str] = []
    for group, members in groupby(rows, key=lambda row: row.group):
        lines += ["", group]
        lines += [_table_line(row, width) for row in members]
    return "\n".join(lines)


def _table_line(row: Measurement, width: int) -> str:
    spent = "" if row.seconds is None else _seconds_text(row.seconds)
    ratio = "" if row.ratio is None else f"{row.ratio:.1f} ×"
    if row.amount is not None:
        ratio = f"{_amount_text(row.amount)} {row.unit}"
    aim = ""
    if row.aim is not None:
        target = f"≥ {row.aim:g} ×" if row.ratio is not None else f"≤ {row.aim:g} s"
        if row.amount is not None:
            target = f"≤ {row.aim:g} {row.unit}"
        aim = f"aim {target}{': MISSED' if row.misses_aim else ''}"
    return f"  {row.what:<{width}}{spent:>12}{ratio:>10}  {aim} {row.note}".rstrip()


def _amount_text(amount: float) -> str:
    return f"{amount:,.0f}" if amount >= 1000 else f"{amount:.3g}"


def _seconds_text(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds >= 1 else f"{1000 * seconds:.3g} ms"
