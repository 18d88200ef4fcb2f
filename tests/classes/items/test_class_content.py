"""What is made of a class's questions and answers is kept exactly until one of them changes."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from quizserver.classes.items import class_content
from quizserver.classes.items.analysis import Analysis
from quizserver.classes.items.answer_tables import AnswerTables, ExperimentRuns
from quizserver.classes.items.class_content import ClassContent, ClassContents
from quizserver.classes.model import ClassTopic
from quizserver.evidence.record import FILE_NAME
from quizserver.topics.library import Library
from tests.classes.items.answer_setup import NOW

CONTENT = Path(__file__).parents[3] / "content"
TOPICS = [ClassTopic("strange-loss", 1, None)]


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    shutil.copytree(CONTENT / "strange-loss", tmp_path / "strange-loss")
    with closing(Library(tmp_path)) as library:
        yield library


def test_content_is_the_same_object_until_the_class_changes(library: Library):
    contents, snapshot = ClassContents(), library.snapshot()
    first = contents.content_of(TOPICS, snapshot)
    assert contents.content_of(list(TOPICS), snapshot) is first
    due = [ClassTopic("strange-loss", 1, NOW + timedelta(days=1))]
    assert contents.content_of(due, snapshot).columns[0].due_at == due[0].due_at
    gone = [*TOPICS, ClassTopic("taken-away", 2, None)]
    assert contents.content_of(gone, snapshot).missing_topics == (gone[1],)
    assert contents.content_of(TOPICS, snapshot) is first


def test_content_is_made_again_when_a_file_changes(library: Library, tmp_path: Path):
    contents = ClassContents()
    first = contents.content_of(TOPICS, library.snapshot())
    page = tmp_path / "strange-loss" / "strange-loss.md"
    title = first.questions["strange-loss"].title
    page.write_text(page.read_text("utf-8").replace(title, "Another title", 1), "utf-8")
    library.refresh()
    second = contents.content_of(TOPICS, library.snapshot())
    assert {column.title for column in first.columns} > {title}
    assert {column.title for column in second.columns} > {"Another title"}


def test_content_is_made_again_when_evidence_is_recorded_or_taken_away(
    library: Library, tmp_path: Path
):
    contents, snapshot = ClassContents(), library.snapshot()
    first = contents.content_of(TOPICS, snapshot)
    assert any(first.findings.values())
    file = tmp_path / "strange-loss" / FILE_NAME
    status = file.stat()
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    second = contents.content_of(TOPICS, snapshot)
    assert second is not first
    file.unlink()
    third = contents.content_of(TOPICS, snapshot)
    assert third.evidence == {"strange-loss": None}
    assert not any(third.findings.values())


def test_only_so_much_content_is_kept(library: Library, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(class_content, "KEPT_MAX", 2)
    contents, snapshot = ClassContents(), library.snapshot()
    lists = [[ClassTopic("strange-loss", position, None)] for position in range(5)]
    made = [contents.content_of(topics, snapshot) for topics in lists]
    assert contents.content_of(lists[-1], snapshot) is made[-1]
    assert contents.content_of(lists[0], snapshot) is not made[0]


def test_a_view_is_made_once_for_each_name_and_anew_for_other_content():
    answers = AnswerTables(()).to_class_answers(AnswerTables(()).learners, {}, ExperimentRuns())
    analysis, made = Analysis((), answers), []

    def view(content: ClassContent, name: str) -> int:
        return analysis.view_of(content, name, lambda: made.append(name) or len(made))

    first, second = (ClassContent((), (), {}, {}, {}, (), {}) for _ in range(2))
    assert [view(first, "a"), view(first, "b"), view(first, "a"), view(first, "b")] == [1, 2, 1, 2]
    assert [view(second, "a"), view(second, "a")] == [3, 3]
    assert view(first, "a") == 4, "what was made of earlier content is not kept"
