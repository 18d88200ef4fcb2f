"""A problem with the lines around it, so that its author sees what is meant."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from quizserver.topics.model import Problem
from quizserver.topics.text import LARGEST

AROUND = 2
WIDEST = 400


@dataclass(frozen=True, slots=True)
class Line:
    number: int
    text: str
    marked: bool


@dataclass(frozen=True, slots=True)
class ProblemView:
    """``lines`` are those around the problem; none where the file can't be shown."""

    problem: Problem
    lines: tuple[Line, ...]


def problem_views(problems: Iterable[Problem], content: Path) -> list[ProblemView]:
    """Each problem with its excerpt; every file is read once."""
    texts: dict[str, list[str]] = {}
    views = []
    for problem in problems:
        if problem.path not in texts:
            texts[problem.path] = _lines(content, problem.path)
        views.append(ProblemView(problem, _around(texts[problem.path], problem.line)))
    return views


def _lines(content: Path, path: str) -> list[str]:
    """The lines of a file as the checker counts them; none of a file outside of ``content``."""
    file = content / path
    try:
        if not file.resolve(strict=True).is_relative_to(content.resolve()):
            return []
        with file.open("rb") as opened:
            data = opened.read(LARGEST)
    except (OSError, RuntimeError):
        return []
    text = data.decode("utf-8-sig", "replace")
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def _around(lines: list[str], line: int) -> tuple[Line, ...]:
    if not 1 <= line <= len(lines):
        return ()
    first, last = max(1, line - AROUND), min(len(lines), line + AROUND)
    return tuple(Line(n, _shown(lines[n - 1]), n == line) for n in range(first, last + 1))


def _shown(text: str) -> str:
    """Without control characters; a very long line is cut."""
    clean = "".join(
        c if c.isprintable() or c == "\t" else "\N{REPLACEMENT CHARACTER}" for c in text
    )
    return clean if len(clean) <= WIDEST else clean[:WIDEST] + "…"
