"""Excerpts of files: each diagnostic with the lines around it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from quizserver.topics.model import Diagnostic
from quizserver.topics.source_text import LARGEST_PAGE

CONTEXT_LINES = 2
WIDTH_MAX = 400


@dataclass(frozen=True, slots=True)
class ExcerptLine:
    number: int
    text: str
    highlighted: bool


@dataclass(frozen=True, slots=True)
class DiagnosticExcerpt:
    """A diagnostic and the lines around it; no lines where the file can't be shown."""

    diagnostic: Diagnostic
    lines: tuple[ExcerptLine, ...]


def diagnostic_excerpts(problems: Iterable[Diagnostic], content: Path) -> list[DiagnosticExcerpt]:
    """Each diagnostic with its excerpt; every file is read once."""
    texts: dict[str, list[str]] = {}
    excerpts = []
    for problem in problems:
        if problem.path not in texts:
            texts[problem.path] = _read_lines(content, problem.path)
        excerpts.append(
            DiagnosticExcerpt(problem, _excerpt_lines(texts[problem.path], problem.line))
        )
    return excerpts


def _read_lines(content: Path, path: str) -> list[str]:
    """The lines of a file as diagnostics count them; none of a file outside of ``content``."""
    file = content / path
    try:
        if not file.resolve(strict=True).is_relative_to(content.resolve()):
            return []
        with file.open("rb") as handle:
            data = handle.read(LARGEST_PAGE)
    except (OSError, RuntimeError):
        return []
    text = data.decode("utf-8-sig", "replace")
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def _excerpt_lines(lines: list[str], line: int) -> tuple[ExcerptLine, ...]:
    if not 1 <= line <= len(lines):
        return ()
    first, last = max(1, line - CONTEXT_LINES), min(len(lines), line + CONTEXT_LINES)
    return tuple(
        ExcerptLine(n, _printable_text(lines[n - 1]), n == line) for n in range(first, last + 1)
    )


def _printable_text(text: str) -> str:
    """Without control characters; a very long line is cut."""
    clean = "".join(
        c if c.isprintable() or c == "\t" else "\N{REPLACEMENT CHARACTER}" for c in text
    )
    return clean if len(clean) <= WIDTH_MAX else clean[:WIDTH_MAX] + "…"
