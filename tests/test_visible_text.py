"""Names and titles that can be seen, character by character."""

from __future__ import annotations

import unicodedata

import pytest

from quizserver.visible_text import (
    LOOSE_MARK,
    MARKS_MAX,
    NOT_VISIBLE,
    TOO_MANY_MARKS,
    has_visible_character,
    limit_marks,
    line_fault,
    normalise_line,
    shown_line,
)

ZALGO = "Z" + "\u0321\u0335" * 20 + "algo"
TOO_MANY = TOO_MANY_MARKS % {"count": MARKS_MAX}
EMOJI = "\U0001f469\u200d\U0001f4bb \u2764\ufe0f"  # a woman at a computer, a red heart
NAMES = {
    "ascii": "Ana",
    "composed": "Zo\u00eb Ng\u1ee5gi",
    "decomposed": unicodedata.normalize("NFD", "Zo\u00eb Nguy\u1ec5n"),
    "Persian with a joiner": "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
    "Persian ending of a Latin word": "PDF\u200c\u0647\u0627",
    "a heart on fire": "\u2764\ufe0f\u200d\U0001f525",
    "Hindi": "\u0936\u094d\u0930\u0940",
    "Thai with stacked marks": "\u0e17\u0e35\u0e48\u0e19\u0e35\u0e48",
    "Hebrew with points": "\u05d1\u05bc\u05b0\u05e8\u05b5\u05d0\u05e9\u05c1\u05b4\u05d9\u05ea",
    "Tibetan": "\u0f66\u0f9a\u0fb2\u0f74\u0f42",
    "Chinese": "\u738b\u5c0f\u660e",
    "Hangul": "\ud55c\uae00",
    "emoji": EMOJI,
    "a digit": "7",
    "punctuation": "\u2026",
    "six marks": "a" + "\u0321" * MARKS_MAX,
}
INVISIBLE = {
    "Hangul filler": "\u3164",
    "half-width Hangul filler": "\uffa0",
    "Hangul choseong filler": "\u115f",
    "Hangul jungseong filler": "\u1160",
    "Braille blank": "\u2800",
    "Khmer inherent vowel": "\u17b4",
    "musical null notehead": "\U0001d159",
    "zero-width space": "\u200b",
    "word joiner": "\u2060",
    "byte order mark": "\ufeff",
    "soft hyphen": "\u00ad",
    "Mongolian vowel separator": "\u180e",
    "right-to-left override": "\u202e",
    "left-to-right isolate": "\u2066",
    "Arabic letter mark": "\u061c",
    "tag": "\U000e0041",
    "control": "\u0007",
    "object replacement": "\ufffc",
    "private use": "\ue000",
    "line separator": "a\u2028b".strip("ab"),
}


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_a_name_that_somebody_has_is_taken_and_shown_as_it_is(name: str):
    line = normalise_line(name)
    assert line_fault(line) is None
    assert has_visible_character(line)
    assert shown_line(line, "other") == line
    assert unicodedata.is_normalized("NFC", line)


@pytest.mark.parametrize("character", INVISIBLE.values(), ids=INVISIBLE)
def test_what_shows_as_nothing_is_no_name_and_no_part_of_one(character: str):
    if unicodedata.category(character) not in ("Co", "Cc", "Zl"):
        assert not has_visible_character(f" {character}{character} ")
        assert shown_line(character, "ana@example.org") == "ana@example.org"
    assert line_fault(character) == NOT_VISIBLE
    assert line_fault(f"A{character}na") == NOT_VISIBLE, "another Ana, who looks the same"


@pytest.mark.parametrize("text", ["", "   ", "\u200c\u200d", "\ufe0f\ufe0f", "\u0301"])
def test_marks_joiners_and_spaces_alone_are_not_visible(text: str):
    assert not has_visible_character(text)
    assert shown_line(text, "other") == "other"


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        (ZALGO, TOO_MANY),
        ("a" + "\u0321" * (MARKS_MAX + 1), TOO_MANY),
        ("a" + "\u0321\u200d" * MARKS_MAX + "\u0321", TOO_MANY),  # a joiner is no new base
        ("A" + "\ufe0f" * (MARKS_MAX + 1), TOO_MANY),
        ("\u0301Ana", LOOSE_MARK),
        ("\u200d\u200c", NOT_VISIBLE),
        ("a" + "\u200d" * 90, NOT_VISIBLE),
        ("a\u200d", NOT_VISIBLE),
        ("\u200d\u0645", NOT_VISIBLE),
        ("An\u200ca", NOT_VISIBLE),
        ("\u00e9\u200c\u0436", NOT_VISIBLE),
        ("\u0645 \u200c\u062e", NOT_VISIBLE),
        ("\u0645\u200c\u200c\u062e", NOT_VISIBLE),
        ("An\ta", NOT_VISIBLE),
    ],
)
def test_a_line_that_misleads_is_refused_with_what_to_do(line: str, fault: str):
    assert line_fault(line) == fault


def test_a_stored_name_is_shown_with_six_marks_on_each_base():
    shown = shown_line(ZALGO, "other")
    assert shown == "Z" + "\u0321\u0335" * 3 + "algo"
    assert line_fault(limit_marks(ZALGO)) is None


def test_white_space_is_one_space_and_marks_are_composed():
    assert normalise_line(" \u3000Zoe\u0308 \n\tN. ") == "Zo\u00eb N."
