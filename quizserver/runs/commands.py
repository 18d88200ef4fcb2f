"""``quizserver worker``: what trains the simulations that a server asks for."""

from __future__ import annotations

from typing import Any

import click

from quizserver.command_line import CONTENT, DATA, settings_of


@click.command()
@DATA
@CONTENT
def worker(**flags: Any) -> None:
    """Train the simulations that a server asks for. `serve` starts one of these by itself."""
    from quizserver.runs.worker import work

    work(settings_of(**flags))
