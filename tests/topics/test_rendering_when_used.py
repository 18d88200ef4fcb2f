"""The HTML of a page is rendered when somebody sees it first, once, and with links as they are."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from quizserver.topics import page_reader, render
from quizserver.topics.content_checks import check_content
from quizserver.topics.library import Library
from quizserver.topics.model import Snapshot
from quizserver.topics.page_file import MOST_HTML
from quizserver.topics.workspace import load_workspace
from tests.topics.content_files import PLAINEST, write_files

CONTENT = Path(__file__).parents[2] / "content"
LESSON = "---\nsummary: Two words.\n---\n# A lesson\n\nSee [it](q.md) and [that](r.md).\n"
LINKING = PLAINEST.replace("Three of them", "[That](r.md) says: three of them")


@pytest.fixture
def rendered(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The beginning of each text that is converted from now on."""
    texts: list[str] = []
    convert_parts = render._convert_parts

    def record(parts: Sequence[render.MarkdownSlice], *arguments: object) -> list[str]:
        texts.append(parts[0].text[:40])
        return convert_parts(parts, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(render, "_convert_parts", record)
    return texts


def lesson_html(snapshot: Snapshot) -> str:
    lesson = snapshot.topics["t"].lesson
    assert lesson is not None
    return repr(lesson.blocks)


def test_what_lists_of_questions_need_is_there_without_any_html(rendered: list[str]) -> None:
    snapshot = Library(CONTENT).snapshot()
    assert len(snapshot.questions) > 20
    for topic in snapshot.topics.values():
        assert topic.title
        assert topic.summary
    for question in snapshot.questions.values():
        assert question.title
        assert len(question.option_ids) > 1
        assert question.right_ids <= set(question.option_ids)
        assert question.version
    most = 2 * sum("`" in q.title or "$" in q.title for q in snapshot.questions.values())
    assert len(rendered) <= most, "no more than a title that has signs of markup"


def test_the_eager_parts_are_those_of_the_rendered_page() -> None:
    for question in Library(CONTENT).snapshot().questions.values():
        assert question.option_ids == tuple(option.id for option in question.options)
        assert question.right_ids == {option.id for option in question.options if option.right}
        assert question.hint_count == len(question.hints_html)


def test_a_page_is_rendered_at_its_first_use_and_once_by_several_threads(
    tmp_path: Path, rendered: list[str]
) -> None:
    library = Library(write_files(tmp_path, {"t/q.md": PLAINEST, "t/lesson.md": LESSON}))
    assert rendered == []
    question = library.snapshot().questions["q"]
    barrier = threading.Barrier(6)

    def show() -> tuple[str, str | None]:
        barrier.wait()
        return question.stem_html, question.explanation_html

    with ThreadPoolExecutor(6) as pool:
        shown = {future.result() for future in [pool.submit(show) for _ in range(6)]}
    assert len(shown) == 1
    parts = 1 + 4 + 2  # stem, options, answer and references
    assert len(rendered) == parts
    assert library.snapshot().questions["q"] is question
    assert question.stem_html
    assert len(rendered) == parts, "nothing is rendered twice, and no lesson with it"
    assert "/questions/q" in lesson_html(library.snapshot())
    assert len(rendered) == parts + 1


def test_links_lead_where_they_should_whether_a_page_was_rendered_or_not(tmp_path: Path) -> None:
    folder = write_files(tmp_path, {"t/q.md": LINKING, "t/lesson.md": LESSON})
    library = Library(folder)
    before = library.snapshot()
    assert "/questions/r" not in lesson_html(before), "rendered while there is no such file"
    question_before = before.questions["q"]
    write_files(folder, {"t/r.md": PLAINEST})
    library.refresh()
    after = library.snapshot()
    assert "/questions/r" in (after.questions["q"].explanation_html or "")
    assert "/questions/r" in lesson_html(after)
    assert "/questions/r" not in (question_before.explanation_html or ""), (
        "a snapshot that somebody holds stays as it was"
    )
    rendered_question = after.questions["q"]
    write_files(folder, {"t/s.md": PLAINEST.replace("The late drop", "Another")})
    library.refresh()
    assert library.snapshot().questions["q"] is rendered_question, "its links lead to the same"


def test_a_page_that_was_not_seen_stays_as_it_is_while_links_do(
    tmp_path: Path, rendered: list[str]
) -> None:
    folder = write_files(tmp_path, {"t/q.md": LINKING, "t/r.md": PLAINEST})
    library = Library(folder)
    before = library.snapshot().questions["q"]
    write_files(folder, {"t/r.md": PLAINEST.replace("Mira", "Ann")})
    library.refresh()
    assert library.snapshot().questions["q"] is before
    assert rendered == []


def test_a_dry_run_shows_the_page_without_rendering_the_others(
    tmp_path: Path, rendered: list[str]
) -> None:
    library = Library(write_files(tmp_path, {"t/q.md": PLAINEST, "t/lesson.md": LESSON}))
    dry_run = library.dry_run("t/r.md", PLAINEST.replace("Mira", "Ann"))
    assert rendered == []
    assert dry_run.topic is not None
    assert "Ann" in dry_run.topic.questions[-1].stem_html
    assert "/questions/r" in repr(dry_run.topic.lesson and dry_run.topic.lesson.blocks)
    assert "/questions/r" not in lesson_html(library.snapshot())


@pytest.mark.parametrize(
    "unit",
    ["$a$ ", "`a` ", "# a\n", "[^a]", "[a](b) ", "&", "| a ", "- a\n", "> a\n\n", "$$a$$\n\n"],
)
def test_other_small_pages_stay_far_below_the_limit_of_html(tmp_path: Path, unit: str) -> None:
    """So they need not be rendered to be measured."""
    text, size = "", 64
    while not page_reader._is_large(longer := page_with(unit, size).encode()) and size < 16_000:
        text, size = longer.decode(), size * 2
    folder = write_files(tmp_path, {"t/q.md": text})
    workspace = load_workspace(folder)
    pages = workspace.build_snapshot().questions
    html = repr(pages["q"].html.get()) if "q" in pages else ""
    assert len(html) < MOST_HTML / 4
    assert "too-large" not in {
        d.code for d in check_content(folder, content=folder, claim_checker=None)
    }


def page_with(unit: str, size: int) -> str:
    body = unit * (size // len(unit))
    return f"# Title\n\n{body}\n\n- [x] Yes\n- [ ] No\n\n[^a]: A note.\n"
