"""The command line: one tool behind serving, checking, verifying and looking after people."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any, NoReturn

import click

from quizserver import __version__
from quizserver.settings import Settings, SettingsError, load, rows

CONTENT = click.option(
    "--content", type=click.Path(path_type=Path), help="Folder of topics [QUIZSERVER_CONTENT]."
)
DATA = click.option(
    "--data",
    type=click.Path(path_type=Path),
    help="Folder of the databases [QUIZSERVER_DATA; default: var].",
)
AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")


class Seeds(click.ParamType[range]):
    """A half-open range of seeds, written A:B."""

    name = "A:B"

    def convert(self, value: Any, param: Any, ctx: Any) -> range:
        if isinstance(value, range):
            return value
        first, colon, end = str(value).partition(":")
        if not (colon and first.isdecimal() and end.isdecimal() and int(first) < int(end)):
            self.fail(f"{value!r} is not a range of seeds; write A:B with A < B, such as 0:64.")
        return range(int(first), int(end))


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="quizserver")
def main() -> None:
    """Lessons and questions in which every explanation is an experiment that can fail.

    Start with `quizserver serve`, then open the address it prints. Every flag is also a setting:
    `quizserver settings` lists them. Exit codes: 0 all is well, 1 the work found something wrong,
    2 the command was called wrongly.
    """


@main.command()
@click.option("--host", help="Address to listen on [QUIZSERVER_HOST; default: 127.0.0.1].")
@click.option("--port", type=int, help="Port; 0 picks a free one [QUIZSERVER_PORT; default: 8000].")
@click.option("--workers", type=int, help="Simulation workers; 0 means one for each core.")
@DATA
@CONTENT
def serve(**flags: Any) -> None:
    """Serve lessons, questions and experiments until Ctrl-C."""
    from quizserver.serve import ServeError
    from quizserver.serve import serve as run

    settings = _settings(**flags)
    try:
        sys.exit(run(settings))
    except ServeError as error:
        _stop(str(error))


@main.command()
@DATA
@CONTENT
def worker(**flags: Any) -> None:
    """Train the simulations that a server asks for. `serve` starts one of these by itself."""
    from quizserver.runs.worker import work

    sys.exit(work(_settings(**flags)))


@main.command("migrate")
@DATA
@click.option("--to", "revision", default="head", show_default=True, help="Revision to end at.")
@click.option("--down", is_flag=True, help="Go down to the revision instead of up.")
def migrate_command(revision: str, down: bool, **flags: Any) -> None:
    """Bring the database to the newest schema, or to an older one."""
    import sqlalchemy as sa

    from quizserver.db.migrate import MigrationError, migrate, prepare_folder
    from quizserver.db.session import Database

    settings = _settings(**flags)
    try:
        prepare_folder(settings.data)
        before, after = migrate(Database(settings.data_url), revision, down=down)
    except (MigrationError, OSError, sa.exc.DatabaseError) as error:
        _stop(str(error))
    click.echo(f"{before or 'an empty database'} -> {after or 'an empty database'}")


@main.command()
@click.argument("path", required=False, type=click.Path(path_type=Path))
@CONTENT
@AS_JSON
def check(path: Path | None, as_json: bool, content: Path | None) -> None:
    """Report every problem of every topic file, or of those under PATH."""
    from dataclasses import asdict

    from quizserver.lab.catalog import Catalog
    from quizserver.topics.check import check as find

    folder = _content(content, path)
    problems = find(path or folder, content=folder, catalog=Catalog())
    if as_json:
        click.echo(json.dumps({"problems": [asdict(problem) for problem in problems]}, indent=2))
    else:
        for problem in problems:
            click.echo(str(problem))
        click.echo(f"{len(problems)} problem{'' if len(problems) == 1 else 's'}.", err=True)
    sys.exit(1 if problems else 0)


@main.command("settings")
@AS_JSON
def list_settings(as_json: bool) -> None:
    """List every setting with its environment variable, default and meaning."""
    if as_json:
        click.echo(json.dumps(rows(), indent=2))
        return
    for row in rows():
        click.echo(f"{row['variable']}={row['default']}\n    {row['help']}")


def _settings(**flags: Any) -> Settings:
    try:
        return load(os.environ, **flags)
    except SettingsError as error:
        raise click.UsageError(str(error)) from None


def _content(content: Path | None, path: Path | None = None) -> Path:
    """The content folder; a PATH outside of it is taken as a content folder of its own."""
    folder = _settings(content=content).content_folder
    if not folder.is_dir():
        _stop(f"There is no content folder at {folder}. Name one with --content DIR.")
    return folder


def _stop(message: str) -> NoReturn:
    click.echo(f"quizserver: {message}", err=True)
    sys.exit(1)


if __name__ == "__main__":
    main()
