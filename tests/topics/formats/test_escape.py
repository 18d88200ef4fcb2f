"""Escapes of what banks mean as text."""

from __future__ import annotations

import pytest

from quizserver.topics.formats.escape import escape_literal_signs, escape_option_line


@pytest.mark.parametrize(
    "text",
    [
        "`<head>` and\n\n```html\n<head>\n```\n",
        "<b>bold</b> and a<br>break",
        "![x](<with spaces.png>) and <https://example.org>",
        "$a<b>c$ and $x$, $$y<z>w$$",
        "\\<b> stays",
        "a  \n- a list",
    ],
)
def test_what_is_meant_as_markdown_stays_as_it_is(text: str):
    assert escape_literal_signs(text) == text


def test_only_an_option_that_begins_a_block_is_changed():
    assert [escape_option_line(line) for line in ("a > b", "#x", "--", "-", "> a")] == [
        "a > b", "#x", "--", "-", "&gt; a",
    ]  # fmt: skip
