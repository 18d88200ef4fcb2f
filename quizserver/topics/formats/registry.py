"""The table of formats in which question banks are imported and exported.

A new format is a module with a reader, a writer or both, and one entry of ``FORMATS``. The choices
of ``--format`` and the help of the commands follow from it; ``test_registry.py`` compares the docs.
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
        pattern=re.compile(rb"^\s*(?:[-*+]|\d+[.)])\s*\[[ xX]?\]\s", re.MULTILINE),
        reader="plain.reader:read_plain",
        no_questions_hint="A question is a heading, then a list with - [ ] and - [x]; "
        "--format reads the file as something else.",
    ),
    GIFT,
    BankFormat(
        name="moodle",
        label="Moodle XML",
        suffixes=(".xml",),
        signature=re.compile(rb"<\?xml|<quiz"),
        reader="moodle.reader:read_moodle",
        writer="moodle.writer:write_moodle",
        no_questions_hint="Export from Moodle as Moodle XML.",
    ),
    BankFormat(name="qti", label="a QTI 2.1 package", suffixes=(".zip",), writer="qti:write_qti"),
)
IMPORT_FORMATS = {known.name: known for known in FORMATS if known.reader}
EXPORT_FORMATS = {known.name: known for known in FORMATS if known.writer}


def format_labels(formats: Iterable[BankFormat], conjunction: str) -> str:
    """The labels of ``formats`` as a list in a sentence: ``GIFT, Moodle XML and QTI``."""
    *labels, last_label = [known.label for known in formats]
    return f"{', '.join(labels)} {conjunction} {last_label}"


def guess_format(name: str, data: bytes) -> BankFormat:
    """The format of a bank, from its first bytes, else its suffix, else its text, else GIFT."""
    beginning = data[:_BYTES_SEARCHED].removeprefix(b"\xef\xbb\xbf").lstrip()
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


def _load_function(reference: str) -> Any:
    module_name, _, function_name = reference.partition(":")
    return getattr(import_module(f"{__package__}.{module_name}"), function_name)
