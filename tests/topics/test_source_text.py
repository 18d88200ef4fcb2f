"""Bytes become text whatever they are, and what was wrong with them is reported at its place."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from quizserver.topics.source_text import LARGEST_PAGE, LineIndex, decode_source, position_in


def test_every_kind_of_line_end_becomes_one() -> None:
    assert decode_source(b"a\r\nb\rc\nd").text == "a\nb\nc\nd"


def test_a_byte_order_mark_is_dropped() -> None:
    assert decode_source(b"\xef\xbb\xbf# T").text == "# T"


def test_the_first_byte_that_is_not_utf8_is_reported() -> None:
    [diagnostic] = decode_source(b"ab\r\n\xc3\xa9\xff").diagnostics
    assert (diagnostic.line, diagnostic.column, diagnostic.code, diagnostic.fatal) == (
        2,
        2,
        "not-utf-8",
        True,
    )
    assert "0xFF" in diagnostic.message


def test_control_characters_are_reported_and_replaced() -> None:
    decoded = decode_source(b"a\n\x02b")
    assert decoded.text == "a\n\ufffdb"
    assert [(f.line, f.column, f.code, f.fatal) for f in decoded.diagnostics] == [
        (2, 1, "control-character", False)
    ]


def test_a_file_that_is_too_large_is_not_read() -> None:
    assert decode_source(b"x" * LARGEST_PAGE).diagnostics == ()
    assert [
        diagnostic.code for diagnostic in decode_source(b"x" * (LARGEST_PAGE + 1)).diagnostics
    ] == ["too-large"]


@given(st.binary(max_size=300))
def test_decoding_never_fails_and_leaves_nothing_invisible(data: bytes) -> None:
    decoded = decode_source(data)
    assert "\r" not in decoded.text
    assert "\0" not in decoded.text
    for diagnostic in decoded.diagnostics:
        assert diagnostic.line <= decoded.text.count("\n") + 1


@given(st.text(alphabet="ab\n", max_size=60), st.data())
def test_offsets_and_places_agree(text: str, data: st.DataObject) -> None:
    offset = data.draw(st.integers(0, len(text)))
    line, column = LineIndex(text).position_at(offset)
    assert (line, column) == position_in(text, offset)
    assert sum(len(row) + 1 for row in text.split("\n")[: line - 1]) + column - 1 == offset
