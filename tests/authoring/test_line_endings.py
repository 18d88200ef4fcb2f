"""Whatever the line endings of a file, reading and writing it back gives the same bytes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from quizserver.authoring.line_endings import encode_like_original, normalise_newlines

LINES = st.lists(
    st.tuples(st.sampled_from(["a", "b", "", "ä"]), st.sampled_from(["\n", "\r\n", "\r", ""])),
    max_size=8,
)


@st.composite
def file_bytes(draw: st.DrawFn) -> bytes:
    bom = draw(st.sampled_from([b"", b"\xef\xbb\xbf"]))
    return bom + "".join(line + end for line, end in draw(LINES)).encode()


@given(file_bytes())
def test_a_text_without_a_change_is_the_same_bytes(before: bytes):
    assert encode_like_original(normalise_newlines(before.decode("utf-8-sig")), before) == before


@given(file_bytes(), LINES)
def test_whatever_is_written_reads_as_the_text_that_was_meant(
    before: bytes, typed: list[tuple[str, str]]
):
    text = normalise_newlines("".join(line + end for line, end in typed))
    assert normalise_newlines(encode_like_original(text, before).decode("utf-8-sig")) == text


def test_a_changed_line_gets_the_most_frequent_ending_and_the_others_keep_theirs():
    before = b"one\r\ntwo\nthree\r\nfour\r\nfive"
    assert encode_like_original("one\ntwo\nTHREE\nnew\nfour\nfive\n", before) == (
        b"one\r\ntwo\nTHREE\r\nnew\r\nfour\r\nfive"
    )
    assert encode_like_original("one\ntwo\nthree\nfour\nfive\nsix\n", before) == (
        b"one\r\ntwo\nthree\r\nfour\r\nfive\r\nsix"
    )
