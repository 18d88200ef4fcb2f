"""The command line: one tool behind serving, checking, verifying and looking after people."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from quizserver import __version__
from quizserver.accounts.commands import user
from quizserver.authoring import commands as authoring
from quizserver.classes.commands import demo
from quizserver.settings import Settings, SettingsError, load, rows
from quizserver.topics.commands import export_command, import_command

if TYPE_CHECKING:
    from quizserver.authoring.preview.model import Preview
    from quizserver.topics.model import Problem, Snapshot, Topic

CONTENT = click.option(
    "--content", type=click.Path(path_type=Path), help="Folder of topics [QUIZSERVER_CONTENT]."
)
DATA = click.option(
    "--data",
    type=click.Path(path_type=Path),
    help="Folder of the databases [QUIZSERVER_DATA; default: var].",
)
AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")


WATCH = click.option(
    "--watch", is_flag=True, help="Do it again whenever a file is saved, until Ctrl-C."
)

SEED_END = 2**31
SEEDS_MAX = 100_000


class Seeds(click.ParamType[range]):
    """A half-open range of seeds, written A:B."""

    name = "A:B"

    def convert(self, value: Any, param: Any, ctx: Any) -> range:
        if isinstance(value, range):
            return value
        first, colon, end = str(value).partition(":")
        if not (colon and first.isdecimal() and end.isdecimal() and int(first) < int(end)):
            self.fail(f"{value!r} is not a range of seeds; write A:B with A < B, such as 0:64.")
        if int(end) > SEED_END or int(end) - int(first) > SEEDS_MAX:
            self.fail(f"at most {SEEDS_MAX:,} seeds below {SEED_END:,} can be trained at once.")
        return range(int(first), int(end))


def _device(_context: click.Context, _option: click.Parameter, name: str) -> str:
    if name == "cpu":  # what there always is need not import torch
        return name
    from quizserver.lab.ensemble import check_device

    try:
        return check_device(name)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


DEVICE = click.option(
    "--device",
    default="cpu",
    show_default=True,
    callback=_device,
    help="Where to train, such as cuda.",
)


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
@click.option(
    "--workers",
    type=int,
    help="Simulation workers; 0 means one for each core [QUIZSERVER_WORKERS; default: 0].",
)
@DATA
@CONTENT
def serve(**flags: Any) -> None:
    """Serve lessons, questions and experiments until Ctrl-C."""
    _serve(_settings(**flags))


def _serve(settings: Settings, preview: Preview | None = None) -> NoReturn:
    from quizserver.serve import ServeError
    from quizserver.serve import serve as run

    try:
        sys.exit(run(settings, preview=preview))
    except ServeError as error:
        _stop(str(error))


@main.command()
@DATA
@CONTENT
def worker(**flags: Any) -> None:
    """Train the simulations that a server asks for. `serve` starts one of these by itself."""
    from quizserver.runs.worker import work

    work(_settings(**flags))


@main.command("migrate")
@DATA
@click.option("--to", "revision", default="head", show_default=True, help="Revision to end at.")
@click.option("--down", is_flag=True, help="Go down to the revision instead of up.")
def migrate_command(revision: str, down: bool, **flags: Any) -> None:
    """Bring the database to the newest schema, or to an older one."""
    import sqlalchemy as sa

    from quizserver.db.migrate import MigrationError, migrate, prepare_folder
    from quizserver.db.session import Database, DatabaseUrlError

    settings = _settings(**flags)
    try:
        prepare_folder(settings.data)
        before, after = migrate(Database(settings.data_url), revision, down=down)
    except (MigrationError, DatabaseUrlError, OSError, sa.exc.DatabaseError) as error:
        _stop(str(error))
    click.echo(f"{before or 'an empty database'} -> {after or 'an empty database'}")


@main.command()
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

    folder, catalog = _content(content, path), Catalog()
    if watch:
        _not_as_json(as_json)
        _watch_checks(path, folder, lambda: find(path or folder, content=folder, catalog=catalog))
    problems = find(path or folder, content=folder, catalog=catalog)
    if as_json:
        click.echo(json.dumps({"problems": [asdict(problem) for problem in problems]}, indent=2))
    else:
        for problem in problems:
            click.echo(str(problem))
        click.echo(f"{len(problems)} problem{'' if len(problems) == 1 else 's'}.", err=True)
    sys.exit(1 if problems else 0)


@main.command()
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
        _not_as_json(as_json)
        _watch_claims(_content(content), topic, seeds, device=device, maps=maps, update=update)
    found = []
    claiming = _claiming(_content(content), topic)
    if not claiming:
        click.echo("There is no claim to verify.", err=True)
    for each in claiming:
        try:
            found.append(train(each, seeds, device=device, progress=_progress(each.id), maps=maps))
            if update:
                path = evidence.write(found[-1], each.folder)
                click.echo(f"wrote {path}", err=True)
        except (VerifyError, evidence.EvidenceError, OSError) as error:
            _stop(str(error))
        if not as_json:
            click.echo(report.report_table(found[-1]))
    if as_json:
        click.echo(json.dumps(report.report_json(found), indent=2))
    sys.exit(0 if report.agrees(found) else 1)


@main.command()
@click.argument("arm", metavar="TOPIC/ARM")
@click.option(
    "--set", "turned", multiple=True, metavar="KNOB=VALUE", help="Turn a knob; may be repeated."
)
@click.option(
    "--seeds", type=Seeds(), default="0:8", show_default=True, help="Half-open range of seeds."
)
@click.option("--simulation", default="simulation", show_default=True, help="Which of the topic's.")
@DEVICE
@CONTENT
@AS_JSON
def simulate(
    arm: str,
    turned: tuple[str, ...],
    seeds: range,
    simulation: str,
    device: str,
    as_json: bool,
    content: Path | None,
) -> None:
    """Train one arm of a topic's simulation and print its curves.

    Without --json: what the curves do, in a sentence.
    """
    from quizserver.lab.catalog import load as load_simulation
    from quizserver.lab.ensemble import simulate as train
    from quizserver.lab.report import curves_json
    from quizserver.lab.simulation import KnobError, SimulationError
    from quizserver.lab.words import describe

    topic_id, slash, name = arm.partition("/")
    if not slash:
        raise click.BadParameter("write TOPIC/ARM, such as strange-loss/healthy.")
    path = _topic(_topics(_content(content)), topic_id).simulations.get(simulation)
    if path is None:
        _stop(f"The topic {topic_id} has no simulation {simulation}.")
    try:
        loaded = load_simulation(path)
        knobs = loaded.check_knobs({**loaded.arm(name).knobs, **dict(map(_turned, turned))})
        curves = train(loaded, knobs, seeds, device=device)
    except KeyError as error:
        raise click.BadParameter(str(error.args[0]), param_hint="TOPIC/ARM") from None
    except KnobError as error:
        raise click.BadParameter(error.message, param_hint="--set") from None
    except SimulationError as error:
        _stop(f"{path}:{error.line or 1}: {error.message}")
    if as_json:
        click.echo(json.dumps(curves_json(topic_id, name, knobs, curves), allow_nan=False))
    else:
        first = next(iter(curves.series.values()))
        click.echo(describe(curves.x, first, label=loaded.x.label))


@main.command("settings")
@AS_JSON
def list_settings(as_json: bool) -> None:
    """List every setting with its environment variable, default and meaning."""
    if as_json:
        click.echo(json.dumps(rows(), indent=2))
        return
    for row in rows():
        click.echo(f"{row['variable']}={row['default']}\n    {row['help']}")


main.add_command(user)
main.add_command(demo)
main.add_command(authoring.new)
main.add_command(authoring.preview(_serve))
main.add_command(import_command)
main.add_command(export_command)


def _settings(**flags: Any) -> Settings:
    try:
        return load(os.environ, **flags)
    except SettingsError as error:
        raise click.UsageError(str(error)) from None


def _content(content: Path | None, path: Path | None = None) -> Path:
    """The content folder; a PATH outside of it is taken as a content folder of its own."""
    folder = _settings(content=content).content
    if not folder.is_dir():
        _stop(f"There is no content folder at {folder}. Name one with --content DIR.")
    return folder


def _topics(folder: Path) -> Snapshot:
    """The topics of the folder. Stops when a file is broken: its claims would be passed over."""
    from quizserver.topics.library import Library

    return Library(folder).snapshot()


def _topic(snapshot: Snapshot, topic: str) -> Topic:
    if topic not in snapshot.topics:
        raise click.UsageError(
            f"There is no topic {topic!r}; there are {', '.join(snapshot.topics) or 'none'}."
        )
    return snapshot.topics[topic]


def _claiming(folder: Path, topic: str | None) -> list[Topic]:
    """The topics to verify. Stops when one has a broken file: its claims would be passed over."""
    snapshot = _topics(folder)
    wanted = [_topic(snapshot, topic)] if topic is not None else list(snapshot.topics.values())
    problems = [p for p in snapshot.problems if p.path.split("/")[0] in {t.id for t in wanted}]
    for problem in problems:
        click.echo(str(problem), err=True)
    if problems:
        _stop("Mend these first: claims of a broken file can't be judged.")
    return [each for each in wanted if any(question.claims for question in each.questions)]


def _not_as_json(as_json: bool) -> None:
    if as_json:
        raise click.UsageError("--json prints one document and --watch never ends: leave out one.")


def _watch_checks(path: Path | None, folder: Path, find: Callable[[], list[Problem]]) -> NoReturn:
    from quizserver.authoring.preview.model import located
    from quizserver.authoring.rounds import watch_checks
    from quizserver.authoring.watch import Watcher

    if path is not None and not path.exists():
        _stop(f"There is no file or folder {path}.")
    watched, what = located(path, folder)
    try:
        watch_checks(find, Watcher(watched, only=what.only), click.echo)
    except KeyboardInterrupt:
        sys.exit(0)


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
        _topic(
            _topics(folder), topic
        )  # a name that is not there is a mistake, not to be waited for
    try:
        Verifying(folder, verify_one, Watcher(folder), click.echo).run(topic)
    except KeyboardInterrupt:
        sys.exit(0)


def _turned(text: str) -> tuple[str, float]:
    knob, _, value = text.partition("=")
    try:
        return knob.strip(), float(value)
    except ValueError:
        raise click.BadParameter(
            f"{text!r} is not KNOB=VALUE with a number, such as learning_rate=0.1.",
            param_hint="--set",
        ) from None


def _progress(name: str) -> Callable[[int, int], None] | None:
    """Says how far a training has come, on a terminal only."""
    if not sys.stderr.isatty():
        return None

    def tell(done: int, total: int) -> None:
        end = "\n" if done >= total else ""
        click.echo(f"\r{name}: {100 * done // max(1, total)} %", nl=False, err=True)
        click.echo(end, nl=False, err=True)

    return tell


def _stop(message: str) -> NoReturn:
    click.echo(f"quizserver: {message}", err=True)
    sys.exit(1)


if __name__ == "__main__":
    main()
