"""Decodes the bytes of a bank in a text format."""

from __future__ import annotations

from quizserver.topics.formats.model import MAX_BANK_BYTES
from quizserver.topics.model import Diagnostic
from quizserver.topics.source_text import decode_source

_UTF_16 = ("UTF-16 text", "Save it as UTF-8.")
_OTHER_FILE_TYPES = {
    b"PK": ("a zip archive", "Unpack it, and import what is in it."),
    b"\xff\xfe": _UTF_16,
    b"\xfe\xff": _UTF_16,
}


def decode_text_bank(name: str, data: bytes) -> tuple[str, list[Diagnostic]]:
    """The text of the bank ``name``, its newlines as ``\\n``, and what was wrong with its bytes.

    The text is empty when ``data`` is a file of another type. Never raises.
    """
    for beginning, (file_type, hint) in _OTHER_FILE_TYPES.items():
        if data.startswith(beginning):
            message = f"This file is {file_type}."
            return "", [Diagnostic(1, 1, "not-a-bank", message, hint, path=name)]
    decoded = decode_source(data, largest=MAX_BANK_BYTES)
    return decoded.text, [problem.at_path(name) for problem in decoded.diagnostics]
