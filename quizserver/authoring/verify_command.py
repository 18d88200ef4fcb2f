"""``quizserver verify``: trains the arms that claims are about, once or at every save."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from quizserver.authoring.check_command import WATCH_OPTION, reject_json
from quizserver.authoring.train_options import (
    BACKEND_OPTION,
    DEVICE_OPTION,
    SeedRange,
    load_topics,
    require_topic,
)
from quizserver.command_line import CONTENT_OPTION, JSON_OPTION, content_folder, exit_with_error
from quizserver.machine import usable_cores

if TYPE_CHECKING:
    from quizserver.evidence.record import Evidence
    from quizserver.lab.model import Backend
    from quizserver.topics.model import Topic

PROGRESS_SECONDS = 0.1  # between reports of how far a training is


@click.command("verify")
@click.argument("topic", required=False)
@click.option(
    "--seeds", type=SeedRange(), default="0:64", show_default=True, help="Half-open range of seeds."
)
@click.option("--update", is_flag=True, help="Write the evidence beside each topic.")
@click.option(
    "--maps/--no-maps",
    default=None,
    help="Train the phase maps too, or the claims alone [with --watch: the claims alone].",
)
@click.option(
    "--question", metavar="ID", help="Only the claims of this question, with the arms they need."
)
@WATCH_OPTION
@DEVICE_OPTION
@BACKEND_OPTION
@CONTENT_OPTION
@JSON_OPTION
def verify_command(
    topic: str | None,
    seeds: range,
    update: bool,
    maps: bool | None,
    question: str | None,
    watch: bool,
    device: str,
    backend: Backend,
    as_json: bool,
    content: Path | None,
) -> None:
    """Train the arms of every claim and give each its verdict; then the phase maps.

    Of TOPIC, or of every topic. Exits with 1 when a right option's claim is not supported or a
    wrong option's is, or when the count of one stands on a knife's edge: draws that change in
    their last place move it.
    """
    from quizserver.authoring.confined_training import TrainingFailedError
    from quizserver.evidence import record, report

    if question is not None and (update or watch or maps):
        raise click.UsageError(
            "--question trains the claims of one question alone, without maps, and evidence is of a"
            " whole topic: leave out --update, --watch and --maps."
        )
    if maps is None:
        maps = update or not (watch or question)
    if update and not maps:
        raise click.UsageError("--update writes the maps too: leave out --no-maps.")
    if watch:
        reject_json(as_json)
        _watch_claims(
            content_folder(content),
            topic,
            seeds,
            device=device,
            backend=backend,
            maps=maps,
            update=update,
        )
    results = []
    selected_topics = _topics_to_verify(content_folder(content), topic, question)
    if not selected_topics:
        click.echo("There is no claim to verify.", err=True)
    for selected in selected_topics:
        try:
            results.append(
                _verify_confined(
                    selected,
                    seeds,
                    device=device,
                    backend=backend,
                    on_progress=_progress_printer(selected.id),
                    maps=maps,
                    all_arms=question is None,
                )
            )
            if update:
                path = record.write_evidence(results[-1], selected.folder)
                click.echo(f"wrote {path}", err=True)
            elif question is None:
                _advise_update(selected)
        except (TrainingFailedError, record.EvidenceError, OSError) as error:
            exit_with_error(str(error))
        if not as_json:
            click.echo(report.report_text(selected, results[-1]))
    if as_json:
        click.echo(json.dumps(report.report_json(results), indent=2))
    sys.exit(0 if report.all_keys_hold(results) else 1)


def _advise_update(topic: Topic) -> None:
    """Says so where recorded evidence is from before claims were counted with nudged draws."""
    from quizserver.evidence import record

    recorded = record.read_evidence(topic.folder)
    if recorded is not None and not recorded.tells_edges:
        click.echo(
            f"{topic.folder / record.FILE_NAME} does not tell which counts stand on a knife's "
            f"edge: `quizserver verify {topic.id} --update` records it.",
            err=True,
        )


def _topics_to_verify(folder: Path, topic: str | None, question: str | None) -> list[Topic]:
    """The topics with claims to verify; with ``question``, only its topic, with nothing but it.

    Ends the program when one of them has a broken file, whose claims would be left out.
    """
    snapshot = load_topics(folder)
    requested = (
        [require_topic(snapshot, topic)] if topic is not None else list(snapshot.topics.values())
    )
    problems = [p for p in snapshot.diagnostics if p.folder in {t.id for t in requested}]
    for problem in problems:
        click.echo(str(problem), err=True)
    if any(not problem.is_warning for problem in problems):
        exit_with_error("Fix these first: claims of a broken file can't be verified.")
    if question is not None:
        requested = [_narrow_topic(requested, question)]
    return [
        candidate for candidate in requested if any(asked.claims for asked in candidate.questions)
    ]


def _narrow_topic(topics: list[Topic], question_id: str) -> Topic:
    """The topic of a question, with this question and its simulation alone.

    Raises click.UsageError when none of ``topics`` has the question.
    """
    from quizserver.topics.slugs import did_you_mean

    for topic in topics:
        for question in topic.questions:
            if question.id == question_id:
                simulations = {
                    name: path
                    for name, path in topic.simulations.items()
                    if name == question.simulation
                }
                return replace(topic, questions=(question,), simulations=simulations)
    known_ids = [question.id for topic in topics for question in topic.questions]
    hint = did_you_mean(question_id, known_ids)
    raise click.UsageError(f"There is no question {question_id!r} here. {hint}".strip())


def _watch_claims(
    folder: Path,
    topic: str | None,
    seeds: range,
    *,
    device: str,
    backend: Backend,
    maps: bool,
    update: bool,
) -> NoReturn:
    from quizserver.authoring.confined_training import TrainingFailedError
    from quizserver.authoring.folder_watcher import FolderWatcher
    from quizserver.authoring.watch_mode import Progress, VerificationFailedError, VerificationLoop
    from quizserver.evidence import record, report

    def train_topic(selected: Topic, on_progress: Progress) -> record.Evidence:
        printer = _progress_printer(selected.id)

        try:
            result = _verify_confined(
                selected,
                seeds,
                device=device,
                backend=backend,
                on_progress=printer,
                maps=maps,
                # even where the code makes no progress
                on_tick=lambda: on_progress(0, 1),
            )
        except TrainingFailedError as error:
            raise VerificationFailedError(str(error)) from error
        if update:
            click.echo(f"wrote {record.write_evidence(result, selected.folder)}", err=True)
        click.echo(report.report_text(selected, result))
        return result

    if topic is not None:
        # A topic that does not exist is a mistake; don't wait for it to appear.
        require_topic(load_topics(folder), topic)
    try:
        VerificationLoop(folder, train_topic, FolderWatcher(folder), click.echo).run_forever(topic)
    except KeyboardInterrupt:
        sys.exit(0)


def _verify_confined(
    topic: Topic,
    seeds: range,
    *,
    device: str,
    backend: Backend,
    maps: bool,
    all_arms: bool = True,
    on_progress: Callable[[int, int], None] | None,
    on_tick: Callable[[], None] = lambda: None,
) -> Evidence:
    """``verify_topic`` in a confined process. Raises TrainingFailedError, EvidenceError."""
    from quizserver.authoring.confined_training import TrainingFailedError, train_confined
    from quizserver.evidence import record

    def forward_report(report: list[int]) -> None:
        if on_progress is not None:
            on_progress(*report)

    threads = usable_cores()
    try:
        answer = train_confined(
            lambda report: _verify_here(
                topic, seeds, device, backend, maps, all_arms, threads, report
            ),
            device,
            on_report=forward_report,
            on_tick=on_tick,
            threads=threads,
        )
    except TrainingFailedError as error:
        raise TrainingFailedError(f"{topic.id}: {error}") from None
    if "error" in answer:
        if answer["traceback"]:
            click.echo(answer["traceback"], err=True)
        raise TrainingFailedError(answer["error"])
    return record.evidence_from_text(answer["evidence"])


def _verify_here(
    topic: Topic,
    seeds: range,
    device: str,
    backend: Backend,
    maps: bool,
    all_arms: bool,
    threads: int,
    report: Callable[[Any], None],
) -> dict[str, str]:
    """Runs in the confined process: the evidence as text, or what is wrong."""
    from quizserver.confined.error_text import is_memory_error
    from quizserver.evidence import record
    from quizserver.evidence.verify import VerifyError, verify_topic

    reported_at = 0.0

    def forward_progress(done: int, total: int) -> None:
        nonlocal reported_at
        if done >= total or time.monotonic() - reported_at > PROGRESS_SECONDS:
            reported_at = time.monotonic()
            report([done, total])

    try:
        evidence = verify_topic(
            topic,
            seeds,
            device=device,
            backend=backend,
            progress=forward_progress,
            maps=maps,
            all_arms=all_arms,
            threads=threads,
        )
        text = record.evidence_to_text(evidence, topic.folder / record.FILE_NAME)
        return {"evidence": text}
    except (VerifyError, record.EvidenceError) as error:
        if is_memory_error(error):
            raise
        said = getattr(error.__cause__, "traceback_text", "")
        return {"error": str(error), "traceback": said}


def _progress_printer(name: str) -> Callable[[int, int], None] | None:
    """A function that prints the progress of a training; None where stderr is no terminal."""
    if not sys.stderr.isatty():
        return None

    def print_progress(done: int, total: int) -> None:
        end = "\n" if done >= total else ""
        click.echo(f"\r{name}: {100 * done // max(1, total)} %", nl=False, err=True)
        click.echo(end, nl=False, err=True)

    return print_progress
