"""``quizserver check``: reports every problem of the topic files, once or at every save."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from quizserver.command_line import (
    CONTENT_OPTION,
    JSON_OPTION,
    content_folder,
    exit_with_error,
    settings_from_flags,
)

if TYPE_CHECKING:
    from quizserver.topics.model import Diagnostic

WATCH_OPTION = click.option(
    "--watch", is_flag=True, help="Do it again whenever a file is saved, until Ctrl-C."
)


@click.command("check")
@click.argument("path", required=False, type=click.Path(path_type=Path))
@WATCH_OPTION
@click.option("--strict", is_flag=True, help="Exit with 1 for warnings too.")
@CONTENT_OPTION
@JSON_OPTION
def check_command(
    path: Path | None, watch: bool, strict: bool, as_json: bool, content: Path | None
) -> None:
    """Report every problem of every topic file.

    With PATH, of the files under it; the name of a topic of the content folder will do. Warnings
    are shown and counted apart; the exit code is 1 only for problems, unless you say --strict.
    """
    from quizserver.evidence.claim_checks import create_claim_checker
    from quizserver.evidence.record import recorded_description
    from quizserver.lab.catalog import SimulationCatalog, reading_limits
    from quizserver.topics.content_checks import check_content
    from quizserver.topics.model import count_problems

    folder = content_folder(content)
    if path is not None and not path.exists() and (folder / path).exists():
        path = folder / path  # a topic by its name, as verify and simulate take it
    catalog = SimulationCatalog(
        recorded=recorded_description, limits=reading_limits(settings_from_flags())
    )
    claim_checker = create_claim_checker(catalog)

    def find_problems() -> list[Diagnostic]:
        return check_content(path or folder, content=folder, claim_checker=claim_checker)

    if watch:
        reject_json(as_json)
        _watch_checks(path, folder, find_problems)
    problems = find_problems()
    count = count_problems(problems)
    if as_json:
        report = {
            "problems": [problem.to_json() for problem in problems],
            "counts": {"problems": count.problems, "warnings": count.warnings},
        }
        click.echo(json.dumps(report, indent=2))
    else:
        for problem in problems:
            click.echo(str(problem))
        click.echo(f"{str(count).capitalize()}.", err=True)
    sys.exit(1 if count.problems or (strict and count.warnings) else 0)


def reject_json(as_json: bool) -> None:
    """Raises click.UsageError when ``--watch`` is combined with ``--json``."""
    if as_json:
        raise click.UsageError("--json prints one document and --watch never ends: leave out one.")


def _watch_checks(
    path: Path | None, folder: Path, find_problems: Callable[[], list[Diagnostic]]
) -> NoReturn:
    from quizserver.authoring.folder_watcher import FolderWatcher
    from quizserver.authoring.preview.model import locate_preview
    from quizserver.authoring.watch_mode import watch_checks

    if path is not None and not path.exists():
        exit_with_error(f"There is no file or folder {path}.")
    watched_folder, preview = locate_preview(path, folder)
    try:
        watch_checks(
            find_problems, FolderWatcher(watched_folder, only=preview.only_topic), click.echo
        )
    except KeyboardInterrupt:
        sys.exit(0)
