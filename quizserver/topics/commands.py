"""``quizserver import`` and ``export``: question banks into a topic's folder, and out of it."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from quizserver.command_line import AS_JSON, CONTENT, content_folder, stop
from quizserver.topics.assets import asset
from quizserver.topics.formats import READ, WRITTEN, Loss, read, write
from quizserver.topics.formats.model import LARGEST_BANK
from quizserver.topics.model import Problem, Question, Snapshot

if TYPE_CHECKING:
    from quizserver.topics.formats.shelving import Outcome, Shelved


@click.command("import")
@click.argument(
    "banks",
    metavar="BANK...",
    nargs=-1,
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
)
@click.option("--topic", required=True, help="Name of the folder to write to; made if need be.")
@click.option("--format", "kind", type=click.Choice(READ), help="Without it, the file decides.")
@click.option("--overwrite", is_flag=True, help="Replace questions and images that are there.")
@click.option("--dry-run", is_flag=True, help="Report, and write nothing.")
@CONTENT
@AS_JSON
def import_command(
    banks: tuple[Path, ...],
    topic: str,
    kind: str | None,
    overwrite: bool,
    dry_run: bool,
    content: Path | None,
    as_json: bool,
) -> None:
    """Bring question banks into a topic, a markdown file for each question.

    Reads plain task lists in markdown, GIFT and Moodle XML. What can't be brought over is reported
    with file, line and reason, and the exit code is 1; the rest comes in. Nothing that is there is
    replaced unless you say so.
    """
    from quizserver.topics.formats.shelving import topic_fault

    folder = content_folder(content)
    fault = topic_fault(topic)
    if fault:
        raise click.BadParameter(fault, param_hint="--topic")
    shelved: list[Shelved] = []
    problems: list[Problem] = []
    for bank in banks:
        outcome = _import(
            bank, folder, topic, shelved, kind=kind, overwrite=overwrite, dry_run=dry_run
        )
        shelved += outcome.shelved
        problems += outcome.problems
    if as_json:
        brought = [
            {
                "path": each.path,
                "line": each.brought.line,
                "title": each.brought.title,
                "left_behind": list(each.brought.notes),
            }
            for each in shelved
        ]
        rows = [asdict(problem) for problem in problems]
        report = {"dry_run": dry_run, "brought": brought, "left_out": rows}
        click.echo(json.dumps(report, indent=2, ensure_ascii=False))
    else:
        for problem in problems:
            click.echo(str(problem))
        for each in shelved:
            for note in each.brought.notes:
                click.echo(f"{each.path}: left behind: {note}.")
        came = f"{_count(len(shelved), 'question')} {'would come' if dry_run else 'came'}"
        rest = (
            f"{_count(len(problems), 'problem')}, named above" if problems else "nothing left out"
        )
        click.echo(
            f"{came} into {folder / topic}; {rest}.",
            err=True,
        )
    sys.exit(1 if problems else 0)


def _import(
    bank: Path,
    folder: Path,
    topic: str,
    earlier: list[Shelved],
    *,
    kind: str | None,
    **how: bool,
) -> Outcome:
    from quizserver.topics.formats.pictures import beside
    from quizserver.topics.formats.reading import too_large
    from quizserver.topics.formats.shelving import Outcome, shelve

    try:
        size = bank.stat().st_size
        if size > LARGEST_BANK:
            return Outcome((), (too_large(str(bank), size),))
        imported = read(str(bank), bank.read_bytes(), kind=kind, files=beside(bank.parent))
        return shelve(str(bank), imported, folder, topic, earlier=earlier, **how)
    except OSError as error:
        stop(f"{error.filename or bank}: {error.strerror or error}")


@click.command("export")
@click.argument("what", metavar="[TOPIC[/QUESTION]]", required=False)
@click.option("--format", "kind", type=click.Choice(WRITTEN), required=True, help="What to write.")
@click.option(
    "--output",
    "-o",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False, allow_dash=True),
    help="File to write; - is standard output.",
)
@click.option("--overwrite", is_flag=True, help="Replace the file if it is there.")
@CONTENT
@AS_JSON
def export_command(
    what: str | None,
    kind: str,
    output: Path,
    overwrite: bool,
    content: Path | None,
    as_json: bool,
) -> None:
    """Write a topic, one question or everything as GIFT, Moodle XML or a QTI 2.1 package.

    Says what the format has no room for. The exit code is 1 when a question had to be left out,
    since its file is broken.
    """
    to_stdout = str(output) == "-"
    if as_json and to_stdout:
        raise click.UsageError("--json and --output - would both print to standard output.")
    from quizserver.topics.library import Library

    snapshot = Library(content_folder(content)).snapshot()
    questions = _chosen(snapshot, what)

    def files(path: str) -> bytes | None:
        folder, _, inside = path.partition("/")
        found = asset(snapshot, _topic_of(snapshot, folder), inside)
        return found.read_bytes() if found else None

    written = write(kind, questions, files=files)
    broken = [p for p in snapshot.problems if _concerns(p, snapshot, what)]
    if to_stdout:
        sys.stdout.buffer.write(written.data)
    else:
        _save(output, written.data, overwrite=overwrite)
    _report(questions, written.losses, broken, as_json=as_json)
    sys.exit(1 if broken else 0)


def _report(
    questions: list[Question], losses: tuple[Loss, ...], broken: list[Problem], *, as_json: bool
) -> None:
    if as_json:
        report: dict[str, Any] = {
            "written": [question.id for question in questions],
            "left_behind": [asdict(loss) for loss in losses],
            "left_out": [asdict(problem) for problem in broken],
        }
        click.echo(json.dumps(report, indent=2, ensure_ascii=False))
        return
    for problem in broken:
        click.echo(str(problem), err=True)
    by_what: dict[str, list[str]] = {}
    for loss in losses:
        by_what.setdefault(loss.what, []).append(loss.question)
    for words, ids in by_what.items():
        named = ", ".join(ids[:5]) + (f" and {len(ids) - 5} more" if len(ids) > 5 else "")
        click.echo(f"Left behind: {words} ({named}).", err=True)
    click.echo(f"{_count(len(questions), 'question')} written.", err=True)


def _chosen(snapshot: Snapshot, what: str | None) -> list[Question]:
    if what is None:
        found = [question for topic in snapshot.topics.values() for question in topic.questions]
    else:
        topic_id, slash, wanted = what.partition("/")
        topic = snapshot.topics.get(topic_id)
        if topic is None:
            known = ", ".join(snapshot.topics) or "none"
            raise click.UsageError(f"There is no topic {topic_id!r}; there are {known}.")
        found = [q for q in topic.questions if not slash or q.id == wanted]
        if slash and not found:
            known = ", ".join(q.id for q in topic.questions) or "none"
            raise click.UsageError(f"{topic_id} has no question {wanted!r}; it has {known}.")
    if not found:
        stop("There is no question to write.")
    return found


def _concerns(problem: Problem, snapshot: Snapshot, what: str | None) -> bool:
    """Whether a problem is about a question file that is not served, among those asked for."""
    folder, _, file = problem.path.partition("/")
    if not file.endswith(".md") or file.lower() == "lesson.md":
        return False
    served = {question.path for question in snapshot.questions.values()}
    if problem.path in served:
        return False
    return what is None or ("/" not in what and _topic_of(snapshot, folder) == what)


def _topic_of(snapshot: Snapshot, folder: str) -> str:
    return next((t.id for t in snapshot.topics.values() if t.folder.name == folder), folder)


def _save(output: Path, data: bytes, *, overwrite: bool) -> None:
    from quizserver.topics.formats.shelving import place

    try:
        if output.exists() and not output.is_file():  # a pipe or a device is written to
            output.write_bytes(data)
        else:
            place(output.resolve(), data, overwrite=overwrite)
    except FileExistsError:
        stop(f"{output} is there already; --overwrite replaces it.")
    except OSError as error:
        stop(f"{output} cannot be written: {error.strerror or error}")


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"
