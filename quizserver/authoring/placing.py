"""Puts new files into the content folder: all of a start or none of it, and never over another."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from quizserver.authoring import starts
from quizserver.authoring.files import Files
from quizserver.lab.catalog import Catalog
from quizserver.lab.model import Description, SimulationError
from quizserver.topics.folder import is_simulation, list_folder
from quizserver.topics.identity import ID_RULE, is_id
from quizserver.topics.question import DEFAULT_SIMULATION, Draft
from quizserver.topics.shelf import Shelf

RESERVED = ("lesson", "readme", "contributing")
_FOLDER_MODE = 0o755
_FILE_MODE = 0o644


class StartError(ValueError):
    """A start that can't be written; the message says why and what to do. Nothing was written."""


def new_topic(content: Path, topic: str) -> list[Path]:
    """Writes a folder with a lesson and its first question. Raises StartError."""
    question = f"{topic}-first"
    if not (is_id(topic) and is_id(question)):
        raise StartError(f"\"{topic}\" can't be a topic's name: use {ID_RULE}.")
    _refuse([content / topic])
    content.mkdir(parents=True, exist_ok=True)
    with Files(content).turn():
        _free_id(content, question)
        return _place_folder(content / topic, starts.topic_start(topic, question))


def new_question(
    content: Path, topic: str, name: str, *, simulation: str | None, catalog: Catalog
) -> list[Path]:
    """Writes a question, about a simulation of the topic where it has one.

    ``simulation`` names which; None takes the one there is. Raises StartError.
    """
    folder = _topic_folder(content, topic)
    _check_question(name)
    _refuse([folder / f"{name}.md"])
    chosen = _simulation_of(folder, simulation)
    text = starts.plain_question(name)
    if chosen is not None:
        description = _described(folder / f"{chosen}.py", catalog)
        text = starts.claiming_question(topic, name, chosen, description)
    with Files(content).turn():
        _free_id(content, name)
        return _place_files(folder, {f"{name}.md": text})


def new_simulation(content: Path, topic: str, name: str) -> list[Path]:
    """Writes a simulation and a question that rests on it. Raises StartError."""
    folder = _topic_folder(content, topic)
    if not is_simulation(f"{topic}/{name}.py") or not name.isascii():
        raise StartError(
            f"\"{name}\" can't be a simulation's name: use letters a-z, digits and _, "
            "and begin with a letter."
        )
    question = f"{topic}-{name}".lower()
    if not is_id(question):
        raise StartError(f'"{question}" would be its question\'s id, but an id is {ID_RULE}.')
    _refuse([folder / f"{name}.py", folder / f"{question}.md"])
    with Files(content).turn():
        _free_id(content, question)
        return _place_files(folder, starts.simulation_start(topic, name, question))


def _topic_folder(content: Path, topic: str) -> Path:
    folder = content / topic
    if not is_id(topic):
        raise StartError(f"\"{topic}\" can't be a topic's name: use {ID_RULE}.")
    if not folder.is_dir():
        raise StartError(
            f"There is no topic {topic} in {content}. Make one with `quizserver new topic {topic}`."
        )
    return folder


def _check_question(name: str) -> None:
    if not is_id(name):
        raise StartError(f"\"{name}\" can't be a question's name: use {ID_RULE}.")
    if name in RESERVED:
        raise StartError(f"{name}.md is no question's file. Choose another name.")


def _simulation_of(folder: Path, wanted: str | None) -> str | None:
    there = sorted(
        path.stem for path in folder.glob("*.py") if is_simulation(f"{folder.name}/{path.name}")
    )
    # A file that only others import, such as steps.py, defines none.
    defining = [name for name in there if "@simulation.train" in _read(folder / f"{name}.py")]
    if wanted is not None:
        if wanted not in there:
            raise StartError(
                f"The topic {folder.name} has no simulation {wanted}; "
                f"there are {', '.join(defining) or 'none'}."
            )
        return wanted
    if DEFAULT_SIMULATION in defining or not defining:
        return DEFAULT_SIMULATION if defining else None
    if len(defining) > 1:
        raise StartError(
            f"The topic {folder.name} has several simulations. Name the one that the question is "
            f"about with --simulation: {', '.join(defining)}."
        )
    return defining[0]


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8", errors="replace")
    except OSError as error:
        raise StartError(f"{path} can't be read: {error.strerror or error}.") from error


def _described(path: Path, catalog: Catalog) -> Description:
    try:
        return catalog.describe(path)
    except SimulationError as error:
        place = f"{path}:{error.line or 1}"
        raise StartError(f"Mend the simulation first: {place}: {error.message}") from None


def _free_id(content: Path, question: str) -> None:
    """Raises StartError when some file of the folder has the id, in whatever state it is."""
    shelf = Shelf(content)
    shelf.fill(list_folder(content))
    for draft in shelf.drafts():
        if isinstance(draft, Draft) and draft.id == question:
            raise StartError(f"The question in {content / draft.path} has the id {question} too.")


def _refuse(paths: Iterable[Path]) -> None:
    """Raises StartError when one of them is there, if only as a link that leads nowhere."""
    for path in paths:
        if path.exists() or path.is_symlink():
            raise StartError(f"{path} is there already; nothing was written.")


def _place_folder(folder: Path, files: Mapping[str, str]) -> list[Path]:
    _refuse([folder])
    made = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}-", suffix=".tmp"))
    try:
        for name, text in files.items():
            _write(made / name, text)
        made.chmod(_FOLDER_MODE)
        made.rename(folder)  # fails over a folder that somebody has filled meanwhile
    except OSError as error:
        raise StartError(f"{folder} can't be made: {error.strerror or error}.") from error
    finally:
        shutil.rmtree(made, ignore_errors=True)
    return [folder / name for name in files]


def _place_files(folder: Path, files: Mapping[str, str]) -> list[Path]:
    """Every file at once as far as readers can tell: a link fails where there is one already."""
    paths = [folder / name for name in files]
    _refuse(paths)
    placed: list[Path] = []
    try:
        with tempfile.TemporaryDirectory(dir=folder, prefix=".new-", suffix=".tmp") as made:
            for path, text in zip(paths, files.values(), strict=True):
                _write(Path(made) / path.name, text)
            for path in paths:
                path.hardlink_to(Path(made) / path.name)
                placed.append(path)
    except OSError as error:
        for path in placed:
            path.unlink(missing_ok=True)
        raise StartError(f"{folder} can't be written to: {error.strerror or error}.") from error
    return paths


def _write(path: Path, text: str) -> None:
    with path.open("x", encoding="utf-8", newline="\n") as file:
        file.write(text)
        file.flush()
        os.fchmod(file.fileno(), _FILE_MODE)
        os.fsync(file.fileno())
