"""The formats of question banks: recognises, reads and writes them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence

from quizserver.topics.formats.export_question import (
    ExportedQuestion,
    collect_omissions,
    prepare_question,
)
from quizserver.topics.formats.gift import read_gift, write_gift
from quizserver.topics.formats.images import no_images
from quizserver.topics.formats.model import (
    IMPORT_FORMATS,
    MAX_BANK_BYTES,
    ExportedBank,
    ImageLoader,
    ImportedBank,
    QuestionData,
)
from quizserver.topics.formats.moodle import read_moodle, write_moodle
from quizserver.topics.formats.normalise import normalise_questions
from quizserver.topics.formats.plain import read_plain
from quizserver.topics.formats.qti import write_qti
from quizserver.topics.model import Diagnostic, Question
from quizserver.topics.source_text import decode_source

_UTF_16 = ("UTF-16 text", "Save it as UTF-8.")
_OTHER_FILE_TYPES = {
    b"PK": ("a zip archive", "Unpack it, and import what is in it."),
    b"\xff\xfe": _UTF_16,
    b"\xfe\xff": _UTF_16,
}


def read_bank(
    name: str, data: bytes, format_name: str | None, load_image: ImageLoader | None
) -> ImportedBank:
    """See ``formats.read``."""
    format_name = format_name or guess_format(name, data)
    if format_name not in IMPORT_FORMATS:
        raise ValueError(f"{format_name!r} is not read; known are {', '.join(IMPORT_FORMATS)}")
    if len(data) > MAX_BANK_BYTES:
        return ImportedBank((), (bank_too_large(name, len(data)),))
    imported = normalise_questions(
        name, _read_entries(name, data, format_name), load_image or no_images
    )
    if imported.questions or imported.problems:
        return imported
    message = "No question was found here."
    hint = {
        "plain": "A question is a heading, then a list with - [ ] and - [x]; "
        "--format reads the file as something else.",
        "gift": "A question is a text, then its answers between { and }; "
        "--format reads the file as something else.",
        "moodle": "Export from Moodle as Moodle XML.",
    }[format_name]
    return ImportedBank((), (Diagnostic(1, 1, "no-questions", message, hint, path=name),))


def _read_entries(name: str, data: bytes, format_name: str) -> Iterator[QuestionData | Diagnostic]:
    if format_name == "moodle":
        yield from read_moodle(name, data)
        return
    for beginning, (file_type, hint) in _OTHER_FILE_TYPES.items():
        if data.startswith(beginning):
            yield Diagnostic(1, 1, "not-a-bank", f"This file is {file_type}.", hint, path=name)
            return
    decoded = decode_source(data, largest=MAX_BANK_BYTES)
    for problem in decoded.diagnostics:
        yield problem.at_path(name)
    reader = read_gift if format_name == "gift" else read_plain
    yield from reader(name, decoded.text)


def bank_too_large(name: str, size: int) -> Diagnostic:
    """What is said of a bank that nobody wants to hold in memory."""
    hint = f"Split it into files of at most {MAX_BANK_BYTES:,}."
    return Diagnostic(1, 1, "too-large", f"This bank holds {size:,} bytes.", hint, path=name)


def guess_format(name: str, data: bytes) -> str:
    """The format that a name and the first bytes speak for."""
    beginning = data[:65536].removeprefix(b"\xef\xbb\xbf").lstrip()
    suffix = name.lower().rpartition(".")[2]
    if suffix == "xml" or beginning.startswith((b"<?xml", b"<quiz")):
        return "moodle"
    if suffix in ("md", "markdown"):
        return "plain"
    if suffix == "gift":
        return "gift"
    has_boxes = re.search(rb"^\s*(?:[-*+]|\d+[.)])\s*\[[ xX]?\]\s", beginning, re.MULTILINE)
    return "plain" if has_boxes else "gift"


_WRITERS: Mapping[str, Callable[[Sequence[ExportedQuestion]], bytes]] = {
    "gift": write_gift,
    "moodle": write_moodle,
    "qti": write_qti,
}


def write_bank(
    format_name: str, questions: Sequence[Question], load_image: ImageLoader | None
) -> ExportedBank:
    """See ``formats.write``."""
    if format_name not in _WRITERS:
        raise ValueError(f"{format_name!r} is not written; known are {', '.join(_WRITERS)}")
    exported = [prepare_question(question, load_image or no_images) for question in questions]
    data = _WRITERS[format_name](exported)
    return ExportedBank(data, collect_omissions(exported))
