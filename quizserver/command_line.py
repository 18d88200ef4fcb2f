"""Options that commands of several packages share, settings from flags, and errors."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any, NoReturn

import click

from quizserver.settings import Settings, SettingsError, load_settings

CONTENT_OPTION = click.option(
    "--content", type=click.Path(path_type=Path), help="Folder of topics [QUIZSERVER_CONTENT]."
)
DATA_OPTION = click.option(
    "--data",
    type=click.Path(path_type=Path),
    help="Folder of the databases [QUIZSERVER_DATA; default: var].",
)
JSON_OPTION = click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")


def settings_from_flags(**flags: Any) -> Settings:
    """The settings of the environment, overridden by the flags that are not None.

    Raises click.UsageError for a value that can't be used.
    """
    try:
        return load_settings(os.environ, **flags)
    except SettingsError as error:
        raise click.UsageError(str(error)) from None


def content_folder(content: Path | None) -> Path:
    """The folder of topics. Ends the program when there is none."""
    folder = settings_from_flags(content=content).content
    if not folder.is_dir():
        exit_with_error(f"There is no content folder at {folder}. Name one with --content DIR.")
    return folder


def exit_with_error(message: str) -> NoReturn:
    """Prints the message and ends the program with exit code 1: the work found something wrong."""
    click.echo(f"quizserver: {message}", err=True)
    sys.exit(1)
