"""Bytes of a bank in any format that is read here, to checked questions and problems."""

from __future__ import annotations

import re
from collections.abc import Iterator

from quizserver.topics.formats.gift import read_gift
from quizserver.topics.formats.model import LARGEST_BANK, READ, Files, Imported, Item
from quizserver.topics.formats.moodle import read_moodle
from quizserver.topics.formats.pictures import none
from quizserver.topics.formats.plain import read_plain
from quizserver.topics.formats.settle import settle
from quizserver.topics.model import Problem
from quizserver.topics.text import decode

_UTF_16 = ("UTF-16 text", "Save it as UTF-8.")
_NO_BANKS = {
    b"PK": ("a zip archive", "Unpack it, and import what is in it."),
    b"\xff\xfe": _UTF_16,
    b"\xfe\xff": _UTF_16,
}


def read_bank(name: str, data: bytes, kind: str | None, files: Files | None) -> Imported:
    """See ``formats.read``."""
    kind = kind or guess(name, data)
    if kind not in READ:
        raise ValueError(f"{kind!r} is not read; known are {', '.join(READ)}")
    if len(data) > LARGEST_BANK:
        return Imported((), (too_large(name, len(data)),))
    imported = settle(name, _found(name, data, kind), files or none)
    if imported.questions or imported.problems:
        return imported
    message = "No question was found here."
    hint = {
        "plain": "A question is a heading, then a list with - [ ] and - [x]; "
        "--format reads the file as something else.",
        "gift": "A question is a text, then its answers between { and }; "
        "--format reads the file as something else.",
        "moodle": "Export from Moodle as Moodle XML.",
    }[kind]
    return Imported((), (Problem(name, 1, 1, "no-questions", message, hint),))


def _found(name: str, data: bytes, kind: str) -> Iterator[Item | Problem]:
    if kind == "moodle":
        yield from read_moodle(name, data)
        return
    for beginning, (what, hint) in _NO_BANKS.items():
        if data.startswith(beginning):
            yield Problem(name, 1, 1, "not-a-bank", f"This file is {what}.", hint)
            return
    text = decode(data, largest=LARGEST_BANK)
    for flaw in text.flaws:
        yield Problem(name, flaw.line, flaw.column, flaw.code, flaw.message, flaw.hint)
    reader = read_gift if kind == "gift" else read_plain
    yield from reader(name, text.text)


def too_large(name: str, size: int) -> Problem:
    """What is said of a bank that nobody wants to hold in memory."""
    hint = f"Split it into files of at most {LARGEST_BANK:,}."
    return Problem(name, 1, 1, "too-large", f"This bank holds {size:,} bytes.", hint)


def guess(name: str, data: bytes) -> str:
    """The format that a name and the first bytes speak for."""
    beginning = data[:65536].removeprefix(b"\xef\xbb\xbf").lstrip()
    suffix = name.lower().rpartition(".")[2]
    if suffix == "xml" or beginning.startswith((b"<?xml", b"<quiz")):
        return "moodle"
    if suffix in ("md", "markdown"):
        return "plain"
    if suffix == "gift":
        return "gift"
    boxes = re.search(rb"^\s*(?:[-*+]|\d+[.)])\s*\[[ xX]?\]\s", beginning, re.MULTILINE)
    return "plain" if boxes else "gift"
