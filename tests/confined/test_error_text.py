"""What an exception says, without the folders of the machine."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from quizserver.confined.error_text import (
    error_text,
    hide_folders,
    is_memory_error,
    output_text,
    traceback_text,
)
from quizserver.confined.system_calls import DENIED

CONTENT = Path("/srv/topics")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("No such file: '/srv/topics/ropes/data.csv'", "No such file: 'ropes/data.csv'"),
        ("No such file: '/home/ana/.cache/data.csv'", "No such file: 'data.csv'"),
        (f"{Path.home()}/a b/c.txt is locked", "a b/c.txt is locked"),
        (f'File "{torch.__file__}", line 3', 'File "torch/__init__.py", line 3'),
        (f'File "{json.__file__}", line 3', 'File "json/__init__.py", line 3'),
        (f'File "{Path(__file__).parents[2]}/quizserver/lab/x.py"', 'File "quizserver/lab/x.py"'),
        ("see https://example.org/a/b.html", "see https://example.org/a/b.html"),
        ("1/2 of 3/4, or and/or", "1/2 of 3/4, or and/or"),
        ("cannot open /var/lib/quizserver/", "cannot open a folder"),
    ],
)
def test_paths_lose_their_folders_and_other_text_stays(text: str, shown: str) -> None:
    assert hide_folders(text, CONTENT) == shown


def test_a_stack_ends_where_the_authors_code_was_called() -> None:
    printed = f"""hello
Stack (most recent call first):
  File "/srv/topics/falls/simulation.py", line 19 in train
  File "{Path(__file__).parents[2]}/quizserver/lab/ensemble.py", line 99 in simulate
  File "{Path(__file__).parents[2]}/quizserver/worker/training.py", line 50 in train_run
  File "/usr/lib/python3/somewhere/process.py", line 108 in run
more
"""
    assert output_text(printed, CONTENT).splitlines() == [
        "hello",
        "Stack (most recent call first):",
        '  File "falls/simulation.py", line 19 in train',
        '  File "quizserver/lab/ensemble.py", line 99 in simulate',
        "more",
    ]


def test_a_content_folder_behind_a_link_is_hidden_in_both_spellings(tmp_path: Path) -> None:
    real = tmp_path / "real"
    real.mkdir()
    link = tmp_path / "link"
    link.symlink_to(real)
    text = f"{link}/t/a.py and {real}/t/b.py"
    assert hide_folders(text, link) == "t/a.py and t/b.py"


def test_an_error_is_one_line_with_its_notes_and_no_longer_than_a_page_can_show() -> None:
    error = ValueError("bad " + "x" * 10_000)
    assert len(error_text(error, CONTENT)) == 500
    noted = ZeroDivisionError("a rate of nothing")
    noted.add_note("Besides, look at /srv/topics/t/a.py")
    expected = "ZeroDivisionError: a rate of nothing. Besides, look at t/a.py"
    assert error_text(noted, CONTENT) == expected
    assert error_text(KeyboardInterrupt(), CONTENT) == "KeyboardInterrupt"


def test_what_the_system_denied_is_said_in_words() -> None:
    text = error_text(OSError(DENIED, "Too many users", "/srv/x/y"), CONTENT)
    assert "may not start processes" in text


def test_a_traceback_keeps_its_causes_and_its_end(tmp_path: Path) -> None:
    def fail(depth: int) -> None:
        if depth:
            fail(depth - 1)
        raise RuntimeError(f"{tmp_path}/t/a.py " + "y" * 9_000)

    def look_up() -> None:
        try:
            fail(3)
        except RuntimeError as error:
            raise LookupError("not found") from error

    with pytest.raises(LookupError) as caught:
        look_up()
    text = traceback_text(caught.value, tmp_path)
    assert len(text) <= 8_000
    assert text.endswith("LookupError: not found")
    assert str(tmp_path) not in text


def test_memory_is_recognised_in_every_spelling() -> None:
    assert is_memory_error(MemoryError())
    outer = ValueError("wrapped")
    outer.__cause__ = MemoryError()
    assert is_memory_error(outer)
    with pytest.raises(RuntimeError) as caught:
        torch.empty(1 << 50)
    assert is_memory_error(caught.value)
    assert not is_memory_error(ValueError("memory is nice"))


@pytest.mark.parametrize("character", ["\0", "\ud800"])
def test_what_no_page_or_database_can_hold_is_a_question_mark(character: str) -> None:
    error = ValueError(f"a{character}b")
    assert error_text(error, Path("/srv")) == "ValueError: a?b"
    assert traceback_text(error, Path("/srv")) == "ValueError: a?b"
    assert output_text(f"a{character}b", Path("/srv")) == "a?b"
