"""Definitions are found once and given to the parts that use them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from quizserver.topics.markdown import LabelDefinition, scan_markdown, used_definitions

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


def used_text(text: str, definitions: tuple[LabelDefinition, ...]) -> str:
    return "\n\n".join(definition.text for definition in used_definitions(text, definitions))


def test_definitions_and_their_lines_are_found_outside_code() -> None:
    source = scan_markdown(TEXT)
    assert [(d.label, d.line, d.column, d.url) for d in source.definitions] == [
        ("one", 3, 1, "https://example.org"),
        ("^n", 4, 1, None),
        ("two", 8, 1, "nowhere.md"),
        ("^m", 13, 1, None),
    ]
    assert source.definition_numbers == {3, 4, 5, 6, 7, 8, 13}


def test_a_part_gets_what_it_uses_and_what_that_uses() -> None:
    definitions = scan_markdown(TEXT).definitions
    assert used_text("[a][ONE]", definitions) == '[one]: https://example.org "Title"'
    assert used_text("x[^n]", definitions).startswith("[^n]: A note")
    assert "[two]:" in used_text("x[^n]", definitions)
    assert used_text("nothing", definitions) == ""


@given(st.text(alphabet="[]^ab: \n-`#", max_size=120))
def test_any_text_can_be_searched(text: str) -> None:
    source = scan_markdown(text)
    lines = text.split("\n")
    for definition in source.definitions:
        assert lines[definition.line - 1][definition.column - 1] == "["
        assert definition.line in source.definition_numbers
    used_definitions(text, source.definitions)
