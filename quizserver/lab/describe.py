"""``python -m quizserver.lab.describe FILES…``: prints what simulation files say, as JSON.

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
from quizserver.lab.description import description_to_json
from quizserver.lab.model import SimulationError


def describe(path: str) -> dict[str, Any]:
    try:
        return {"path": path, "description": description_to_json(load(Path(path)).describe())}
    except SimulationError as error:
        return {"path": path, "error": error.message, "line": error.line}


def main(paths: list[str]) -> int:
    with contextlib.redirect_stdout(sys.stderr):
        answers = [describe(path) for path in paths]
    sys.stdout.write(json.dumps(answers))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
