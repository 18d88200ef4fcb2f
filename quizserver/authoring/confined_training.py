"""Trains in a confined process for the commands ``simulate`` and ``verify``."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import click

from quizserver.command_line import exit_with_error, settings_from_flags
from quizserver.confined.limits import Limits
from quizserver.confined.task import Report, Task, TaskEndedError, run_confined
from quizserver.kernel.library import KernelUnavailableError, load_library

# What is printed goes on to the author's own terminal.
_OUTPUT_KB = 1024 * 1024

_ENDED = {
    "time": "it took longer than {how} (QUIZSERVER_VERIFY_SECONDS_MAX) and was ended",
    "memory": "it needed more than {how} of memory (QUIZSERVER_RUN_MEMORY_MB) and was ended",
    "output": "it printed {how} and was ended",
    "died": "its process died ({how})",
}


class TrainingFailedError(Exception):
    """A training that was ended, or whose code failed; the message is for the author."""


def train_confined(
    train: Task,
    device: str,
    *,
    on_report: Callable[[Any], None] = lambda _report: None,
    on_tick: Callable[[], None] = lambda: None,
    threads: int = 1,
) -> Any:
    """The result of ``train``, which runs in a confined process; what it prints goes to stderr.

    Memory is limited as that of a run, time as that of a verification; ``threads`` of it may
    compute at the same time. ``on_tick`` is called many times a second. Raises
    TrainingFailedError; whatever the callbacks raise ends the training.
    """
    # Before the fork, so that none of it counts as memory of the training.
    import torch

    torch.set_num_threads(1)
    with suppress(KernelUnavailableError):  # raised again where something needs it
        load_library()
    settings = settings_from_flags()
    limits = Limits(
        settings.run_memory_mb,
        settings.verify_seconds_max,
        _OUTPUT_KB,
        accelerator=device != "cpu",
        threads=threads,
    )
    try:
        return run_confined(
            train, limits, on_report=on_report, on_output=_relay_output, on_tick=on_tick
        )
    except TaskEndedError as error:
        raise TrainingFailedError(_ENDED[error.cause].format(how=error.how)) from None


def check_device_confined(name: str) -> str:
    """``name``, if replicas can train there. Raises ValueError with advice when not.

    A driver that this process had begun to use could not be used by those that it forks.
    """

    def check(_report: Report) -> str:
        from quizserver.lab.ensemble import check_device

        try:
            check_device(name)
        except ValueError as error:
            return str(error)
        return ""

    try:
        refusal = train_confined(check, name)
    except TrainingFailedError as error:
        refusal = f"Nothing can be trained on {name!r} here: {error}. Use cpu."
    if refusal:
        raise ValueError(refusal)
    return name


def exit_with_failure(path: Path, line: int | None, message: str, traceback_text: str) -> None:
    """Prints the traceback of an author's code and the error at its place, and ends the program."""
    if traceback_text:
        click.echo(traceback_text, err=True)
    exit_with_error(f"{path}:{line or 1}: {message}")


def _relay_output(data: bytes) -> None:
    sys.stderr.write(data.decode("utf-8", "replace"))
    sys.stderr.flush()
