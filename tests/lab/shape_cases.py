"""The cases of ``curve_shapes.json``, to which the lab and the browser's scripts are held.

A number that JSON does not have is a word there: NaN, Infinity, -Infinity.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from quizserver.lab.shapes.single import SHAPES

CASES: dict[str, list[dict[str, Any]]] = json.loads(
    Path(__file__).with_name("curve_shapes.json").read_text("utf-8")
)


def shown_indices(case: dict[str, Any]) -> dict[str, list[int]]:
    """For every shape the numbers of the curves that have it."""
    return {name: case["shown"].get(name, []) for name in SHAPES}
