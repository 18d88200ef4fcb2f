"""Scaffolds of a topic, a question or a simulation: their texts, and writing all files or none."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from quizserver.authoring.files import ContentFiles, PageRef, RefusedTextError
from quizserver.authoring.scaffold_texts import (
    BLANK_LESSON,
    CLAIMS_QUESTION,
    FITTED_CLAIMS,
    FITTED_OPTIONS,
    PLAIN_QUESTION,
    SIMULATION_FILE,
    TOPIC_LESSON,
)
from quizserver.lab.catalog import SimulationCatalog
from quizserver.lab.fingerprint import read_simulation_text
from quizserver.lab.model import Arm, Description, SimulationError
from quizserver.topics.folder import is_lesson, is_simulation
from quizserver.topics.model import Snapshot
from quizserver.topics.question import DEFAULT_SIMULATION, ParsedQuestion
from quizserver.topics.slugs import ID_RULE, humanise_id, is_id
from quizserver.topics.workspace import load_workspace

CANDIDATES_MAX = 4


@dataclass(frozen=True, slots=True)
class _QuestionParts:
    """The parts of a question that its simulation decides."""

    title: str
    stem: str
    comment: str
    claims: str
    options: str


def topic_scaffold(topic: str, question: str) -> dict[str, str]:
    """File name to text: a lesson, and the question that it embeds."""
    lesson = TOPIC_LESSON.format(title=humanise_id(topic), topic=topic, question=question)
    return {"lesson.md": lesson, f"{question}.md": plain_question_text(question)}


def plain_question_text(name: str) -> str:
    """A question that refers to no simulation."""
    return PLAIN_QUESTION.format(name=name, title=humanise_id(name))


def claims_question_text(topic: str, name: str, simulation: str, description: Description) -> str:
    """A question about a simulation of its topic, with a claim for every option.

    Nothing has been trained: the option that is marked as right is a guess, as a comment says.
    """
    candidates = _candidate_arms(description.arms)
    parts = (
        _which_arm_parts(candidates)
        if len(candidates) > 1
        else _which_shape_parts(description.arms[0])
    )
    arm_names = [arm.name for arm in description.arms]
    return _fill_claims_template(topic, name, simulation, arm_names, parts)


def simulation_scaffold(topic: str, name: str, question: str) -> dict[str, str]:
    """File name to text: a simulation that trains in seconds, and a question about it."""
    parts = _QuestionParts(
        title="Why does the loss not move?",
        stem="A line is fitted to twenty points. After a hundred steps the loss is where it began.",
        comment="Describe what was seen, not why. The marks below agree with the simulation.",
        claims=FITTED_CLAIMS,
        options=FITTED_OPTIONS,
    )
    arm_names = ("healthy", "low-rate", "high-rate", "fixed")
    return {
        f"{name}.py": SIMULATION_FILE.format(title=humanise_id(name)),
        f"{question}.md": _fill_claims_template(topic, question, name, arm_names, parts),
    }


def _fill_claims_template(
    topic: str, name: str, simulation: str, arm_names: Sequence[str], parts: _QuestionParts
) -> str:
    return CLAIMS_QUESTION.format(
        title=parts.title,
        name=name,
        simulation=simulation,
        topic=topic,
        arms=", ".join(arm_names),
        claims=parts.claims,
        remark=parts.comment,
        stem=parts.stem,
        options=parts.options,
    )


def _candidate_arms(arms: Sequence[Arm]) -> list[Arm]:
    """The arms an option may blame: the faults, not the healthy run nor the remedies."""
    eligible = [arm for arm in arms if is_id(arm.name)]  # its name becomes the option's id
    faults = [arm for arm in eligible if arm is not arms[0] and arm.base is None]
    return (faults if len(faults) > 1 else eligible)[:CANDIDATES_MAX]


_GUESS_COMMENT = (
    "The [x] below is a guess: nothing was trained for it. Mark what you think is right, and\n"
    "     let `quizserver verify` say whether the key agrees with the curves."
)


def _which_arm_parts(arms: Sequence[Arm]) -> _QuestionParts:
    labels = [arm.label for arm in arms]
    options = {
        arm.name: _escape_markdown(
            arm.label if labels.count(arm.label) == 1 else f"{arm.label} ({arm.name})"
        )
        for arm in arms
    }
    claims = [f"  - {{option: {a.name}, arm: {a.name}, shape: flat}}" for a in arms]
    return _QuestionParts(
        title="Which of these keeps the loss where it began?",
        stem="The loss has not moved at all. Which change explains it?",
        comment=_GUESS_COMMENT,
        claims="\n".join(claims),
        options=_task_list(options),
    )


def _which_shape_parts(arm: Arm) -> _QuestionParts:
    shapes = {"early-drop": "It falls early", "flat": "It stays flat", "diverges": "It diverges"}
    claims = [f"  - {{option: {s}, arm: {arm.name}, shape: {s}}}" for s in shapes]
    label = _escape_markdown(arm.label)
    return _QuestionParts(
        title="What does the loss do?",
        stem=f"Think of the run called “{label}”. What does its curve look like?",
        comment=_GUESS_COMMENT,
        claims="\n".join(claims),
        options=_task_list(shapes),
    )


def _task_list(options: Mapping[str, str]) -> str:
    lines = []
    for index, (option_id, text) in enumerate(options.items()):
        lines.append(f"- [{'x' if index == 0 else ' '}] {text} {{#{option_id}}}")
        lines.append("  > Say what the curve shows, and why.")
    return "\n".join(lines)


def _escape_markdown(label: str) -> str:
    """A label with every character escaped that markdown would read as markup."""
    text = " ".join(label.split())
    return "".join(f"\\{c}" if c in r"\`*_[]{}<>#$|!" else c for c in text)


def blank_lesson(title: str) -> str:
    """A lesson with nothing but a title; what markdown would read as markup is escaped."""
    escaped = " ".join(title.split())[:200]
    escaped = re.sub(r"&(?=[#\w])", "&amp;", escaped).replace("<", "&lt;")
    return BLANK_LESSON.format(title=re.sub(r"([\\`*_{}\[\]#$~^=|])", r"\\\1", escaped))


def initial_page_text(
    ref: PageRef, simulation_name: str, snapshot: Snapshot, catalog: SimulationCatalog
) -> str:
    """The first text of the page: a lesson, or a question about a simulation of its topic.

    ``simulation_name`` "" makes a question without one. Raises RefusedTextError when the simulation
    does not exist or can't be used.
    """
    question_name = ref.name.removesuffix(".md")
    if is_lesson(ref.path):
        return blank_lesson(humanise_id(ref.topic))
    if not simulation_name:
        return plain_question_text(question_name)
    topic = snapshot.topic_in_folder(ref.topic)
    simulation_path = topic.simulations.get(simulation_name) if topic is not None else None
    if simulation_path is None:
        raise RefusedTextError("There is no such simulation in this topic.")
    try:
        description = catalog.describe_if_ready(simulation_path)
    except SimulationError as error:
        raise RefusedTextError(f"This simulation can't be used: {error.message}") from None
    if description is None:
        raise RefusedTextError("This simulation is being read. Try again in a moment.")
    return claims_question_text(ref.topic, question_name, simulation_name, description)


RESERVED_NAMES = ("lesson", "readme", "contributing")
_FOLDER_MODE = 0o755
_FILE_MODE = 0o644


class ScaffoldError(ValueError):
    """A scaffold that can't be written, and was not; the message says why and what to do."""


