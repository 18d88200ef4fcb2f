"""Reads the key of a table of questions, which names options by letter, number or text.

A key that could mean two different options is refused, unless the other rows of its table say what
is meant: a wrong key would be worse than none.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from quizserver.topics.formats.model import UnsupportedQuestionError

_SEPARATOR = re.compile(r"\s*(?:[,;|/&+\n]|\band\b)\s*|\s+")
_TEXT_SEPARATOR = re.compile(r"\s*[;|\n]\s*|,\s+")
_LABEL = re.compile(
    r"\(?(?:(?:option|answer|choice)[\s_]*)?\(?([A-Za-z]|[0-9]{1,2})\s*[).:]?", re.IGNORECASE
)

_NUMBER = re.compile("[0-9]{1,2}")

Meaning = Callable[[str, Sequence[str]], frozenset[int] | None]


class KeyColumn:
    """The keys of a table, each with the options of its row; ``head`` is the column's."""

    def __init__(self, rows: Sequence[tuple[str, Sequence[str]]], head: str) -> None:
        numbers = [int(number) for key, _ in rows for number in _label_numbers(key)]
        first = 0 if 0 in numbers else 1
        reaches_last = any(len(options) in _label_numbers(key) for key, options in rows if options)
        # With "index" in its head and no 0 in it, a column may count from 0 or from 1.
        self._uncertain_start = (first == 0 and reaches_last) or (
            first == 1 and "index" in head and not reaches_last
        )
        self._meanings: dict[str, Meaning] = {
            "text": _by_text,
            "letter": _by_letter,
            "number": lambda key, options: _by_number(key, options, first),
        }
        if "letter" in head:
            del self._meanings["text"]
        self._of_all = [
            name
            for name, meaning in self._meanings.items()
            if len(rows) > 1 and all(meaning(key, options) for key, options in rows if key)
        ]

    def right_options(self, key: str, options: Sequence[str]) -> frozenset[int]:
        """The indices of the right options. Raises UnsupportedQuestionError for an unclear key."""
        found = {
            name: right
            for name, meaning in self._meanings.items()
            if (right := meaning(key, options)) is not None
        }
        excerpt = key if len(key) <= 60 else f"{key[:59]}…"
        if not found:
            message = f'The key "{excerpt}" names no option of this row.'
            hint = "Write the letter, the number or the text of the right option."
            raise UnsupportedQuestionError("bad-key", message, hint)
        if len(set(found.values())) > 1 and len(self._of_all) == 1:
            found = {name: found[name] for name in self._of_all}
        if len(set(found.values())) > 1 or (self._uncertain_start and [*found] == ["number"]):
            message = f'The key "{excerpt}" can mean more than one option of this row.'
            hint = "Write the letter of the right option."
            raise UnsupportedQuestionError("unclear-key", message, hint)
        return next(iter(found.values()))


def _label_numbers(key: str) -> list[int]:
    labels = [_LABEL.fullmatch(part) for part in _SEPARATOR.split(key.strip()) if part]
    return [int(label[1]) for label in labels if label and _NUMBER.fullmatch(label[1])]


def _comparable(text: str) -> str:
    return " ".join(text.split()).casefold()


def _by_text(key: str, options: Sequence[str]) -> frozenset[int] | None:
    """Texts of options, with a letter or number before each perhaps ("B. blue")."""
    texts = [_comparable(option) for option in options]
    for parts in ([key], [part for part in _TEXT_SEPARATOR.split(key) if part.strip()]):
        indices = [_index_of_text(part, texts) for part in parts]
        if indices and None not in indices:
            return frozenset(index for index in indices if index is not None)
    return None


def _index_of_text(part: str, texts: Sequence[str]) -> int | None:
    text = _comparable(part)
    if texts.count(text) == 1:
        return texts.index(text)
    labelled = re.match(r"\(?([a-z]|[0-9]{1,2})\s*[).:]\s+(.+)", text)
    if labelled and texts.count(labelled[2]) == 1:
        index = texts.index(labelled[2])
        label = labelled[1]
        expected = int(label) - 1 if _NUMBER.fullmatch(label) else ord(label) - ord("a")
        return index if index == expected else None
    return None


def _by_letter(key: str, options: Sequence[str]) -> frozenset[int] | None:
    key = key.strip()
    if re.fullmatch(r"[A-J]{2,5}", key) and len(set(key)) == len(key):
        parts = list(key)
    else:
        parts = _label_parts(key)
    if not parts or not all(len(part) == 1 and part.isalpha() for part in parts):
        return None
    indices = {ord(part.lower()) - ord("a") for part in parts}
    return frozenset(indices) if all(0 <= i < len(options) for i in indices) else None


def _by_number(key: str, options: Sequence[str], first: int) -> frozenset[int] | None:
    parts = _label_parts(key)
    if not parts or not all(_NUMBER.fullmatch(part) for part in parts):
        return None
    indices = {int(part) - first for part in parts}
    return frozenset(indices) if all(0 <= i < len(options) for i in indices) else None


def _label_parts(key: str) -> list[str]:
    """The letters or numbers of a key such as ``A, C`` or ``Option 2``; empty for other keys."""
    whole = _LABEL.fullmatch(key.strip())
    labels = (
        [whole]
        if whole
        else [_LABEL.fullmatch(part) for part in _SEPARATOR.split(key.strip()) if part]
    )
    return [label[1] for label in labels if label] if all(labels) else []
