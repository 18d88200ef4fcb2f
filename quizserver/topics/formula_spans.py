"""Where the formulas of a text stand.

The dollar rules are those of pandoc and arithmatex: ``$`` opens a formula when no white space
follows it, and closes one when no white space precedes it and no digit follows it, so that
"between $5 and $6" stays money."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from quizserver.topics.line_kinds import HIDDEN_CHARACTER

_NO_BLANK = r"(?!\n[ \t]*\n)"
_FORMULA = re.compile(
    rf"\$\$(?P<display>(?:{_NO_BLANK}[^$])+?)\$\$"
    rf"|\$(?![\s$])(?P<inline>(?:{_NO_BLANK}[^$])+?)(?<!\s)\$(?![\d$])",
    re.DOTALL,
)
_ESCAPED = re.compile(r"\\[\\$]")


@dataclass(frozen=True, slots=True)
class Formula:
    """``text[start:end]`` with its dollars; ``latex`` without them."""

    start: int
    end: int
    latex: str
    display: bool


def find_formulas(text: str, prose: str) -> Iterator[Formula]:
    """The formulas of ``text``; ``prose`` is the same text with code and comments hidden."""
    # An escaped dollar is money; an escaped backslash (a matrix's new row) escapes nothing.
    for match in _FORMULA.finditer(_ESCAPED.sub(HIDDEN_CHARACTER * 2, prose)):
        display = match["display"] is not None
        start, end = match.span("display" if display else "inline")
        yield Formula(match.start(), match.end(), text[start:end].strip(), display)
