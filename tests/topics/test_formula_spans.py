"""Formulas are found where they are meant, and money stays money."""

from __future__ import annotations

import pytest

from quizserver.topics.formula_spans import find_formulas
from quizserver.topics.markdown import scan_markdown


def formulas_in(text: str) -> list[tuple[str, bool]]:
    there = find_formulas(text, scan_markdown(text).prose)
    return [(formula.latex, formula.display) for formula in there]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a $x^2$ b", [("x^2", False)]),
        ("($x$, $y$)", [("x", False), ("y", False)]),
        ("$$x$$", [("x", True)]),
        ("$$\na \\\\\nb\n$$", [("a \\\\\nb", True)]),
        ("on $two\nlines$", [("two\nlines", False)]),
        ("between $5 and $6", []),
        ("$5-$6", []),
        ("from $5 to 6$7", []),
        ("it costs 5$ or 6$", []),
        ("$ x$", []),
        ("$x $", []),
        ("\\$x$", []),
        ("$a \\$ b$", [("a \\$ b", False)]),
        ("`$x$` and\n\n```\n$y$\n```", []),
        ("<!-- $x$ -->", []),
        ("$x\n\ny$", []),
        ("$$", []),
        ("$$$$", []),
    ],
)
def test_dollars_make_formulas_only_where_they_are_meant(
    text: str, expected: list[tuple[str, bool]]
) -> None:
    assert formulas_in(text) == expected
