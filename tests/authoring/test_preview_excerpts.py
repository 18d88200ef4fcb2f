"""The excerpts of files that a preview shows."""

from __future__ import annotations

from pathlib import Path

from quizserver.authoring.preview.excerpts import CONTEXT_LINES, WIDTH_MAX, diagnostic_excerpts
from quizserver.topics.model import Diagnostic


def problem(path: str, line: int) -> Diagnostic:
    return Diagnostic(line, 1, "code", "It is wrong.", "Fix it.", path=path)


def excerpt(folder: Path, path: str, line: int) -> list[tuple[int, str, bool]]:
    (view,) = diagnostic_excerpts([problem(path, line)], folder)
    return [(line.number, line.text, line.highlighted) for line in view.lines]


def test_an_excerpt_has_the_lines_around_and_marks_the_one(tmp_path: Path):
    (tmp_path / "a.md").write_bytes(b"\xef\xbb\xbf" + b"\r\n".join(b"%d" % n for n in range(1, 10)))
    assert excerpt(tmp_path, "a.md", 5) == [
        (n, str(n), n == 5) for n in range(5 - CONTEXT_LINES, 5 + CONTEXT_LINES + 1)
    ]
    assert excerpt(tmp_path, "a.md", 1)[0] == (1, "1", True)
    assert [n for n, _, _ in excerpt(tmp_path, "a.md", 9)] == [7, 8, 9]


def test_what_cannot_be_shown_has_no_excerpt(tmp_path: Path):
    inside = tmp_path / "content"
    inside.mkdir()
    (tmp_path / "secret").write_text("a\nb\n")
    (inside / "link.md").symlink_to(tmp_path / "secret")
    (inside / "loop.md").symlink_to(inside / "loop.md")
    (inside / "a.md").write_text("one\n")
    for path in ("link.md", "loop.md", "gone.md", ".", "../secret"):
        assert excerpt(inside, path, 1) == []
    assert excerpt(inside, "a.md", 99) == []


def test_bytes_that_are_no_text_and_endless_lines_are_shown_harmlessly(tmp_path: Path):
    (tmp_path / "a.md").write_bytes(b"a\xff\x00\x1b[31m\n" + b"x" * 10_000)
    assert excerpt(tmp_path, "a.md", 1)[0][1] == "a\ufffd\ufffd\ufffd[31m"
    assert len(excerpt(tmp_path, "a.md", 2)[1][1]) == WIDTH_MAX + 1
