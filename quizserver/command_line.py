"""What the commands of every room share: options, settings from flags, a stop with its reason."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any, NoReturn

import click

from quizserver.settings import Settings, SettingsError, load

CONTENT = click.option(
    "--content", type=click.Path(path_type=Path), help="Folder of topics [QUIZSERVER_CONTENT]."
)
DATA = click.option(
    "--data",
    type=click.Path(path_type=Path),
    help="Folder of the databases [QUIZSERVER_DATA; default: var].",
)
AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")


def settings_of(**flags: Any) -> Settings:
    """The settings of the environment, a flag that is not None going before.

    Raises click.UsageError for one that cannot be used.
    """
    try:
        return load(os.environ, **flags)
    except SettingsError as error:
        raise click.UsageError(str(error)) from None


def content_folder(content: Path | None) -> Path:
    """The folder of topics. Stops when there is none."""
    folder = settings_of(content=content).content
    if not folder.is_dir():
        stop(f"There is no content folder at {folder}. Name one with --content DIR.")
    return folder


def stop(message: str) -> NoReturn:
    """Says why, and ends the program with 1: the work found something wrong."""
    click.echo(f"quizserver: {message}", err=True)
    sys.exit(1)
