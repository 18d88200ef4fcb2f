"""The commands ``quizserver import`` and ``quizserver export``."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from quizserver.atomic_files import write_atomically
from quizserver.command_line import CONTENT_OPTION, JSON_OPTION, content_folder, exit_with_error
from quizserver.topics.assets import image_in_topic
from quizserver.topics.formats.model import (
    MAX_BANK_BYTES,
    ImageElsewhere,
    ImportedBank,
    Omission,
)
from quizserver.topics.formats.registry import EXPORT_FORMATS, IMPORT_FORMATS, format_labels
from quizserver.topics.model import Diagnostic, Question, Snapshot

if TYPE_CHECKING:
    from quizserver.topics.formats.import_plan import ImportPlan, PlannedQuestion

_IMPORT_HELP = f"""\
Bring question banks into a topic, a markdown file for each question.

Reads {format_labels(IMPORT_FORMATS.values(), "and")}. What can't be brought over is reported
with file, line and reason, and the exit code is 1; the rest comes in, all of it or nothing when a
file cannot be written. Nothing that is there is replaced unless you say so.
"""
_EXPORT_HELP = f"""\
Write a topic, one question or everything as {format_labels(EXPORT_FORMATS.values(), "or")}.

Says what the format cannot hold. The exit code is 1 when a question had to be left out,
since its file is broken.
"""


@click.command("import", help=_IMPORT_HELP)
@click.argument(
    "banks",
    metavar="BANK...",
    nargs=-1,
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
)
@click.option("--topic", required=True, help="Name of the folder to write to; made if need be.")
@click.option(
    "--format",
    "format_name",
    type=click.Choice(list(IMPORT_FORMATS)),
    help="Without it, the file decides.",
)
@click.option("--overwrite", is_flag=True, help="Replace questions and images that are there.")
@click.option("--dry-run", is_flag=True, help="Report, and write nothing.")
@CONTENT_OPTION
@JSON_OPTION
def import_command(
    banks: tuple[Path, ...],
    topic: str,
    format_name: str | None,
    overwrite: bool,
    dry_run: bool,
    content: Path | None,
    as_json: bool,
) -> None:
    from quizserver.topics.formats.import_plan import plan_import, topic_name_problem

    folder = content_folder(content)
    name_problem = topic_name_problem(topic)
    if name_problem:
        raise click.BadParameter(name_problem, param_hint="--topic")
    imported = [(str(bank), _read_bank(bank, format_name)) for bank in banks]
    try:
        plan = plan_import(imported, folder, topic, overwrite=overwrite)
    except OSError as error:
        exit_with_error(f"{error.filename or folder}: {error.strerror or error}")
    if not dry_run:
        _write_plan(plan)
    images_elsewhere = _join_images_elsewhere(imported)
    if as_json:
        _print_import_json(plan, images_elsewhere, dry_run=dry_run)
    else:
        _print_import_report(plan, images_elsewhere, folder / topic, dry_run=dry_run)
    sys.exit(1 if plan.problems else 0)


def _read_bank(bank: Path, format_name: str | None) -> ImportedBank:
    from quizserver.topics.formats.banks import bank_too_large, import_bank
    from quizserver.topics.formats.images import images_beside

    try:
        size = bank.stat().st_size
        if size > MAX_BANK_BYTES:
            return ImportedBank((), (bank_too_large(str(bank), size),))
        return import_bank(
            str(bank),
            bank.read_bytes(),
            format_name=format_name,
            load_image=images_beside(bank.parent),
        )
    except OSError as error:
        exit_with_error(f"{error.filename or bank}: {error.strerror or error}")


def _write_plan(plan: ImportPlan) -> None:
    """Writes a planned import; says what stayed, and ends with 1, when a file cannot be written."""
    from quizserver.topics.formats.importer import ImportWriteError, write_import

    try:
        write_import(plan)
    except ImportWriteError as error:
        message = f"{error}. Nothing was imported."
        if error.left:
            message += f" These could not be taken back: {', '.join(error.left)}."
        exit_with_error(message)


def _join_images_elsewhere(
    imported: Sequence[tuple[str, ImportedBank]],
) -> list[tuple[str, ImageElsewhere]]:
    """The images on other servers, each with the name of the bank that wants it."""
    return [(name, image) for name, bank in imported for image in bank.images_elsewhere]


def _print_import_json(
    plan: ImportPlan, images_elsewhere: Sequence[tuple[str, ImageElsewhere]], *, dry_run: bool
) -> None:
    imported_rows = [
        {
            "path": row.path,
            "line": row.question.line,
            "title": row.question.title,
            "left_behind": list(row.question.notes),
            "warnings": [warning.to_json() for warning in _file_warnings(row)],
        }
        for row in plan.written
    ]
    report = {
        "dry_run": dry_run,
        "brought": imported_rows,
        "left_out": [problem.to_json() for problem in plan.problems],
        "images_elsewhere": [{"bank": bank, **asdict(image)} for bank, image in images_elsewhere],
    }
    click.echo(json.dumps(report, indent=2, ensure_ascii=False))


def _file_warnings(row: PlannedQuestion) -> list[Diagnostic]:
    """What the checker warns of in the file that was or would be written."""
    return [warning.at_path(row.path) for warning in row.question.warnings]


def _print_import_report(
    plan: ImportPlan,
    images_elsewhere: Sequence[tuple[str, ImageElsewhere]],
    topic_folder: Path,
    *,
    dry_run: bool,
) -> None:
    from quizserver.topics.formats.import_plan import RowState

    for problem in plan.problems:
        click.echo(str(problem))
    for row in plan.written:
        for note in row.question.notes:
            click.echo(f"{row.path}: left behind: {note}.")
        for warning in _file_warnings(row):
            click.echo(str(warning))
    if images_elsewhere:
        count = _count_text(len(images_elsewhere), "image")
        click.echo(
            f"{count} on other servers, which are not fetched. Save each beside its bank under the "
            "name behind it, and import again:"
        )
        for bank, image in images_elsewhere:
            click.echo(f"{image.url}\n    {Path(bank).parent / image.saved_path}")
    imported_text = f"{_count_text(len(plan.written), 'question')} "
    imported_text += "would come" if dry_run else "came"
    same = sum(row.state is RowState.SAME and row.problem is None for row in plan.rows)
    if same:
        imported_text += f", {same} {'is' if same == 1 else 'are'} there already as they would come"
    problem_text = "nothing left out"
    if plan.problems:
        problem_text = f"{_count_text(len(plan.problems), 'problem')}, named above"
    warnings = sum(len(row.question.warnings) for row in plan.written)
    if warnings:
        problem_text += f"; {_count_text(warnings, 'warning')} about what came"
    click.echo(f"{imported_text} into {topic_folder}; {problem_text}.", err=True)


@click.command("export", help=_EXPORT_HELP)
@click.argument("target", metavar="[TOPIC[/QUESTION]]", required=False)
@click.option(
    "--format",
    "format_name",
    type=click.Choice(list(EXPORT_FORMATS)),
    required=True,
    help="What to write.",
)
@click.option(
    "--output",
    "-o",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False, allow_dash=True),
    help="File to write; - is standard output.",
)
@click.option("--overwrite", is_flag=True, help="Replace the file if it is there.")
@CONTENT_OPTION
@JSON_OPTION
def export_command(
    target: str | None,
    format_name: str,
    output: Path,
    overwrite: bool,
    content: Path | None,
    as_json: bool,
) -> None:
    to_stdout = str(output) == "-"
    if as_json and to_stdout:
        raise click.UsageError("--json and --output - would both print to standard output.")
    from quizserver.topics.formats.banks import export_bank
    from quizserver.topics.library import Library

    snapshot = Library(content_folder(content)).snapshot()
    questions = _select_questions(snapshot, target)

    def load_image(path: str) -> bytes | None:
        folder, _, inside = path.partition("/")
        image_file = image_in_topic(snapshot, _topic_of_folder(snapshot, folder), inside)
        return image_file.read_bytes() if image_file else None

    exported = export_bank(format_name, questions, load_image=load_image)
    file_problems = [
        problem for problem in snapshot.diagnostics if _concerns_target(problem, snapshot, target)
    ]
    if to_stdout:
        sys.stdout.buffer.write(exported.data)
    else:
        _save_output(output, exported.data, overwrite=overwrite)
    _print_export_report(questions, exported.omissions, file_problems, as_json=as_json)
    sys.exit(1 if file_problems else 0)


def _print_export_report(
    questions: list[Question],
    omissions: tuple[Omission, ...],
    file_problems: list[Diagnostic],
    *,
    as_json: bool,
) -> None:
    if as_json:
        report: dict[str, Any] = {
            "written": [question.id for question in questions],
            "left_behind": [asdict(omission) for omission in omissions],
            "left_out": [problem.to_json() for problem in file_problems],
        }
        click.echo(json.dumps(report, indent=2, ensure_ascii=False))
        return
    for problem in file_problems:
        click.echo(str(problem), err=True)
    ids_by_omission: dict[str, list[str]] = {}
    for omission in omissions:
        ids_by_omission.setdefault(omission.what, []).append(omission.question)
    for omitted, ids in ids_by_omission.items():
        id_list = ", ".join(ids[:5]) + (f" and {len(ids) - 5} more" if len(ids) > 5 else "")
        click.echo(f"Left behind: {omitted} ({id_list}).", err=True)
    click.echo(f"{_count_text(len(questions), 'question')} written.", err=True)


def _select_questions(snapshot: Snapshot, target: str | None) -> list[Question]:
    if target is None:
        questions = [question for topic in snapshot.topics.values() for question in topic.questions]
    else:
        topic_id, slash, question_id = target.partition("/")
        topic = snapshot.topics.get(topic_id)
        if topic is None:
            available = ", ".join(snapshot.topics) or "none"
            raise click.UsageError(f"There is no topic {topic_id!r}; there are {available}.")
        questions = [q for q in topic.questions if not slash or q.id == question_id]
        if slash and not questions:
            available = ", ".join(q.id for q in topic.questions) or "none"
            raise click.UsageError(
                f"{topic_id} has no question {question_id!r}; it has {available}."
            )
    if not questions:
        exit_with_error("There is no question to write.")
    return questions


def _concerns_target(problem: Diagnostic, snapshot: Snapshot, target: str | None) -> bool:
    """Whether a problem is of a question file of ``target`` that is not served."""
    folder, _, file = problem.path.partition("/")
    if not file.endswith(".md") or file.lower() == "lesson.md":
        return False
    served_paths = {question.path for question in snapshot.questions.values()}
    if problem.path in served_paths:
        return False
    return target is None or ("/" not in target and _topic_of_folder(snapshot, folder) == target)


def _topic_of_folder(snapshot: Snapshot, folder: str) -> str:
    topic = snapshot.topic_in_folder(folder)
    return topic.id if topic is not None else folder


def _save_output(output: Path, data: bytes, *, overwrite: bool) -> None:
    try:
        if output.exists() and not output.is_file():  # a pipe or a device is written to
            output.write_bytes(data)
        else:
            write_atomically(output.resolve(), data, overwrite=overwrite)
    except FileExistsError:
        exit_with_error(f"{output} is there already; --overwrite replaces it.")
    except OSError as error:
        exit_with_error(f"{output} cannot be written: {error.strerror or error}")


def _count_text(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"
