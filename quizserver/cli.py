"""The command line ``quizserver``: puts together the commands that each package defines."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any, NoReturn

import click

from quizserver import __version__
from quizserver.accounts.commands import user
from quizserver.administration.audit_command import audit_command
from quizserver.authoring.check_command import check_command
from quizserver.authoring.commands import create_preview_command, new_group
from quizserver.authoring.simulate_command import simulate_command
from quizserver.authoring.verify_command import verify_command
from quizserver.classes.demo.commands import demo
from quizserver.command_line import (
    CONTENT_OPTION,
    DATA_OPTION,
    JSON_OPTION,
    exit_with_error,
    settings_from_flags,
)
from quizserver.db.commands import migrate_command
from quizserver.settings import Settings, setting_rows
from quizserver.topics.formats.commands import export_command, import_command
from quizserver.worker.commands import worker

if TYPE_CHECKING:
    from quizserver.authoring.preview.model import Preview


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="quizserver")
def main() -> None:
    """Lessons and questions in which every explanation is an experiment that can fail.

    Start with `quizserver serve`, then open the address it prints. Every flag is also a setting:
    `quizserver settings` lists them. Exit codes: 0 all is well, 1 the work found something wrong,
    2 the command was called wrongly.
    """


@main.command("serve")
@click.option("--host", help="Address to listen on [QUIZSERVER_HOST; default: 127.0.0.1].")
@click.option("--port", type=int, help="Port; 0 picks a free one [QUIZSERVER_PORT; default: 8000].")
@click.option(
    "--workers",
    type=int,
    help="Simulation workers; 0 means one for each core [QUIZSERVER_WORKERS; default: 0].",
)
@DATA_OPTION
@CONTENT_OPTION
def serve_command(**flags: Any) -> None:
    """Serve lessons, questions and experiments until Ctrl-C."""
    _serve_settings(settings_from_flags(**flags))


def _serve_settings(settings: Settings, preview: Preview | None = None) -> NoReturn:
    from quizserver.serve import ServeError, run_server

    try:
        sys.exit(run_server(settings, preview=preview))
    except ServeError as error:
        exit_with_error(str(error))


@main.command("settings")
@JSON_OPTION
def list_settings(as_json: bool) -> None:
    """List every setting with its environment variable, default and meaning."""
    if as_json:
        click.echo(json.dumps(setting_rows(), indent=2))
        return
    for row in setting_rows():
        click.echo(f"{row['variable']}={row['default']}\n    {row['help']}")


for command in (
    worker,
    migrate_command,
    new_group,
    create_preview_command(_serve_settings),
    check_command,
    verify_command,
    simulate_command,
    import_command,
    export_command,
    user,
    audit_command,
    demo,
):
    main.add_command(command)


if __name__ == "__main__":
    main()