def write_topic_scaffold(content: Path, topic: str) -> list[Path]:
    """Writes a folder with a lesson and its first question. Raises ScaffoldError."""
    question_id = f"{topic}-first"
    if not (is_id(topic) and is_id(question_id)):
        raise ScaffoldError(f"\"{topic}\" can't be a topic's name: use {ID_RULE}.")
    _require_absent([content / topic])
    content.mkdir(parents=True, exist_ok=True)
    with ContentFiles(content).write_lock():
        _require_unused_id(content, question_id)
        return _create_folder(content / topic, topic_scaffold(topic, question_id))


def write_question_scaffold(
    content: Path, topic: str, name: str, *, simulation: str | None, catalog: SimulationCatalog
) -> list[Path]:
    """Writes a question, about a simulation if the topic has one.

    ``simulation`` names it; None takes the only one. Raises ScaffoldError.
    """
    folder = _require_topic_folder(content, topic)
    _check_question_name(name)
    _require_absent([folder / f"{name}.md"])
    simulation_name = _choose_simulation(folder, simulation)
    text = plain_question_text(name)
    if simulation_name is not None:
        description = _describe_simulation(folder / f"{simulation_name}.py", catalog)
        text = claims_question_text(topic, name, simulation_name, description)
    with ContentFiles(content).write_lock():
        _require_unused_id(content, name)
        return _create_files(folder, {f"{name}.md": text})


def write_simulation_scaffold(content: Path, topic: str, name: str) -> list[Path]:
    """Writes a simulation and a question about it. Raises ScaffoldError."""
    folder = _require_topic_folder(content, topic)
    if not is_simulation(f"{topic}/{name}.py") or not name.isascii():
        raise ScaffoldError(
            f"\"{name}\" can't be a simulation's name: use letters a-z, digits and _, "
            "and begin with a letter."
        )
    question_id = f"{topic}-{name}".lower()
    if not is_id(question_id):
        raise ScaffoldError(f'"{question_id}" would be its question\'s id, but an id is {ID_RULE}.')
    _require_absent([folder / f"{name}.py", folder / f"{question_id}.md"])
    with ContentFiles(content).write_lock():
        _require_unused_id(content, question_id)
        return _create_files(folder, simulation_scaffold(topic, name, question_id))


