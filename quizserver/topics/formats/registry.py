"""The table of formats in which question banks are imported and exported.

A new format is a module with a reader, a writer or both, and one entry of ``FORMATS``. The choices
of ``--format`` and the help of the commands follow from it; ``test_registry.py`` compares the docs.
``FOREIGN_FORMATS`` are those that are not read, and named.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

from quizserver.topics.formats.model import QuestionData
from quizserver.topics.model import Diagnostic

if TYPE_CHECKING:
    from quizserver.topics.formats.export_question import ExportedQuestion

# Yields each question of a bank, or why it cannot be imported, from the bank's name and bytes.
BankReader = Callable[[str, bytes], Iterator[QuestionData | Diagnostic]]
BankWriter = Callable[["Sequence[ExportedQuestion]"], bytes]

_BYTES_SEARCHED = 65536


@dataclass(frozen=True, slots=True)
class BankFormat:
    """One format of question banks.

    ``label`` names it in help and docs. ``suffixes`` are lower case, with their dot. ``signature``
    matches the first bytes of a file that is certainly in this format, whatever its suffix;
    ``pattern`` occurs near the beginning of a file that probably is. ``reader`` and ``writer`` are
    ``"module:function"`` inside this package (None: not imported, not exported). They are imported
    at first use, since they need modules that would make ``quizserver --help`` slow.
    ``no_questions_hint`` helps when a bank holds no question.
    """

    name: str
    label: str
    suffixes: tuple[str, ...]
    signature: re.Pattern[bytes] | None = None
    pattern: re.Pattern[bytes] | None = None
    reader: str | None = None
    writer: str | None = None
    no_questions_hint: str = ""

    def load_reader(self) -> BankReader:
        """Imports the reader. Raises ValueError when the format is not imported."""
        if self.reader is None:
            raise ValueError(f"{self.name!r} is not read")
        reader: BankReader = _load_function(self.reader)
        return reader

    def load_writer(self) -> BankWriter:
        """Imports the writer. Raises ValueError when the format is not exported."""
        if self.writer is None:
            raise ValueError(f"{self.name!r} is not written")
        writer: BankWriter = _load_function(self.writer)
        return writer


GIFT = BankFormat(
    name="gift",
    label="GIFT",
    suffixes=(".gift",),
    reader="gift:read_gift",
    writer="gift_writer:write_gift",
    no_questions_hint="A question is a text, then its answers between { and }; "
    "--format reads the file as something else.",
)

FORMATS = (
    BankFormat(
        name="plain",
        label="plain task lists in markdown",
        suffixes=(".md", ".markdown"),
        pattern=re.compile(rb"^[ \t]*(?:[-*+]|\d{1,9}[.)])[ \t]*\[[ xX]?\]\s", re.MULTILINE),
        reader="plain.reader:read_plain",
        no_questions_hint="A question is a heading, then a list with - [ ] and - [x]; "
        "--format reads the file as something else.",
    ),
    GIFT,
    BankFormat(
        name="moodle",
        label="Moodle XML",
        suffixes=(".xml",),
        signature=re.compile(
            rb"(?!(?:<[?!][^>]*>\s*)*+<(?:[\w-]+:)?(?:questestinterop|assessmentItem)\b)(?:<\?xml|<quiz)"
        ),
        reader="moodle.reader:read_moodle",
        writer="moodle.writer:write_moodle",
        no_questions_hint="Export from Moodle as Moodle XML.",
    ),
    BankFormat(
        name="aiken",
        label="Aiken",
        suffixes=(".aiken",),
        pattern=re.compile(
            rb"^[ \t]{0,9}[A-Za-z][.)][ \t][^\n]*\n\s{0,20}ANSWERS?:[ \t]*[A-Za-z]\b", re.MULTILINE
        ),
        reader="aiken:read_aiken",
        no_questions_hint="A question is a line, then its options A) and B), then ANSWER: B.",
    ),
    BankFormat(
        name="csv",
        label="CSV",
        suffixes=(".csv", ".tsv"),
        pattern=re.compile(
            rb"\A[^\n{}]{0,300}?\bquestion\b[^\n{}]{0,300}?[,;\t][^\n{}]{0,300}?\b(?:options?|answers?|correct)\b",
            re.I,
        ),
        reader="tables:read_csv",
        writer="csv_writer:write_csv",
        no_questions_hint="A row below the heads is a question: Question, Option A, …, Answer.",
    ),
    BankFormat(
        name="xlsx",
        label="an Excel workbook",
        suffixes=(".xlsx",),
        signature=re.compile(rb"PK\x03\x04(?s:.*?)xl/work"),
        reader="tables:read_xlsx",
        no_questions_hint="A row below the heads is a question: Question, Option A, …, Answer.",
    ),
    BankFormat(
        name="qti",
        label="a QTI package",
        suffixes=(".zip", ".imscc"),
        signature=re.compile(
            rb"PK\x03\x04(?s:.*?)imsmanifest\.xml"
            rb"|(?:<[?!][^>]*>\s*)*+<(?:[\w-]+:)?(?:questestinterop|assessmentItem)\b"
        ),
        reader="qti_package:read_qti",
        writer="qti:write_qti",
        no_questions_hint="Export the quizzes, and not other content of the course, as QTI.",
    ),
)


@dataclass(frozen=True, slots=True)
class ForeignFormat:
    """A format that is not read: ``pattern`` matches the beginning and the end of its files."""

    label: str
    pattern: re.Pattern[bytes]
    hint: str


def _foreign(label: str, pattern: bytes, hint: str) -> ForeignFormat:
    return ForeignFormat(label, re.compile(pattern, re.MULTILINE | re.IGNORECASE), hint)


_ZIP_WITH = rb"\APK\x03\x04(?s:.*?)"
_AS_TABLE = (
    "Save its questions as CSV or .xlsx: a row for each, with Question, Option A, …, Answer."
)
_FROM_COURSE = "Export the questions from its course system as Moodle XML, GIFT, Aiken or CSV."
FOREIGN_FORMATS = (
    _foreign("H5P content", _ZIP_WITH + rb"h5p\.json", _AS_TABLE),
    _foreign("an Anki deck", _ZIP_WITH + rb"collection\.anki2", _AS_TABLE),
    _foreign(
        "a text of Anki's notes",
        rb"\A#(?:separator|html|notetype|deck|columns|tags)[: ]",
        _AS_TABLE,
    ),
    _foreign(
        "a backup of a Moodle course",
        _ZIP_WITH + rb"moodle_backup\.xml",
        "Export its question bank from Moodle as Moodle XML.",
    ),
    _foreign(
        "OLX, the format of Open edX",
        rb"\A\s*(?:<\?xml[^>]*>\s*)?<(?:problem|library|course|sequential|vertical|multiplechoiceresponse|choiceresponse)\b",
        _AS_TABLE,
    ),
    _foreign(
        "a Word document",
        _ZIP_WITH + rb"word/document\.xml",
        "Save it as text, in the form of Aiken or GIFT.",
    ),
    _foreign(
        "an OpenDocument file",
        _ZIP_WITH + rb"application/vnd\.oasis\.opendocument",
        "Save a table as .xlsx or CSV, a text in the form of Aiken or GIFT.",
    ),
    _foreign(
        "an old Excel or Word file",
        rb"\A\xd0\xcf\x11\xe0",
        "Save a table as .xlsx or CSV, a text in the form of Aiken or GIFT.",
    ),
    _foreign("a PDF", rb"\A%PDF-", "Look for the file that it was made from."),
    _foreign("an RTF text", rb"\A\{\\rtf", "Save it as plain text, in the form of Aiken or GIFT."),
    _foreign("a web page", rb"\A\s*(?:<!doctype html|<html)\b", _FROM_COURSE),
    _foreign(
        "a gzip archive, such as a Moodle backup or an export of Open edX",
        rb"\A\x1f\x8b",
        _FROM_COURSE,
    ),
    _foreign("a table of Blackboard", rb"\A(?:MC|MA|TF|ESS|FIB|ORD|MAT)\t", _AS_TABLE),
    _foreign("JSON", rb"\A\s*(?:\{\s*\"|\[\s*\{\s*\")", _AS_TABLE),
    _foreign(
        "text2qti's text",
        rb"\A(?!(?s:.*)^[ \t]*[-*+][ \t]+\[[ x]\])(?s:.*)^(?:\*[a-z]\)[ \t]|\[\*\][ \t]\S)",
        "Write it as Aiken (ANSWER: B behind the options), or as GIFT.",
    ),
)
IMPORT_FORMATS = {known.name: known for known in FORMATS if known.reader}
EXPORT_FORMATS = {known.name: known for known in FORMATS if known.writer}


def format_labels(formats: Iterable[BankFormat], conjunction: str) -> str:
    """The labels of ``formats`` as a list in a sentence: ``GIFT, Moodle XML and QTI``."""
    *labels, last_label = [known.label for known in formats]
    return f"{', '.join(labels)} {conjunction} {last_label}"


def guess_format(name: str, data: bytes) -> BankFormat:
    """The format of a bank, from its first bytes, else its suffix, else its text, else GIFT."""
    beginning = _searched_bytes(data)
    suffix = f".{name.lower().rpartition('.')[2]}"
    for known in IMPORT_FORMATS.values():
        if known.signature and known.signature.match(beginning):
            return known
    for known in IMPORT_FORMATS.values():
        if suffix in known.suffixes:
            return known
    for known in IMPORT_FORMATS.values():
        if known.pattern and known.pattern.search(beginning):
            return known
    return GIFT


def recognise_foreign_format(data: bytes) -> ForeignFormat | None:
    """The format of a file that is not read, if it is one that can be told by its content."""
    searched = _searched_bytes(data)
    return next((known for known in FOREIGN_FORMATS if known.pattern.search(searched)), None)


def _searched_bytes(data: bytes) -> bytes:
    """The beginning of a file, and its end, where a zip file names its members."""
    beginning = data[:_BYTES_SEARCHED].removeprefix(b"\xef\xbb\xbf").lstrip()
    if beginning.startswith(b"PK"):
        return beginning + data[_BYTES_SEARCHED:][-_BYTES_SEARCHED:]
    return beginning


def _load_function(reference: str) -> Any:
    module_name, _, function_name = reference.partition(":")
    return getattr(import_module(f"{__package__}.{module_name}"), function_name)
