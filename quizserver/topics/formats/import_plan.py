"""Plans an import: where each question of some banks would go, and what keeps it from going there.

Nothing is written. ``importer.write_import`` writes a plan as a whole or not at all.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path, PurePosixPath

from quizserver.topics.cross_checks import check_cross_references
from quizserver.topics.formats.content_index import ContentIndex, index_content
from quizserver.topics.formats.markdown_source import extract_question_data
from quizserver.topics.formats.model import (
    ImageFile,
    ImportedBank,
    ImportedQuestion,
    QuestionData,
    UnsupportedQuestionError,
)
from quizserver.topics.links import SiteMap
from quizserver.topics.model import Diagnostic
from quizserver.topics.question import ParsedQuestion
from quizserver.topics.significant_text import significant_text
from quizserver.topics.slugs import ID_RULE, hex_digest, is_id


class RowState(Enum):
    """What becomes of a question of a bank."""

    NEW = "new"
    REPLACES = "replaces"  # a file that is there
    SAME = "same"  # its file is there already, as it would be written
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class PlannedQuestion:
    """A question of the bank named ``bank``, and its path in the content folder.

    ``problem`` says why it is refused, or, unless files are overwritten, that it is the same.
    """

    bank: str
    question: ImportedQuestion
    path: str
    state: RowState
    problem: Diagnostic | None = None

    @property
    def is_written(self) -> bool:
        return self.state in (RowState.NEW, RowState.REPLACES)


@dataclass(frozen=True, slots=True)
class ImportPlan:
    """What an import of some banks into one topic would do.

    ``unread`` are the problems of what is no question of any row.
    """

    content: Path
    topic: str
    overwrite: bool
    rows: tuple[PlannedQuestion, ...]
    unread: tuple[Diagnostic, ...]

    @property
    def written(self) -> tuple[PlannedQuestion, ...]:
        return tuple(row for row in self.rows if row.is_written)

    @property
    def problems(self) -> tuple[Diagnostic, ...]:
        """All problems, bank by bank in the order of their lines."""
        banks = {row.bank: None for row in self.rows} | {p.path: None for p in self.unread}
        order = {bank: number for number, bank in enumerate(banks)}
        problems = [*self.unread, *(row.problem for row in self.rows if row.problem)]
        return tuple(sorted(problems, key=lambda p: (order.get(p.path, 0), p.line, p.column)))


def topic_name_problem(topic: str) -> str | None:
    """Why ``topic`` cannot be a topic's name; None when it can."""
    return None if is_id(topic) else f'"{topic}" cannot be a topic\'s name: it is {ID_RULE}.'


def plan_import(
    banks: Sequence[tuple[str, ImportedBank]],
    content: Path,
    topic: str,
    *,
    overwrite: bool = False,
) -> ImportPlan:
    """What importing ``banks``, each with its name, into ``content/topic`` would do.

    A question that exists already is refused unless ``overwrite``, which replaces it; a different
    one of the same title gets a digest behind its id. Two banks never replace each other's
    questions. Raises OSError when the content folder cannot be read.
    """
    planner = _Planner(index_content(content), topic, overwrite)
    for bank, imported in banks:
        planner.choose_paths(bank, imported.questions)
    rows = [planner.check_row(row) for row in planner.rows]
    unread = tuple(problem for _, imported in banks for problem in imported.problems)
    return ImportPlan(content, topic, overwrite, tuple(rows), unread)