def _require_topic_folder(content: Path, topic: str) -> Path:
    folder = content / topic
    if not is_id(topic):
        raise ScaffoldError(f"\"{topic}\" can't be a topic's name: use {ID_RULE}.")
    if not folder.is_dir():
        raise ScaffoldError(
            f"There is no topic {topic} in {content}. Make one with `quizserver new topic {topic}`."
        )
    return folder


def _check_question_name(name: str) -> None:
    if not is_id(name):
        raise ScaffoldError(f"\"{name}\" can't be a question's name: use {ID_RULE}.")
    if name in RESERVED_NAMES:
        raise ScaffoldError(f"{name}.md is no question's file. Choose another name.")


def _choose_simulation(folder: Path, requested: str | None) -> str | None:
    stems = sorted(
        path.stem for path in folder.glob("*.py") if is_simulation(f"{folder.name}/{path.name}")
    )
    # A file that only others import, such as steps.py, defines none.
    simulation_names = [
        name for name in stems if "@simulation.train" in _read_source(folder / f"{name}.py")
    ]
    if requested is not None:
        if requested not in stems:
            raise ScaffoldError(
                f"The topic {folder.name} has no simulation {requested}; "
                f"there are {', '.join(simulation_names) or 'none'}."
            )
        return requested
    if DEFAULT_SIMULATION in simulation_names or not simulation_names:
        return DEFAULT_SIMULATION if simulation_names else None
    if len(simulation_names) > 1:
        raise ScaffoldError(
            f"The topic {folder.name} has several simulations. Name the one that the question is "
            f"about with --simulation: {', '.join(simulation_names)}."
        )
    return simulation_names[0]


def _read_source(path: Path) -> str:
    try:
        return read_simulation_text(path, errors="replace")
    except OSError as error:
        raise ScaffoldError(f"{path} can't be read: {error.strerror or error}.") from error


def _describe_simulation(path: Path, catalog: SimulationCatalog) -> Description:
    try:
        return catalog.describe(path)
    except SimulationError as error:
        location = f"{path}:{error.line or 1}"
        raise ScaffoldError(f"Fix the simulation first: {location}: {error.message}") from None


def _require_unused_id(content: Path, question_id: str) -> None:
    """Raises ScaffoldError when a file of the folder has the id, even one that can't be served."""
    for parsed in load_workspace(content).parsed_pages():
        if isinstance(parsed, ParsedQuestion) and parsed.id == question_id:
            raise ScaffoldError(
                f"The question in {content / parsed.path} has the id {question_id} too."
            )


def _require_absent(paths: Iterable[Path]) -> None:
    """Raises ScaffoldError when one of the paths exists, even as a broken link."""
    for path in paths:
        if path.exists() or path.is_symlink():
            raise ScaffoldError(f"{path} is there already; nothing was written.")


def _create_folder(folder: Path, files: Mapping[str, str]) -> list[Path]:
    _require_absent([folder])
    staging = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}-", suffix=".tmp"))
    try:
        for name, text in files.items():
            _write_durably(staging / name, text)
        staging.chmod(_FOLDER_MODE)
        staging.rename(folder)  # fails if the folder has been filled meanwhile
    except OSError as error:
        raise ScaffoldError(f"{folder} can't be made: {error.strerror or error}.") from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return [folder / name for name in files]


def _create_files(folder: Path, files: Mapping[str, str]) -> list[Path]:
    """Writes the files to a hidden folder first, then links them: none or all of them appear.

    Linking fails where a file exists already.
    """
    paths = [folder / name for name in files]
    _require_absent(paths)
    created: list[Path] = []
    try:
        with tempfile.TemporaryDirectory(dir=folder, prefix=".new-", suffix=".tmp") as staging:
            for path, text in zip(paths, files.values(), strict=True):
                _write_durably(Path(staging) / path.name, text)
            for path in paths:
                path.hardlink_to(Path(staging) / path.name)
                created.append(path)
    except OSError as error:
        for path in created:
            path.unlink(missing_ok=True)
        raise ScaffoldError(f"{folder} can't be written to: {error.strerror or error}.") from error
    return paths


def _write_durably(path: Path, text: str) -> None:
    with path.open("x", encoding="utf-8", newline="\n") as file:
        file.write(text)
        file.flush()
        os.fchmod(file.fileno(), _FILE_MODE)
        os.fsync(file.fileno())
