"""JSON that diffs well: rounded numbers, one line for each list of plain values."""

from __future__ import annotations

import json
import math
from collections.abc import Collection
from typing import Any


def round_significant(value: float, digits: int = 4) -> float | None:
    """``value`` rounded to significant digits; None when it is no finite number."""
    return float(f"{value:.{digits}g}") if math.isfinite(value) else None


# Settings, thresholds and what the author declared stay as they were written.
_EXACT = ("description", "x", "knobs", "over", "at_least", "value", "maps")


def round_floats(data: Any, digits: int = 4) -> Any:
    """``data`` with every float rounded to significant digits, whole ones as int."""
    if isinstance(data, float):
        short = round_significant(data, digits)
        # a huge whole number stays in exponent form: 1e+38, not 39 digits
        whole = short is not None and short.is_integer() and abs(short) < 1e15
        return int(short) if short is not None and whole else short
    if isinstance(data, dict):
        # 17 digits are every digit that a float has
        return {
            key: round_floats(value, 17 if key in _EXACT else digits) for key, value in data.items()
        }
    return [round_floats(item, digits) for item in data] if isinstance(data, list) else data


def compact_text(data: Any, indent: str = "") -> str:
    """JSON with one line for each list of plain values and each small dict of them."""
    inner = f"{indent} "
    values = data.values() if isinstance(data, dict) else data
    if not isinstance(data, dict | list) or not any(isinstance(v, dict | list) for v in values):
        return json.dumps(data, ensure_ascii=False)
    if isinstance(data, dict):
        lines = [
            f"{inner}{json.dumps(key, ensure_ascii=False)}: {compact_text(value, inner)}"
            for key, value in data.items()
        ]
        return "{\n" + ",\n".join(lines) + f"\n{indent}}}"
    return "[\n" + ",\n".join(inner + compact_text(item, inner) for item in data) + f"\n{indent}]"


def without_empty(fields: dict[str, Any], optional: Collection[str]) -> dict[str, Any]:
    """``fields`` without those of ``optional`` that are empty, for a shorter file."""
    # a value of zero is not empty
    return {
        key: value
        for key, value in fields.items()
        if key not in optional or value not in (None, "", [], {})
    }


def bands_by_claim(
    data: dict[str, Any], claimed_series: Collection[tuple[str, str | None]]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The bands, in the evidence ``data``, of all series that a finding is about, and all others.

    ``claimed_series`` are the simulation and the series of each finding, None for the first.
    """
    claimed: list[dict[str, Any]] = []
    other: list[dict[str, Any]] = []
    for simulation, experiment in data["experiments"].items():
        for ensemble in experiment["ensembles"].values():
            for index, (series, band) in enumerate(ensemble["series"].items()):
                # a claim that names no series is about the first
                names = {series} if index else {series, None}
                is_claimed = any((simulation, name) in claimed_series for name in names)
                (claimed if is_claimed else other).append(band)
    return claimed, other
