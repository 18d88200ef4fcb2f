"""What of a rendered page stands outside of the brackets of the pseudo-language."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from html.parser import HTMLParser

from tests.translation.converted import NAMES
from tests.translation.pseudo import CLOSE, OPEN
from tests.translation.template_texts import SHOWN_ATTRIBUTES, WORD

PLACE = re.compile(r"\w+(/[\w+-]+)+")
"""The name of a time zone."""
DATA = {"code", "pre", "time", "math", "style", "script"}
"""Elements that hold data, and moments, which Babel writes."""


def bare_texts(page: str, known: Collection[str] = ()) -> list[str]:
    """English words outside of brackets, but for the texts that are ``known``.

    What people have written must have no Latin letters, so that it is told from the program's.
    """
    reader = _TextReader()
    reader.feed(page)
    assert len(reader.texts) > 10, "a page with texts"
    texts = list(_outside_brackets(reader.texts))
    for name in sorted(known, key=len, reverse=True):
        texts = [text.replace(name, "") for text in texts]
    return [text.strip() for text in texts if _is_english(text)]


def _is_english(text: str) -> bool:
    words = WORD.findall("" if PLACE.fullmatch(text.strip()) else text)
    return any(word.isascii() and word not in NAMES for word in words)


def _outside_brackets(texts: list[str]) -> Iterator[str]:
    """The parts of the texts, which follow each other, that stand in no brackets."""
    depth = 0
    for text in texts:
        outside = ""
        for letter in text:
            depth += (letter == OPEN) - (letter == CLOSE)
            outside += letter if depth == 0 and letter != CLOSE else " "
        yield outside
    assert depth == 0


class _TextReader(HTMLParser):
    """Collects texts and shown attributes, but for data."""

    VOID = frozenset({"br", "hr", "img", "input", "link", "meta", "source", "wbr"})

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self._open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in self.VOID:
            self._open.append(tag)
        self.texts += [value for name, value in attrs if name in SHOWN_ATTRIBUTES and value]

    def handle_endtag(self, tag: str) -> None:
        if tag in self._open:
            while self._open.pop() != tag:
                pass  # elements whose end is left out

    def handle_data(self, data: str) -> None:
        if not DATA & {*self._open}:
            self.texts.append(data)
