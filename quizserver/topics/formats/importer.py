"""Writes imported questions into a topic's folder.

Each file is written completely or not at all, and replaces another one only if asked to.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from quizserver.atomic_files import write_atomically
from quizserver.topics.cross_checks import check_cross_references
from quizserver.topics.formats.markdown_source import extract_question_data
from quizserver.topics.formats.model import (
    ImageFile,
    ImportedBank,
    ImportedQuestion,
    UnsupportedQuestionError,
)
from quizserver.topics.links import SiteMap
from quizserver.topics.model import Diagnostic
from quizserver.topics.question import ParsedQuestion
from quizserver.topics.slugs import ID_RULE, hex_digest, is_id
from quizserver.topics.workspace import Workspace, load_workspace


@dataclass(frozen=True, slots=True)
class WrittenQuestion:
    """A question that was or would be written, and its path in the content folder."""

    path: str
    question: ImportedQuestion


@dataclass(frozen=True, slots=True)
class ImportResult:
    written: tuple[WrittenQuestion, ...]
    problems: tuple[Diagnostic, ...]


def topic_name_problem(topic: str) -> str | None:
    """Why ``topic`` cannot be a topic's name; None when it can."""
    return None if is_id(topic) else f'"{topic}" cannot be a topic\'s name: it is {ID_RULE}.'


def write_questions(
    bank: str,
    imported: ImportedBank,
    content: Path,
    topic: str,
    *,
    overwrite: bool = False,
    dry_run: bool = False,
    earlier: Sequence[WrittenQuestion] = (),
) -> ImportResult:
    """Writes each question to ``content/topic``, its images first.

    A question that exists already is a problem unless ``overwrite``, which replaces it; a different
    one of the same title gets a digest behind its id. ``earlier`` are the questions of other banks
    in this import, which are never replaced. With ``dry_run`` nothing is written. Raises OSError
    when the folder cannot be created or listed; a file that cannot be written is a problem of its
    question.
    """
    workspace = load_workspace(content) if content.is_dir() else Workspace(content)
    plan = _ImportPlan(content, topic, overwrite, workspace, earlier)
    written: list[WrittenQuestion] = []
    problems = list(imported.problems)
    targets: list[tuple[ImportedQuestion, str]] = []
    for question in imported.questions:
        try:
            targets.append((question, plan.choose_path(question)))
        except UnsupportedQuestionError as error:
            problems.append(error.to_diagnostic(bank, question.line))
    site = plan.site_after_import([path for _, path in targets], imported.questions)
    for question, path in targets:
        try:
            plan.check_target(question, path, site)
            if not dry_run:
                _write_files(plan, question, path)
        except UnsupportedQuestionError as error:
            problems.append(error.to_diagnostic(bank, question.line))
        else:
            written.append(WrittenQuestion(path, question))
    return ImportResult(tuple(written), tuple(sorted(problems, key=lambda p: (p.line, p.column))))


def _parsed_at(question: ImportedQuestion, path: str) -> ParsedQuestion:
    """The question's parsed file, at the path where it is written."""
    return replace(question.parsed, path=path, id=PurePosixPath(path).stem)


