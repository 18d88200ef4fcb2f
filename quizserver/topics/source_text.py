"""Decodes files: UTF-8 to text with one kind of newline, and a diagnostic of what is wrong."""

from __future__ import annotations

import bisect
import codecs
import re
from dataclasses import dataclass, field

from quizserver.topics.model import Diagnostic

LARGEST_PAGE = 256 * 1024
MOST_LINES = 20_000
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")


@dataclass(frozen=True, slots=True)
class SourceText:
    """A file's text with newlines as ``\\n``, and what was wrong with its bytes."""

    text: str
    diagnostics: tuple[Diagnostic, ...] = field(default=())


def decode_source(data: bytes, *, largest: int = LARGEST_PAGE) -> SourceText:
    """UTF-8 bytes (with or without BOM; LF, CRLF or CR) to text. Never raises."""
    if len(data) > largest:
        message = f"This file is larger than {largest:,} bytes."
        diagnostic = Diagnostic(
            1, 1, "too-large", message, "Split it, or move data out of it.", fatal=True
        )
        return SourceText("", (diagnostic,))
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        message = "This file is UTF-16 text."
        return SourceText(
            "",
            (Diagnostic(1, 1, "not-utf-8", message, "Save the file as UTF-8.", fatal=True),),
        )
    diagnostics: list[Diagnostic] = []
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        before = _normalise_newlines(data[: error.start].decode("utf-8"))
        line, column = position_in(before.removeprefix("\ufeff"), None)
        byte = data[error.start]
        message = f"Byte 0x{byte:02X} is not UTF-8 text."
        diagnostics.append(
            Diagnostic(line, column, "not-utf-8", message, "Save the file as UTF-8.", True)
        )
        text = data.decode("utf-8", "replace")
    text = _normalise_newlines(text.removeprefix("\ufeff"))
    control = _CONTROL.search(text)
    if control:
        line, column = position_in(text, control.start())
        message = f"There is an invisible control character (U+{ord(control[0]):04X}) here."
        diagnostics.append(Diagnostic(line, column, "control-character", message, "Delete it."))
        text = _CONTROL.sub("\ufffd", text)
    if largest == LARGEST_PAGE and text.count("\n") > MOST_LINES:
        message = f"This file holds {text.count(chr(10)):,} lines; a page may hold {MOST_LINES:,}."
        diagnostics.append(Diagnostic(1, 1, "too-large", message, "Split it.", fatal=True))
        text = ""
    elif not text.strip():
        message = "This file is empty."
        diagnostics.append(
            Diagnostic(1, 1, "empty-file", message, "Write the page, or delete it.", True)
        )
    return SourceText(text, tuple(diagnostics))


def _normalise_newlines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def position_in(text: str, offset: int | None) -> tuple[int, int]:
    """The line and column (both from 1) of ``offset`` in ``text``; None means its end."""
    before = text if offset is None else text[:offset]
    return before.count("\n") + 1, len(before) - before.rfind("\n")


class LineIndex:
    """Offsets of one text to lines and columns, in O(log lines) each."""

    def __init__(self, text: str) -> None:
        self._starts = [0, *(match.end() for match in re.finditer("\n", text))]

    def position_at(self, offset: int) -> tuple[int, int]:
        line = bisect.bisect_right(self._starts, offset)
        return line, offset - self._starts[line - 1] + 1
