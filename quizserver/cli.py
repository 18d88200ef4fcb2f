"""The command line ``quizserver``: puts together the commands that each package defines.

A command's package is imported when the command is called, so that ``--help`` imports none.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any, NoReturn

import click

from quizserver import __version__
from quizserver.command_line import (
    CONTENT_OPTION,
    DATA_OPTION,
    JSON_OPTION,
    exit_with_error,
    settings_from_flags,
)
from quizserver.settings import Settings, setting_rows

if TYPE_CHECKING:
    from quizserver.authoring.preview.model import Preview


def _load_preview_command() -> click.Command:
    from quizserver.authoring.commands import create_preview_command

    return create_preview_command(_serve_settings)


def _import_command(name: str) -> Callable[[], click.Command]:
    """A function that imports the command: ``package.module:name`` within quizserver."""

    def import_command() -> click.Command:
        module, _, attribute = name.partition(":")
        command = getattr(import_module(f"quizserver.{module}"), attribute)
        assert isinstance(command, click.Command)
        return command

    return import_command


# Of each command, what loads it, and the first sentence of its help.
_LAZY_COMMANDS: dict[str, tuple[Callable[[], click.Command], str]] = {
    "audit": (
        _import_command("administration.audit_command:audit_command"),
        "Show who did what to others, newest first: roles, accounts, pages published, backups.",
    ),
    "backup": (
        _import_command("administration.backup.commands:backup_command"),
        "Copy everything that can't be computed again into one file, while the server serves.",
    ),
    "check": (
        _import_command("authoring.check_command:check_command"),
        "Report every problem of every topic file.",
    ),
    "content": (
        _import_command("hosts.commands:content_group"),
        "Compare this machine's content with the current one, or make it current.",
    ),
    "demo": (
        _import_command("classes.demo.commands:demo"),
        "Fill a class with invented learners, so that every page of a class can be seen full.",
    ),
    "export": (
        _import_command("topics.formats.commands:export_command"),
        "Write a topic, one question or everything as GIFT, Moodle XML, CSV or a QTI package.",
    ),
    "import": (
        _import_command("topics.formats.commands:import_command"),
        "Bring question banks into a topic, a markdown file for each question.",
    ),
    "migrate": (
        _import_command("db.commands:migrate_command"),
        "Bring the database to the newest schema, or to an older one.",
    ),
    "new": (
        _import_command("authoring.commands:new_group"),
        "Write the start of a topic, a question or a simulation.",
    ),
    "preview": (
        _load_preview_command,
        "Show topics as you write them, with the key and the evidence, until Ctrl-C.",
    ),
    "restore": (
        _import_command("administration.backup.commands:restore_command"),
        "Bring a backup back into an empty data folder, database and content folder.",
    ),
    "prune": (
        _import_command("administration.prune_command:prune_command"),
        "Delete guests, runs, sessions and log entries that are older than the settings keep them.",
    ),
    "rebuild": (
        _import_command("administration.rebuild_command:rebuild_command"),
        "Compute every summary again from the attempts, and say which were wrong.",
    ),
    "simulate": (
        _import_command("authoring.simulate_command:simulate_command"),
        "Train one arm of a topic's simulation and print its curves.",
    ),
    "user": (
        _import_command("accounts.commands:user"),
        "List accounts, make them, set their roles and passwords, delete them;"
        " read who granted what.",
    ),
    "verify": (
        _import_command("authoring.verify_command:verify_command"),
        "Train the arms of every claim and give each its verdict; then the phase maps.",
    ),
    "worker": (
        _import_command("worker.commands:worker"),
        "Train the simulations that a server asks for.",
    ),
}


class _LazyGroup(click.Group):
    """Has the commands of ``_LAZY_COMMANDS`` too, and lists them without loading any."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*super().list_commands(ctx), *_LAZY_COMMANDS})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in _LAZY_COMMANDS:
            return _LAZY_COMMANDS[cmd_name][0]()
        return super().get_command(ctx, cmd_name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        rows = [(name, self._first_sentence(name)) for name in self.list_commands(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl(rows)

    def _first_sentence(self, name: str) -> str:
        if name in _LAZY_COMMANDS:
            return _LAZY_COMMANDS[name][1]
        return self.commands[name].get_short_help_str(limit=200)


@click.group(
    cls=_LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
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


if __name__ == "__main__":
    main()