class _ImportPlan:
    """Decides where each question is written, and finds what prevents it."""

    def __init__(
        self,
        content: Path,
        topic: str,
        overwrite: bool,
        workspace: Workspace,
        earlier: Sequence[WrittenQuestion],
    ) -> None:
        self.content, self.topic, self.overwrite = content, topic, overwrite
        self.workspace = workspace
        earlier_parsed = [_parsed_at(written.question, written.path) for written in earlier]
        parsed_files = [
            parsed for parsed in workspace.parsed_pages() if isinstance(parsed, ParsedQuestion)
        ]
        self.parsed_by_path = {parsed.path: parsed for parsed in [*parsed_files, *earlier_parsed]}
        self.path_by_id = {parsed.id: parsed.path for parsed in self.parsed_by_path.values()}
        self.earlier_paths = {written.path for written in earlier}

    def choose_path(self, question: ImportedQuestion) -> str:
        """The path of the question's file. Raises UnsupportedQuestionError when it exists."""
        slug = question.slug
        owner_path = self.path_by_id.get(slug)
        if owner_path is not None and not self._is_same_question(owner_path, question):
            slug = f"{slug[:60].strip('-_')}-{hex_digest(question.source, 8)}"
            owner_path = self.path_by_id.get(slug)
        path = owner_path or f"{self.topic}/{slug}.md"
        if path in self.earlier_paths:
            message = f'"{question.title}" is in another of these banks too.'
            raise UnsupportedQuestionError("there-already", message, "Delete it in one of them.")
        exists = owner_path is not None or os.path.lexists(self.content / path)
        if exists and not self.overwrite:
            message = f'"{question.title}" is there already, in {path}.'
            raise UnsupportedQuestionError("there-already", message, "--overwrite replaces it.")
        self.path_by_id[slug] = path
        return path

    def _is_same_question(self, path: str, question: ImportedQuestion) -> bool:
        """Whether the file at ``path`` holds this question, perhaps edited since.

        A title such as "What does this code print?" does not suffice: the question is the same if
        it is in this topic and has the same stem, or at least half of the options.
        """
        parsed = self.parsed_by_path.get(path)
        if parsed is None or path.split("/")[0] != self.topic:
            return False
        existing = extract_question_data(parsed)
        imported = extract_question_data(question.parsed)
        if imported.stem and imported.stem.split() == existing.stem.split():
            return True
        texts, existing_texts = (
            {" ".join(option.text.split()) for option in data.options}
            for data in (imported, existing)
        )
        return 2 * len(texts & existing_texts) >= max(len(texts), len(existing_texts))

    def site_after_import(
        self, paths: Sequence[str], questions: Sequence[ImportedQuestion]
    ) -> SiteMap:
        """What links can lead to once all questions are written."""
        current = self.workspace.site_map()
        images = {
            f"{self.topic}/{image.path}" for question in questions for image in question.images
        }
        return SiteMap(
            current.files | images | set(paths),
            current.page_urls,
            {**current.topic_ids, self.topic: self.topic},
            current.question_ids | set(self.path_by_id),
            current.broken_question_ids,
        )

    def check_target(self, question: ImportedQuestion, path: str, site: SiteMap) -> None:
        """Raises UnsupportedQuestionError when the question cannot be written to ``path``."""
        for problem in check_cross_references(_parsed_at(question, path), site):
            raise UnsupportedQuestionError(problem.code, problem.message, problem.hint)
        for image in question.images:
            image_path = self.content / self.topic / image.path
            if _image_differs(image_path, image) and not self.overwrite:
                message = f"Another image lies at {self.topic}/{image.path} already."
                raise UnsupportedQuestionError("image-there", message, "--overwrite replaces it.")


def _image_differs(path: Path, image: ImageFile) -> bool:
    try:
        return path.read_bytes() != image.data
    except FileNotFoundError:
        return False
    except OSError:
        return True


def _write_files(plan: _ImportPlan, question: ImportedQuestion, path: str) -> None:
    """Writes the images before the question, so that no page links to a missing image.

    Raises UnsupportedQuestionError when a file cannot be written.
    """
    folder = (plan.content / plan.topic).resolve()
    try:
        for image in question.images:
            target = plan.content / plan.topic / image.path
            _make_folder(target.parent)
            if not target.parent.resolve().is_relative_to(folder):
                raise OSError(f"{target.parent} leads out of the topic's folder")
            if not target.exists() or _image_differs(target, image):
                write_atomically(target, image.data, overwrite=plan.overwrite)
        file = plan.content / path
        _make_folder(file.parent)
        write_atomically(file, question.source.encode("utf-8"), overwrite=plan.overwrite)
    except FileExistsError:
        message = f"{path} was made by somebody else just now."
        hint = "--overwrite replaces it."
        raise UnsupportedQuestionError("there-already", message, hint) from None
    except OSError as error:
        message = f"{path} cannot be written: {error.strerror or error}."
        hint = "Check the folder's rights and space."
        raise UnsupportedQuestionError("not-written", message, hint) from None


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        raise NotADirectoryError(0, "a file lies where the folder should be") from None
