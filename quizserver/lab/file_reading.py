"""Has simulation files read by a child process, which confines each of them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

from quizserver.confined.error_text import storable_text
from quizserver.confined.limits import Limits
from quizserver.lab.description_json import description_from_json
from quizserver.lab.model import Description, ReadingEndedError, SimulationError

DescriptionOutcome: TypeAlias = Description | SimulationError

_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def read_files(paths: Sequence[Path], limits: Limits) -> Iterator[tuple[Path, DescriptionOutcome]]:
    """Each file with its description or what is wrong with it, as soon as it was read.

    Every file is read in a confined process of its own, so that none is blamed for another, and
    none that takes long, or never ends, is waited for before the others were read.
    """
    package = str(Path(__file__).resolve().parents[2])
    search = os.pathsep.join(filter(None, [package, os.environ.get("PYTHONPATH")]))
    # a simulation must not see the server's settings, its secret key among them
    environment = {k: v for k, v in os.environ.items() if not k.startswith("QUIZSERVER_")}
    command = [
        *(sys.executable, "-m", "quizserver.lab.describe_files"),
        *(str(os.getpid()), str(limits.memory_mb), str(limits.seconds)),
        *map(str, paths),
    ]
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        env={**environment, "PYTHONPATH": search, **dict.fromkeys(_THREADS, "1")},
    ) as child:
        assert child.stdout is not None
        unread = dict(enumerate(paths))
        try:
            while unread and (line := child.stdout.readline()):
                index, _, text = line.partition(" ")
                yield unread.pop(int(index)), _read_answer(text)
            for path in unread.values():
                yield path, _no_answer()
        finally:
            child.kill()


def _no_answer() -> SimulationError:
    return SimulationError("the process that reads simulations ended before it was read: try again")


def _read_answer(text: str) -> DescriptionOutcome:
    try:
        return parse_answer(json.loads(text))
    except (ValueError, RecursionError, MemoryError) as error:
        how = f"what it said of itself cannot be read: {type(error).__name__}"
        return ReadingEndedError(_ENDED["died"].format(how=how))


def parse_answer(answer: object) -> DescriptionOutcome:
    """The outcome that one line of ``quizserver.lab.describe_files`` speaks of.

    Raises ``ValueError`` for anything but one of its three forms: it comes from a process in which
    an author's code ran.
    """
    if not isinstance(answer, dict):
        raise ValueError("this is no answer about a simulation file")
    match answer:
        case {"description": dict(data)} if len(answer) == 1:
            return description_from_json(data)
        case {"error": str(message), "line": line, "traceback": str(text)} if len(answer) == 3:
            return SimulationError(storable_text(message), _checked_line(line), storable_text(text))
        case {"ended": str(ended), "how": str(how), "line": line, "printed": str(text)} if (
            len(answer) == 4 and ended in _ENDED
        ):
            message = _ENDED[ended].format(how=storable_text(how))
            return ReadingEndedError(message, _checked_line(line), storable_text(text))
    raise ValueError("this is no answer about a simulation file")


def _checked_line(line: object) -> int | None:
    if line is None or type(line) is int:
        return line
    raise ValueError("this is no line of a simulation file")


_ENDED: Mapping[str, str] = {
    "memory": "it used more than {how} of memory while it was read, so reading it was ended. Make "
    "large tensors inside train, not at import",
    "time": "importing it took longer than {how}, so reading it was ended. Do the work inside "
    "train, not at import",
    "output": "it printed, or described itself in, {how} of text, so reading it was ended. "
    "Print less",
    "died": "the process that read it died ({how}). A simulation must neither end nor crash the "
    "process that it runs in",
}
