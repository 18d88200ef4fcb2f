"""What of a rendered page stands outside of the brackets of the pseudo-language."""

from __future__ import annotations

from collections.abc import Iterator
from html.parser import HTMLParser

from tests.translation.pseudo import CLOSE, OPEN
from tests.translation.template_texts import SHOWN_ATTRIBUTES, WORD, is_untranslated

DATA = {"code", "pre", "time", "svg", "style", "script"}
"""Elements that hold data, and moments, which Babel writes."""


def bare_texts(page: str, region: str) -> list[str]:
    """English words outside of brackets in the element that has the id ``region``.

    What people have written must have no Latin letters, so that it is told from the program's.
    """
    reader = _RegionReader(region)
    reader.feed(page)
    assert reader.texts, f"nothing in #{region}"
    return [text for text in _outside_brackets(reader.texts) if _is_english(text)]


def _is_english(text: str) -> bool:
    return any(word.isascii() for word in WORD.findall(text)) and is_untranslated(text)


def _outside_brackets(texts: list[str]) -> Iterator[str]:
    """The parts of the texts, which follow each other, that stand in no brackets."""
    depth = 0
    for text in texts:
        outside = ""
        for letter in text:
            depth += (letter == OPEN) - (letter == CLOSE)
            outside += letter if depth == 0 else " "
        yield outside
    assert depth == 0


class _RegionReader(HTMLParser):
    """Collects texts and shown attributes inside of one element."""

    VOID = frozenset({"br", "hr", "img", "input", "link", "meta", "source", "wbr"})

    def __init__(self, region: str) -> None:
        super().__init__()
        self.texts: list[str] = []
        self._region = region
        self._open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if self._open or dict(attrs).get("id") == self._region:
            if tag not in self.VOID:
                self._open.append(tag)
            self.texts += [value for name, value in attrs if name in SHOWN_ATTRIBUTES and value]

    def handle_endtag(self, tag: str) -> None:
        if tag in self._open:
            while self._open.pop() != tag:
                pass  # elements whose end is left out

    def handle_data(self, data: str) -> None:
        if self._open and not DATA & {*self._open}:
            self.texts.append(data)
