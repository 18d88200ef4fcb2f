"""``python -m quizserver.lab.describe_files PARENT MEMORY SECONDS FILES…``: describes simulations.

Prints one line a file as soon as the file was read: its index, a space, and a JSON object,
``{"description"}``, ``{"error", "line", "traceback"}``, or ``{"ended", "how", "line", "printed"}``
where its reading was ended or died. This process runs no author's code itself: it forks a confined
process for each file (``quizserver.confined``), with MEMORY in MiB, and dies with the process
PARENT. A file that takes long is put off until the others were read.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from quizserver.confined.error_text import is_memory_error, output_text
from quizserver.confined.limits import Limits, die_with_parent
from quizserver.confined.process import last_line
from quizserver.confined.task import TaskEndedError, run_confined
from quizserver.lab.catalog import load
from quizserver.lab.description_json import description_to_json
from quizserver.lab.description_texts import check_description_texts
from quizserver.lab.file_reading import parse_answer
from quizserver.lab.fingerprint import read_simulation_text
from quizserver.lab.model import SimulationError

DESCRIPTION_KB = 1024
FIRST_SECONDS = 1.0
"""How long a file may take before those behind it are read first."""
LONGER = 4
"""How many times as long a file that was put off may take when it is its turn again."""
# Words of a file that, sooner or later, imports torch or NumPy: what the lab itself imports with
# them, and the phase maps that it checks when it is read.
_HEAVY = re.compile(r"\b(torch|numpy|Map|losses|optim|layers|norms|schedules|backprop)\b")


def describe_file(path: Path, limits: Limits) -> dict[str, Any]:
    """The answer about one file; see above."""
    try:
        answer = run_confined(lambda _report: _describe(path), limits, result_kb=DESCRIPTION_KB)
        # what the author's code put in its place counts against this file alone
        parse_answer(answer)
        json.dumps(answer)
        return dict(answer)
    except TaskEndedError as error:
        return {
            "ended": error.cause,
            "how": error.how,
            "line": error.line or last_line(error.printed, path.resolve()),
            "printed": output_text(error.printed, path.resolve().parent.parent),
        }
    except Exception as error:  # no file may keep those after it from being read
        how = f"what it said of itself cannot be read: {type(error).__name__}"
        return {"ended": "died", "how": how, "line": None, "printed": ""}


def describe_in_turns(
    paths: Sequence[Path], limits: Limits
) -> Iterator[tuple[int, dict[str, Any]]]:
    """The index of each file and the answer about it, those that take longest last.

    A file that may never end keeps no other waiting: its reading is ended after ``FIRST_SECONDS``,
    and begun again after the others with more time, at last with all that it may have.
    """
    waiting, seconds = list(enumerate(paths)), FIRST_SECONDS
    while waiting:
        is_last_turn = len(waiting) == 1 or seconds >= limits.seconds
        turn = limits if is_last_turn else replace(limits, seconds=seconds)
        put_off: list[tuple[int, Path]] = []
        for index, path in waiting:
            answer = describe_file(path, turn)
            if answer.get("ended") == "time" and not is_last_turn:
                put_off.append((index, path))
            else:
                yield index, answer
        waiting, seconds = put_off, seconds * LONGER


def _describe(path: Path) -> dict[str, Any]:
    try:
        description = load(path).describe()
        check_description_texts(description)
        return {"description": description_to_json(description)}
    except SimulationError as error:
        if is_memory_error(error):
            raise
        return {"error": error.message, "line": error.line, "traceback": error.traceback_text}


def import_what_files_need(paths: list[Path]) -> None:
    """Imports torch if a file will: what a confined process was forked with counts as none of its
    memory, and several files share it."""
    for path in paths:
        try:
            text = read_simulation_text(path)
        except (OSError, UnicodeDecodeError):
            continue
        if _HEAVY.search(text):
            import torch

            torch.set_num_threads(1)
            return


def main(arguments: list[str]) -> None:
    parent, memory_mb, seconds, *names = arguments
    die_with_parent(int(parent))
    paths = [Path(name) for name in names]
    import_what_files_need(paths)
    limits = Limits(int(memory_mb), float(seconds))
    for index, answer in describe_in_turns(paths, limits):
        sys.stdout.write(f"{index} {json.dumps(answer)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
