"""``quizserver worker``: what trains the simulations that a server asks for."""

from __future__ import annotations

from typing import Any

import click

from quizserver.command_line import CONTENT, DATA, settings_of, stop


@click.command()
@DATA
@CONTENT
def worker(**flags: Any) -> None:
    """Train the simulations that a server asks for. `serve` starts one of these by itself."""
    from quizserver.runs.reach import UnreachableError, reach
    from quizserver.runs.worker import work

    settings = settings_of(**flags)
    try:
        reach(settings)
    except UnreachableError as error:
        stop(str(error))
    work(settings)