class _Planner:
    """Decides where each question is written, and finds what prevents it."""

    def __init__(self, index: ContentIndex, topic: str, overwrite: bool) -> None:
        self.index, self.topic, self.overwrite = index, topic, overwrite
        self.rows: list[PlannedQuestion] = []
        self._planned_paths: set[str] = set()
        self._site: SiteMap | None = None

    def choose_paths(self, bank: str, questions: Sequence[ImportedQuestion]) -> None:
        """Adds a row for each question of a bank."""
        earlier_banks = frozenset(self._planned_paths)
        for question in questions:
            row = self._choose_path(bank, question, earlier_banks)
            self.rows.append(row)
            if row.is_written:
                self._planned_paths.add(row.path)
                self.index.add_question(_parsed_at(question, row.path))

    def _choose_path(
        self, bank: str, question: ImportedQuestion, earlier_banks: frozenset[str]
    ) -> PlannedQuestion:
        slug = question.slug
        owner_path = self.index.path_by_id.get(slug)
        if owner_path is not None and not self._is_same_question(owner_path, question):
            slug = f"{slug[:60].strip('-_')}-{hex_digest(question.source, 8)}"
            owner_path = self.index.path_by_id.get(slug)
        path = owner_path or f"{self.topic}/{slug}.md"
        row = PlannedQuestion(bank, question, path, RowState.NEW)
        if path in earlier_banks:
            message = f'"{question.title}" is in another of these banks too.'
            return _refuse(row, "there-already", message, "Delete it in one of them.")
        if owner_path is None and not os.path.lexists(self.index.content / path):
            return row
        message = f'"{question.title}" is there already, in {path}.'
        if path.split("/")[0] != self.topic:
            hint = "A question is in one topic: move that file, or leave it where it is."
            return _refuse(row, "there-already", message, hint)
        if self._holds(path, question.source):
            if not self.overwrite:
                hint = "It is the same; nothing is to be done."
                row = _refuse(row, "there-already", message, hint)
            return replace(row, state=RowState.SAME)
        if not self.overwrite:
            return _refuse(row, "there-already", message, "--overwrite replaces it.")
        return replace(row, state=RowState.REPLACES)

    def _holds(self, path: str, source: str) -> bool:
        try:
            return (self.index.content / path).read_bytes() == source.encode("utf-8")
        except OSError:
            return False

    def _is_same_question(self, path: str, question: ImportedQuestion) -> bool:
        """Whether the file at ``path`` holds this question, in its own topic perhaps edited since.

        A title such as "What does this code print?" does not suffice: the question is the same if
        it is in this topic and has the same stem, or at least half of the options. In another
        topic, all must be the same.
        """
        parsed = self.index.parsed_question(path)
        if parsed is None:
            return False
        existing = extract_question_data(parsed)
        imported = extract_question_data(question.parsed)
        same_stem = significant_text(imported.stem) == significant_text(existing.stem)
        texts, existing_texts = _option_texts(imported), _option_texts(existing)
        if path.split("/")[0] != self.topic:
            same_title = significant_text(imported.title) == significant_text(existing.title)
            return same_title and same_stem and texts == existing_texts
        if imported.stem and same_stem:
            return True
        return 2 * len(texts & existing_texts) >= max(len(texts), len(existing_texts))

    def check_row(self, row: PlannedQuestion) -> PlannedQuestion:
        """The row, refused when its links or its images would be broken."""
        if not row.is_written:
            return row
        parsed = _parsed_at(row.question, row.path)
        for problem in check_cross_references(parsed, self._site_after_import()):
            return _refuse(row, problem.code, problem.message, problem.hint)
        for image in row.question.images:
            image_path = self.index.content / self.topic / image.path
            if image_differs(image_path, image) and not self.overwrite:
                message = f"Another image lies at {self.topic}/{image.path} already."
                return _refuse(row, "image-there", message, "--overwrite replaces it.")
        return row

    def _site_after_import(self) -> SiteMap:
        """What links can lead to once all questions are written."""
        if self._site is None:
            written = [row for row in self.rows if row.is_written]
            links_to_pages = any(
                reference.attribute != "src"
                and not reference.url.strip()
                .lower()
                .startswith(("http:", "https:", "mailto:", "#"))
                for row in written
                for reference in row.question.parsed.links
            )
            current = self.index.site_map(with_pages=links_to_pages)
            images = {
                f"{self.topic}/{image.path}" for row in written for image in row.question.images
            }
            self._site = SiteMap(
                current.files | images | {row.path for row in written},
                current.page_urls,
                {**current.topic_ids, self.topic: self.topic},
                current.question_ids | set(self.index.path_by_id),
                current.broken_question_ids,
            )
        return self._site


def _option_texts(question: QuestionData) -> set[str]:
    return {significant_text(option.text) for option in question.options}


def _parsed_at(question: ImportedQuestion, path: str) -> ParsedQuestion:
    """The question's parsed file, at the path where it is written."""
    return replace(question.parsed, path=path, id=PurePosixPath(path).stem)


def _refuse(row: PlannedQuestion, code: str, message: str, hint: str) -> PlannedQuestion:
    problem = UnsupportedQuestionError(code, message, hint).to_diagnostic(
        row.bank, row.question.line
    )
    return replace(row, state=RowState.REFUSED, problem=problem)


def image_differs(path: Path, image: ImageFile) -> bool:
    """Whether another file than ``image`` lies at ``path``."""
    try:
        return path.read_bytes() != image.data
    except FileNotFoundError:
        return False
    except OSError:
        return True
