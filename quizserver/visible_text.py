"""Names and titles that can be seen: which characters take up room, and what a line may hold. Pure.

``str.isprintable`` is no measure of that: some letters are drawn as nothing, and fifty accents on
one letter cover the lines around it.
"""

from __future__ import annotations

import functools
import unicodedata

from quizserver.translation import N_, gettext

MARKS_MAX = 6
"""Combining marks on one base; no living script needs more in normal form C."""

NOT_VISIBLE = N_("Use letters, digits and signs that can be seen.")
TOO_MANY_MARKS = N_("Use at most %(count)s accents or other marks on one letter.")
LOOSE_MARK = N_("Begin with a letter: the first sign here is a mark that stands on another one.")

# Letters, signs and marks that are drawn as nothing: the fillers of Hangul, the inherent vowels of
# Khmer, the empty cell of Braille, the notehead and the mark that hold a place in other notations,
# and the place of an object that is not there.
# Spaces, controls, bidirectional controls and tags are told by their category.
_BLANKS = frozenset("\u115f\u1160\u3164\uffa0\u17b4\u17b5\u2800\u034f\U0001d159\U00016fe4\ufffc")
# Invisible, but Persian, Hindi and some emoji are not written without them.
_JOINERS = "\u200c\u200d"
# What they join: letters without case, signs such as emoji, and marks.
_JOINED = frozenset(("Lo", "Lm", "So", "Sk", "Mn", "Mc"))


def normalise_line(text: str) -> str:
    """The text in normal form C, with one space for any white space, and none around it."""
    return unicodedata.normalize("NFC", " ".join(text.split()))


def has_visible_character(text: str) -> bool:
    """Whether at least one character of the text takes up room by itself."""
    return any(map(_takes_room, text))


def line_fault(text: str) -> str | None:
    """What is wrong with a name or title in ``normalise_line``'s form, for whoever wrote it.

    None for a line whose characters can all be seen, and for an empty one. Bidirectional controls
    are refused: they reorder what stands around the name.
    """
    if text.isascii():
        return None if text.isprintable() else gettext(NOT_VISIBLE)
    allowed = text.translate(dict.fromkeys(map(ord, _JOINERS)))
    if not allowed.isprintable() or not _BLANKS.isdisjoint(text):
        return gettext(NOT_VISIBLE)
    if not has_visible_character(text):
        return gettext(NOT_VISIBLE)
    if _has_loose_joiner(text):
        return gettext(NOT_VISIBLE)
    if _is_mark(text[0]):
        return gettext(LOOSE_MARK)
    return gettext(TOO_MANY_MARKS, count=MARKS_MAX) if limit_marks(text) != text else None


@functools.lru_cache(maxsize=10_000)  # a matrix shows thousands of names at every page
def limit_marks(text: str) -> str:
    """The text with at most ``MARKS_MAX`` marks on each base; joiners between them are no base."""
    if text.isascii():
        return text
    kept, marks = [], 0
    for character in text:
        is_mark = _is_mark(character)
        if not is_mark and character not in _JOINERS:
            marks = 0
        marks += is_mark
        if not is_mark or marks <= MARKS_MAX:
            kept.append(character)
    return "".join(kept)


def shown_line(text: str, fallback: str) -> str:
    """A stored name or title as lists show it: ``fallback`` where nothing of it can be seen.

    What was stored before names were checked stays, and is shown with no more marks than others.
    """
    return limit_marks(text) if has_visible_character(text) else fallback


def _takes_room(character: str) -> bool:
    return unicodedata.category(character)[0] in "LNPS" and character not in _BLANKS


def _has_loose_joiner(text: str) -> bool:
    """Whether a joiner stands where it joins nothing: at an end, next to another one or a space, or
    among letters that are written without joiners, where the name would look like another."""
    for index, character in enumerate(text):
        if character in _JOINERS:
            around = text[max(index - 1, 0) : index] + text[index + 1 : index + 2]
            if len(around) < 2 or not all(_takes_room(c) or _is_mark(c) for c in around):
                return True
            if not any(unicodedata.category(c) in _JOINED for c in around):
                return True
    return False


def _is_mark(character: str) -> bool:
    return unicodedata.category(character)[0] == "M"
