"""The command ``quizserver worker``, which trains the simulations that a server asks for."""

from __future__ import annotations

from typing import Any

import click

from quizserver.command_line import (
    CONTENT_OPTION,
    DATA_OPTION,
    exit_with_error,
    settings_from_flags,
)


@click.command()
@DATA_OPTION
@CONTENT_OPTION
def worker(**flags: Any) -> None:
    """Train the simulations that a server asks for. `serve` starts one of these by itself."""
    from quizserver.runs.service import UnreachableError, check_backends
    from quizserver.worker.main import run_worker

    settings = settings_from_flags(**flags)
    try:
        check_backends(settings)
    except UnreachableError as error:
        exit_with_error(str(error))
    run_worker(settings)
