"""``quizserver new`` and ``quizserver preview``: writes scaffolds, and serves a preview."""

from __future__ import annotations

import shlex
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import click

from quizserver.authoring.preview.model import Preview, content_flag, locate_preview
from quizserver.command_line import CONTENT_OPTION, exit_with_error, settings_from_flags
from quizserver.settings import SHIPPED_ROOT, Settings

PORT = 8001
POLL_SECONDS = 0.2
HOST = "127.0.0.1"


@click.group("new")
def new_group() -> None:
    """Write the start of a topic, a question or a simulation.

    Each passes `quizserver check` as it is, says in its comments what to change, and never
    overwrites a file.
    """


@new_group.command("topic")
@click.argument("name")
@CONTENT_OPTION
def new_topic_command(name: str, content: Path | None) -> None:
    """Make a folder NAME with a lesson and its first question."""
    from quizserver.authoring import scaffold

    folder = _writable_folder(content)
    flag = _content_option(folder)
    _run_scaffold(lambda: scaffold.write_topic_scaffold(folder, name))
    place = folder.absolute() / name
    click.echo(f"The topic is in {place}; a server of that content folder shows it at once.")
    _print_next_steps(
        (
            f"preview {shlex.quote(str(_shortest_path(folder / name)))}",
            "look at it while you write",
        ),
        (f"new question {name}/ANOTHER{flag}", "add a question"),
        (f"new simulation {name}/simulation{flag}", "add an experiment"),
    )


@new_group.command("question")
@click.argument("place", metavar="TOPIC/NAME")
@click.option("--simulation", metavar="NAME", help="Which of the topic's simulations it is about.")
@CONTENT_OPTION
def new_question_command(place: str, simulation: str | None, content: Path | None) -> None:
    """Write a question NAME into a topic.

    In a topic with a simulation it refers to that, with a claim for every option.
    """
    from quizserver.authoring import scaffold
    from quizserver.evidence.record import recorded_description
    from quizserver.lab.catalog import SimulationCatalog, reading_limits

    topic, name = _split_topic_name(place, "strange-loss/why-flat")
    folder = _writable_folder(content)
    flag = _content_option(folder)
    catalog = SimulationCatalog(
        recorded=recorded_description, limits=reading_limits(settings_from_flags())
    )
    (path,) = _run_scaffold(
        lambda: scaffold.write_question_scaffold(
            folder, topic, name, simulation=simulation, catalog=catalog
        )
    )
    steps = [(f"preview {shlex.quote(str(_shortest_path(path)))}", "look at it while you write")]
    if "claims:" in path.read_text("utf-8"):
        steps.append((f"verify {topic} --watch{flag}", "see whether the key agrees"))
    _print_next_steps(*steps)


@new_group.command("simulation")
@click.argument("place", metavar="TOPIC/NAME")
@CONTENT_OPTION
def new_simulation_command(place: str, content: Path | None) -> None:
    """Write a simulation NAME.py into a topic, and a question that rests on it."""
    from quizserver.authoring import scaffold

    topic, name = _split_topic_name(place, "strange-loss/simulation")
    folder = _writable_folder(content)
    flag = _content_option(folder)
    _run_scaffold(lambda: scaffold.write_simulation_scaffold(folder, topic, name))
    _print_next_steps(
        (f"simulate {topic}/healthy --simulation {name}{flag}", "one arm's curve in words"),
        (f"verify {topic} --watch{flag}", "train the claims whenever you save"),
        (f"verify {topic} --update{flag}", "record the evidence beside the topic"),
    )


def create_preview_command(serve: Callable[[Settings, Preview], NoReturn]) -> click.Command:
    """The command ``preview``; ``serve`` runs a server until a signal stops it."""

    @click.command("preview")
    @click.argument("path", required=False, type=click.Path(exists=True, path_type=Path))
    @click.option(
        "--port", type=int, default=PORT, show_default=True, help="Port; 0 picks a free one."
    )
    @CONTENT_OPTION
    def preview_command(path: Path | None, port: int, content: Path | None) -> None:
        """Show topics as you write them, with the key and the evidence, until Ctrl-C.

        Pages reload by themselves when a file is saved, and show what is wrong with it at its
        line. With PATH, begin at that topic. Only this machine can reach the preview; nobody
        signs in, and what is answered in it is not kept.
        """
        folder, scope = locate_preview(path, settings_from_flags(content=content).content)
        with tempfile.TemporaryDirectory(
            prefix="quizserver-preview-", ignore_cleanup_errors=True
        ) as data:
            # Not the environment's settings: they name the real server's database and address.
            serve(
                Settings(
                    data=Path(data),
                    content=folder,
                    host=HOST,
                    port=port,
                    workers=1,
                    content_poll_seconds=POLL_SECONDS,
                ),
                scope,
            )

    return preview_command


def _writable_folder(content: Path | None) -> Path:
    """The content folder to write to; it is created later if it does not exist."""
    folder = settings_from_flags(content=content).content
    if folder.is_relative_to(SHIPPED_ROOT):
        exit_with_error(
            "The topics that come along with quizserver are not the place for yours. "
            "Name a folder of your own with --content DIR or QUIZSERVER_CONTENT."
        )
    if folder.exists() and not folder.is_dir():
        exit_with_error(
            f"{folder} is a file. Name a folder with --content DIR or QUIZSERVER_CONTENT."
        )
    return folder


def _content_option(folder: Path) -> str:
    """The flag with which a printed command finds the folder in the same environment."""
    return content_flag(folder, settings_from_flags().content)


def _split_topic_name(topic_name: str, example: str) -> tuple[str, str]:
    topic, slash, name = topic_name.partition("/")
    if not (topic and slash and name):
        raise click.BadParameter(f"write TOPIC/NAME, such as {example}.", param_hint="TOPIC/NAME")
    return topic, name


def _run_scaffold(write_scaffold: Callable[[], list[Path]]) -> list[Path]:
    from quizserver.authoring.files import ContentError
    from quizserver.authoring.scaffold import ScaffoldError

    try:
        paths = write_scaffold()
    except (ScaffoldError, ContentError, OSError) as error:
        exit_with_error(str(error))
    for path in paths:
        click.echo(f"wrote {_shortest_path(path)}")
    return paths


def _shortest_path(path: Path) -> Path:
    """The path relative to the current folder if it lies in it."""
    cwd = Path.cwd()
    return path.relative_to(cwd) if path.is_relative_to(cwd) else path


def _print_next_steps(*steps: tuple[str, str]) -> None:
    click.echo("Next:")
    for command, purpose in steps:
        click.echo(f"  {purpose}: quizserver {command}")
