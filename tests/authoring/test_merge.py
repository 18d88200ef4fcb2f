"""Merging two changes of one text, with conflicts between markers; diffs of two texts."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quizserver.authoring import merge
from quizserver.authoring.merge import (
    SEPARATOR_MARKER,
    THEIRS_MARKER,
    YOURS_MARKER,
    conflict_marker_lines,
    diff_texts,
    merge_texts,
)

BASE = "one\ntwo\nthree\nfour\nfive\n"
texts = st.lists(st.sampled_from(["a", "b", "c", "d", ""]), max_size=9).map(
    lambda lines: "".join(f"{line}\n" for line in lines)
)


def test_changes_in_different_places_are_both_kept():
    theirs = BASE.replace("one", "ONE")
    yours = BASE.replace("five\n", "FIVE\nsix\n")
    merged = merge_texts(BASE, theirs, yours)
    assert (merged.text, merged.conflicts) == ("ONE\ntwo\nthree\nfour\nFIVE\nsix\n", 0)


def test_changes_of_one_place_stand_between_markers():
    merged = merge_texts(BASE, BASE.replace("three", "drei"), BASE.replace("three", "trois"))
    expected = [
        "one",
        "two",
        THEIRS_MARKER,
        "drei",
        SEPARATOR_MARKER,
        "trois",
        YOURS_MARKER,
        "four",
        "five",
    ]
    assert (merged.text.splitlines(), merged.conflicts) == (expected, 1)
    assert conflict_marker_lines(merged.text) == [3, 7]
    assert conflict_marker_lines(BASE) == []


def test_the_same_change_on_both_sides_is_no_conflict():
    changed = BASE.replace("three\n", "drei\n")
    assert merge_texts(BASE, changed, changed).text == changed


def test_lines_that_one_side_deleted_and_the_other_left_are_gone():
    merged = merge_texts(BASE, BASE.replace("two\n", ""), BASE.replace("five", "FIVE"))
    assert (merged.text, merged.conflicts) == ("one\nthree\nfour\nFIVE\n", 0)


@given(base=texts, changed=texts)
def test_where_one_side_changed_nothing_the_other_is_taken_whole(base: str, changed: str):
    assert merge_texts(base, changed, base).text == changed
    assert merge_texts(base, base, changed).text == changed
    assert merge_texts(base, changed, base).conflicts == 0


@given(base=texts, theirs=texts, yours=texts)
def test_no_line_that_either_side_added_is_lost(base: str, theirs: str, yours: str):
    merged_lines = merge_texts(base, theirs, yours).text.splitlines()
    for side in (theirs, yours):
        for line in set(side.splitlines()) - set(base.splitlines()):
            assert line in merged_lines


@given(before=texts, after=texts)
def test_a_diff_holds_every_line_that_changed(before: str, after: str):
    lines = diff_texts(before, after)
    removed = [line.text for line in lines if line.kind == "removed"]
    added = [line.text for line in lines if line.kind == "added"]
    assert (not lines) == (before == after)
    assert len(before.splitlines()) - len(removed) == len(after.splitlines()) - len(added)
    for line in lines:
        if line.before is not None:
            assert before.splitlines()[line.before - 1] == line.text
        if line.after is not None:
            assert after.splitlines()[line.after - 1] == line.text


def test_only_lf_ends_a_line():
    text = "a\u2028b\x0cc\n"
    assert merge_texts(text, text, text + "d\n").text == text + "d\n"


def test_thousands_of_lines_that_are_alike_are_merged_at_once():
    base = "\n" * 10_000
    started = time.monotonic()
    both_sides = merge_texts(base, f"theirs\n{base}", f"{base}yours\n")
    one_side = merge_texts(base, f"first\n{base}last\n", base)
    assert time.monotonic() - started < 5, "each with each would take half a minute"
    assert (both_sides.text, both_sides.conflicts) == (f"theirs\n{base}yours\n", 0)
    assert (one_side.text, one_side.conflicts) == (f"first\n{base}last\n", 0)


@pytest.fixture
def few_comparisons(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(merge, "MOST_COMPARISONS", 20)


def test_texts_that_differ_too_much_are_shown_as_one_change_between_what_is_equal(few_comparisons):
    before = "top\n" + "a\nb\n" * 20 + "end\n"
    after = "top\n" + "b\na\n" * 20 + "end\n"
    lines = diff_texts(before, after)
    assert lines[0].kind == "coarse"
    assert [line.text for line in lines if line.kind == "removed"] == ["a", "b"] * 20
    assert [line.text for line in lines if line.kind == "added"] == ["b", "a"] * 20
    assert [line.text for line in lines if line.kind == "same"] == ["top", "end"]


def test_a_merge_of_texts_that_differ_too_much_is_one_conflict_with_both_sides(few_comparisons):
    base, theirs, yours = (f"top\n{middle * 20}end\n" for middle in ("a\nb\n", "b\na\n", "b\nc\n"))
    merged = merge_texts(base, theirs, yours)
    theirs_here, yours_here = theirs.split("\n")[1:-2], yours.split("\n")[1:-2]
    expected = ["top", THEIRS_MARKER, *theirs_here, SEPARATOR_MARKER, *yours_here, YOURS_MARKER]
    assert (merged.text.splitlines(), merged.conflicts) == ([*expected, "end"], 1)
    assert merge_texts(base, theirs, base).text == theirs


@given(base=texts, theirs=texts, yours=texts, most=st.integers(0, 30))
def test_however_little_is_compared_no_line_is_lost(base: str, theirs: str, yours: str, most: int):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(merge, "MOST_COMPARISONS", most)
        test_where_one_side_changed_nothing_the_other_is_taken_whole.hypothesis.inner_test(
            base, theirs
        )
        test_no_line_that_either_side_added_is_lost.hypothesis.inner_test(base, theirs, yours)
        lines = diff_texts(theirs, yours)
    removed = [line.text for line in lines if line.kind == "removed"]
    added = [line.text for line in lines if line.kind == "added"]
    assert len(theirs.splitlines()) - len(removed) == len(yours.splitlines()) - len(added)


def test_what_a_comparison_looks_at_is_bounded_by_what_it_says(monkeypatch: pytest.MonkeyPatch):
    """Lines in pairs that changed places: each search finds one, and looks at all that follow."""
    monkeypatch.setattr(merge, "MOST_COMPARISONS", 10_000)
    before = "".join(f"{n}\n" for n in range(400))
    after = "".join(f"{n + 1}\n{n}\n" for n in range(0, 400, 2))
    assert diff_texts(before, after)[0].kind == "coarse"
    monkeypatch.setattr(merge, "MOST_COMPARISONS", 1_000_000)
    assert diff_texts(before, after)[0].kind != "coarse"


def test_a_large_block_of_frequent_lines_that_were_not_compared_is_said_to_be_coarse():
    before, after = "a\nb\n" * 600, "b\na\n" * 600
    assert diff_texts(before, after)[0].kind == "coarse"
    assert diff_texts("a\n" * 1200, "b\n" * 1200)[0].kind != "coarse", "nothing in them is equal"
