"""``quizserver verify``: trains what the claims speak of, once or whenever a file is saved."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from quizserver.authoring.check_command import WATCH, not_as_json
from quizserver.authoring.train_options import DEVICE, Seeds, topic_of, topics_in
from quizserver.command_line import AS_JSON, CONTENT, content_folder, stop

if TYPE_CHECKING:
    from quizserver.topics.model import Topic


@click.command()
@click.argument("topic", required=False)
@click.option(
    "--seeds", type=Seeds(), default="0:64", show_default=True, help="Half-open range of seeds."
)
@click.option("--update", is_flag=True, help="Write the evidence beside each topic.")
@click.option(
    "--maps/--no-maps",
    default=None,
    help="Train the phase maps too, or the claims alone [with --watch: the claims alone].",
)
@WATCH
@DEVICE
@CONTENT
@AS_JSON
def verify(
    topic: str | None,
    seeds: range,
    update: bool,
    maps: bool | None,
    watch: bool,
    device: str,
    as_json: bool,
    content: Path | None,
) -> None:
    """Train what the claims speak of, and judge each; then the phase maps.

    Of TOPIC, or of every topic. Exits with 1 when a right option's claim is not supported or a
    wrong option's is.
    """
    from quizserver.lab import evidence, report
    from quizserver.lab.verify import VerifyError
    from quizserver.lab.verify import verify as train

    if maps is None:
        maps = update or not watch
    if update and not maps:
        raise click.UsageError("--update writes the maps too: leave out --no-maps.")
    if watch:
        not_as_json(as_json)
        _watch_claims(
            content_folder(content), topic, seeds, device=device, maps=maps, update=update
        )
    found = []
    claiming = _claiming(content_folder(content), topic)
    if not claiming:
        click.echo("There is no claim to verify.", err=True)
    for each in claiming:
        try:
            found.append(train(each, seeds, device=device, progress=_progress(each.id), maps=maps))
            if update:
                path = evidence.write(found[-1], each.folder)
                click.echo(f"wrote {path}", err=True)
        except (VerifyError, evidence.EvidenceError, OSError) as error:
            stop(str(error))
        if not as_json:
            click.echo(report.report_table(found[-1]))
    if as_json:
        click.echo(json.dumps(report.report_json(found), indent=2))
    sys.exit(0 if report.agrees(found) else 1)


def _claiming(folder: Path, topic: str | None) -> list[Topic]:
    """The topics to verify. Stops when one has a broken file: its claims would be passed over."""
    snapshot = topics_in(folder)
    wanted = [topic_of(snapshot, topic)] if topic is not None else list(snapshot.topics.values())
    problems = [p for p in snapshot.problems if p.path.split("/")[0] in {t.id for t in wanted}]
    for problem in problems:
        click.echo(str(problem), err=True)
    if problems:
        stop("Mend these first: claims of a broken file can't be judged.")
    return [each for each in wanted if any(question.claims for question in each.questions)]


def _watch_claims(
    folder: Path, topic: str | None, seeds: range, *, device: str, maps: bool, update: bool
) -> NoReturn:
    from quizserver.authoring.rounds import FailedError, Progress, Verifying
    from quizserver.authoring.watch import Watcher
    from quizserver.lab import evidence, report
    from quizserver.lab.verify import VerifyError
    from quizserver.lab.verify import verify as train

    def verify_one(each: Topic, look: Progress) -> evidence.Evidence:
        tell = _progress(each.id)

        def progress(done: int, total: int) -> None:
            look(done, total)
            if tell is not None:
                tell(done, total)

        try:
            found = train(each, seeds, device=device, progress=progress, maps=maps)
        except VerifyError as error:
            raise FailedError(str(error)) from error
        if update:
            click.echo(f"wrote {evidence.write(found, each.folder)}", err=True)
        click.echo(report.report_table(found))
        return found

    if topic is not None:
        topic_of(
            topics_in(folder), topic
        )  # a name that is not there is a mistake, not to be waited for
    try:
        Verifying(folder, verify_one, Watcher(folder), click.echo).run(topic)
    except KeyboardInterrupt:
        sys.exit(0)


def _progress(name: str) -> Callable[[int, int], None] | None:
    """Says how far a training has come, on a terminal only."""
    if not sys.stderr.isatty():
        return None

    def tell(done: int, total: int) -> None:
        end = "\n" if done >= total else ""
        click.echo(f"\r{name}: {100 * done // max(1, total)} %", nl=False, err=True)
        click.echo(end, nl=False, err=True)

    return tell
