"""Definitions are found once and given to the parts that use them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from quizserver.topics.markdown import find_definitions, scan_markdown, used_definitions

TEXT = """\
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


def test_definitions_and_their_lines_are_found_outside_code() -> None:
    found, taken = find_definitions(scan_markdown(TEXT))
    assert [(d.label, d.line, d.column, d.url) for d in found] == [
        ("one", 3, 1, "https://example.org"),
        ("^n", 4, 1, None),
        ("two", 8, 1, "nowhere.md"),
        ("^m", 13, 1, None),
    ]
    assert taken == {3, 4, 5, 6, 7, 8, 13}


def test_a_part_gets_what_it_uses_and_what_that_uses() -> None:
    found, _ = find_definitions(scan_markdown(TEXT))
    assert used_definitions("[a][ONE]", found) == '[one]: https://example.org "Title"'
    assert used_definitions("x[^n]", found).startswith("[^n]: A note")
    assert "[two]:" in used_definitions("x[^n]", found)
    assert used_definitions("nothing", found) == ""


@given(st.text(alphabet="[]^ab: \n-`#", max_size=120))
def test_any_text_can_be_searched(text: str) -> None:
    found, taken = find_definitions(scan_markdown(text))
    lines = text.split("\n")
    for definition in found:
        assert lines[definition.line - 1][definition.column - 1] == "["
        assert definition.line in taken
    used_definitions(text, found)
