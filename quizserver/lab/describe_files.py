"""``python -m quizserver.lab.describe_files FILES…``: prints descriptions of simulations as JSON.

One entry a file, in order: ``{"path", "description"}`` or ``{"path", "error", "line"}``. What the
files themselves print goes to standard error.
"""

from __future__ import annotations

import contextlib
import json
import sys
from pathlib import Path
from typing import Any

from quizserver.lab.catalog import load
from quizserver.lab.description_json import description_to_json
from quizserver.lab.model import SimulationError


def describe_path(path: str) -> dict[str, Any]:
    try:
        return {"path": path, "description": description_to_json(load(Path(path)).describe())}
    except SimulationError as error:
        return {"path": path, "error": error.message, "line": error.line}


def print_descriptions(paths: list[str]) -> int:
    with contextlib.redirect_stdout(sys.stderr):
        answers = [describe_path(path) for path in paths]
    sys.stdout.write(json.dumps(answers))
    return 0


if __name__ == "__main__":
    sys.exit(print_descriptions(sys.argv[1:]))
