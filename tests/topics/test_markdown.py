"""The scanner knows prose from code, comments and front matter, so that examples are not taken."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quizserver.topics.line_kinds import HIDDEN_CHARACTER, LineKind, indent_of
from quizserver.topics.markdown import LabelDefinition, scan_markdown, used_definitions


def kinds(text: str) -> str:
    """One letter a line: p(rose), c(ode), o (comment), f(ront matter)."""
    letters = {
        LineKind.PROSE: "p",
        LineKind.FENCED_CODE: "c",
        LineKind.INDENTED_CODE: "c",
        LineKind.COMMENT: "o",
        LineKind.FRONT_MATTER: "f",
    }
    return "".join(letters[kind] for kind in scan_markdown(text).kinds)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\n```\n# b\n```\nc", "pcccp"),
        ("a\n~~~ python\n```\n~~~~\nc", "pcccp"),
        ("````\n```\n````\na", "cccp"),
        ("```\nnever closed", "cc"),
        ("``` not ` a fence\na", "pp"),
        ("- a\n\n  ```\n  - [x] b\n  ```\n- c", "ppcccp"),
        ("- ```python\n  x\n  ```\n- c", "cccp"),
        ("- [x] ```\n  x\n  ```\n- c", "cccp"),
        ("> ```\n> x\n> ```\na", "cccp"),
        ("a\n\n    code\n    code\n\nb", "ppccpp"),
        ("a\n    goes on", "pp"),
        ("- a\n\n    of the item\n\nb\n\n    code", "ppppppc"),
        ("<!-- a\n# b\n-->\nc", "ooop"),
        ("<!-- a --> b", "p"),
        ("<!-- never closed\n# b", "pp"),
        ("---\nid: a\n---\nb", "fffp"),
        ("---\nid: a\n...\nb", "fffp"),
        ("---\nid: a", "ff"),
        ("---\n\na", "ppp"),
        ("a\n---\nid: a\n---", "pppp"),
    ],
)
def test_lines_are_what_they_are(text: str, expected: str) -> None:
    assert kinds(text) == expected


def test_code_spans_and_comments_are_hidden_in_place() -> None:
    text = "a `$x$` b ``c ` d`` <!-- $y$ --> $z$"
    prose = scan_markdown(text).prose
    assert len(prose) == len(text)
    assert prose.replace(HIDDEN_CHARACTER, "") == "a  b   $z$"
    assert prose.index("$z$") == text.index("$z$")


def test_a_code_span_ends_with_its_paragraph() -> None:
    assert "$x$" in scan_markdown("a ` b\n\n$x$ ` c").prose


def test_tabs_count_to_the_next_stop() -> None:
    assert [indent_of(line) for line in ("a", "  a", "\ta", " \ta", "\t  a")] == [0, 2, 4, 4, 6]


def test_an_unclosed_fence_is_known() -> None:
    [fence] = scan_markdown("a\n  ```py x\nb").fences
    assert (fence.first_line, fence.last_line, fence.column, fence.info, fence.closed) == (
        2,
        3,
        3,
        "py x",
        False,
    )


@given(st.text(alphabet="`~-[]x <!>\n#$:a\t", max_size=200))
def test_any_text_can_be_scanned_and_no_offset_moves(text: str) -> None:
    scanned = scan_markdown(text)
    prose = scanned.prose
    assert len(prose) == len(text)
    assert [i for i, c in enumerate(prose) if c == "\n"] == [
        i for i, c in enumerate(text) if c == "\n"
    ]
    assert all(a in (b, HIDDEN_CHARACTER) for a, b in zip(prose, text, strict=True))


WITH_DEFINITIONS = """\
Stem [a][One] and [^n].

[one]: https://example.org "Title"
[^n]: A note with [b][two]
    that goes on.

    And a second paragraph.
[two]: <nowhere.md>

```
[three]: https://code.example
```
[^m]: Unused
"""


def used_text(text: str, definitions: tuple[LabelDefinition, ...]) -> str:
    return "\n\n".join(definition.text for definition in used_definitions(text, definitions))


def test_definitions_and_their_lines_are_found_outside_code() -> None:
    source = scan_markdown(WITH_DEFINITIONS)
    assert [(d.label, d.line, d.column, d.url) for d in source.definitions] == [
        ("one", 3, 1, "https://example.org"),
        ("^n", 4, 1, None),
        ("two", 8, 1, "nowhere.md"),
        ("^m", 13, 1, None),
    ]
    assert source.definition_numbers == {3, 4, 5, 6, 7, 8, 13}


def test_a_part_gets_what_it_uses_and_what_that_uses() -> None:
    definitions = scan_markdown(WITH_DEFINITIONS).definitions
    assert used_text("[a][ONE]", definitions) == '[one]: https://example.org "Title"'
    assert used_text("x[^n]", definitions).startswith("[^n]: A note")
    assert "[two]:" in used_text("x[^n]", definitions)
    assert used_text("nothing", definitions) == ""


@given(st.text(alphabet="[]^ab: \n-`#", max_size=120))
def test_definitions_are_found_in_any_text(text: str) -> None:
    source = scan_markdown(text)
    lines = text.split("\n")
    for definition in source.definitions:
        assert lines[definition.line - 1][definition.column - 1] == "["
        assert definition.line in source.definition_numbers
    used_definitions(text, source.definitions)
