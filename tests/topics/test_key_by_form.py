"""Warnings of options whose form shows the key; they keep nothing from being served."""

from __future__ import annotations

from pathlib import Path

import pytest

from quizserver.topics.key_by_form import displayed_length
from quizserver.topics.library import Library
from quizserver.topics.model import Diagnostic, ProblemCount, count_problems
from quizserver.topics.question import parse_question
from tests.topics.content_files import FINE, write_files

SHIPPED = sorted((Path(__file__).parents[2] / "content").glob("*/*.md"))


def warnings_of(*options: str, end: str = "") -> list[Diagnostic]:
    lines = "".join(f"- {option}\n" for option in options)
    parsed = parse_question("t/q.md", f"# Title\n\nStem.\n\n{lines}{end}")
    assert parsed.is_servable
    return [diagnostic for diagnostic in parsed.diagnostics if diagnostic.is_warning]


@pytest.mark.parametrize(
    ("carrier", "noun"),
    [
        ("Adam, see [1](https://example.org)", "a link"),
        ("Adam <https://example.org>", "a link"),
        ("Adam [paper]", "a link"),
        ("Adam[^n]", "a link"),
        ("![Adam's curve](adam.png)", "an image"),
        ('Adam <img src="adam.png" alt="">', "an image"),
        ("`Adam`", "code"),
        ("Adam\n  ```\n  x = 1\n  ```", "code"),
    ],
)
def test_a_feature_that_only_the_right_option_has_is_warned_of(carrier: str, noun: str) -> None:
    end = "\n[paper]: https://example.org\n\n[^n]: A note.\n"
    (warning,) = warnings_of("[ ] Momentum", f"[x] {carrier}", "[ ] Plain descent", end=end)
    assert (warning.code, warning.severity, warning.fatal) == ("key-by-form", "warning", False)
    assert (warning.line, warning.column) == (6, 3)
    assert f"carry {noun}" in warning.message
    (reverse,) = warnings_of(f"[ ] {carrier}", "[x] Momentum", end=end)
    assert f"Every wrong option carries {noun}" in reverse.message
    both = warnings_of(f"[ ] Also {carrier}", f"[x] {carrier}", "[ ] Plain", end=end)
    assert not both


def test_an_image_is_no_link_and_signs_in_code_are_neither() -> None:
    (warning,) = warnings_of("[ ] Momentum", "[x] ![A curve](curve.png)")
    assert "an image" in warning.message
    (warning,) = warnings_of("[ ] Momentum", "[x] `[a](b)` and `![a](b)`")
    assert "code" in warning.message


def test_some_wrong_options_without_the_feature_are_no_warning() -> None:
    assert not warnings_of("[x] Momentum", "[ ] `Adam`", "[ ] Descent")


def test_a_question_of_right_options_only_has_no_wrong_ones_to_be_told_from() -> None:
    assert not warnings_of("[x] `Adam`", "[x] Momentum")


def test_the_shortest_right_option_twice_as_long_as_the_longest_wrong_one() -> None:
    long = "x" * 20
    (warning,) = warnings_of("[ ] " + "y" * 10, f"[x] {long}", f"[x] {long}z")
    assert "20 characters against 10" in warning.message
    assert not warnings_of("[ ] " + "y" * 11, f"[x] {long}", f"[x] {long}z")
    assert not warnings_of("[ ] " + "y" * 10, f"[x] {long}", "[x] short")
    assert not warnings_of("[ ] no", "[x] certainly"), "short words are not compared"


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("Five  *words*\n  of **one** kind", 22),
        ("[a link](https://example.org/very/long)", 6),
        ("![nothing of an image](picture.png)", 0),
        ("$\\frac{a}{b}$", 3),
        ("`code` &lt; <b>bold</b>", 11),
    ],
)
def test_length_is_that_of_the_words_as_shown(text: str, length: int) -> None:
    parsed = parse_question("t/q.md", f"# Title\n\n- [x] {text}\n- [ ] No\n")
    assert displayed_length(parsed.options[0]) == length


def test_no_shipped_question_shows_its_key_by_its_form() -> None:
    questions = [
        parse_question(path.name, path.read_text("utf-8"))
        for path in SHIPPED
        if path.name != "lesson.md"
    ]
    assert len(questions) > 20
    assert [q.path for q in questions if any(d.is_warning for d in q.diagnostics)] == []


def test_a_page_with_a_warning_is_served_and_its_warning_counted_apart(tmp_path: Path) -> None:
    warned = FINE.replace("Yes", "`Yes`")
    write_files(tmp_path, {"t/warned.md": warned, "t/broken.md": "# Title\n"})
    library = Library(tmp_path)
    snapshot = library.snapshot()
    assert set(snapshot.questions) == {"warned"}
    assert count_problems(snapshot.diagnostics) == ProblemCount(1, 1)
    dry_run = library.dry_run("t/warned.md", warned)
    assert dry_run.page is not None
    assert dry_run.count == ProblemCount(0, 1)


@pytest.mark.parametrize(
    ("count", "text", "tone"),
    [
        (ProblemCount(), "no problems", "good"),
        (ProblemCount(0, 1), "1 warning", "warn"),
        (ProblemCount(1, 0), "1 problem", "bad"),
        (ProblemCount(2, 3), "2 problems and 3 warnings", "bad"),
    ],
)
def test_a_count_says_both_kinds(count: ProblemCount, text: str, tone: str) -> None:
    assert (str(count), count.tone, bool(count)) == (text, tone, tone != "good")


def test_a_warning_says_so_in_a_terminal_and_in_json() -> None:
    warning = Diagnostic(3, 1, "key-by-form", "Odd.", "Look.", path="t/q.md", severity="warning")
    assert str(warning) == "t/q.md:3:1: warning: Odd. Look."
    assert warning.to_json()["severity"] == "warning"
