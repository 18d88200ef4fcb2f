"""``quizserver check``: every problem of every topic file, once or whenever one is saved."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from quizserver.command_line import AS_JSON, CONTENT, content_folder, stop

if TYPE_CHECKING:
    from quizserver.topics.model import Problem

WATCH = click.option(
    "--watch", is_flag=True, help="Do it again whenever a file is saved, until Ctrl-C."
)


@click.command()
@click.argument("path", required=False, type=click.Path(path_type=Path))
@WATCH
@CONTENT
@AS_JSON
def check(path: Path | None, watch: bool, as_json: bool, content: Path | None) -> None:
    """Report every problem of every topic file.

    With PATH, of the files under it.
    """
    from dataclasses import asdict

    from quizserver.lab.catalog import Catalog
    from quizserver.topics.check import check as find

    folder, catalog = content_folder(content), Catalog()
    if watch:
        not_as_json(as_json)
        _watch(path, folder, lambda: find(path or folder, content=folder, catalog=catalog))
    problems = find(path or folder, content=folder, catalog=catalog)
    if as_json:
        click.echo(json.dumps({"problems": [asdict(problem) for problem in problems]}, indent=2))
    else:
        for problem in problems:
            click.echo(str(problem))
        click.echo(f"{len(problems)} problem{'' if len(problems) == 1 else 's'}.", err=True)
    sys.exit(1 if problems else 0)


def not_as_json(as_json: bool) -> None:
    """Raises click.UsageError where watching was asked to print JSON."""
    if as_json:
        raise click.UsageError("--json prints one document and --watch never ends: leave out one.")


def _watch(path: Path | None, folder: Path, find: Callable[[], list[Problem]]) -> NoReturn:
    from quizserver.authoring.preview.model import located
    from quizserver.authoring.rounds import watch_checks
    from quizserver.authoring.watch import Watcher

    if path is not None and not path.exists():
        stop(f"There is no file or folder {path}.")
    watched, what = located(path, folder)
    try:
        watch_checks(find, Watcher(watched, only=what.only), click.echo)
    except KeyboardInterrupt:
        sys.exit(0)
