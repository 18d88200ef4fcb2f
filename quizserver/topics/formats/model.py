"""The values between a bank's format and our markdown: questions, images, and the results."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from quizserver.topics.model import Diagnostic

if TYPE_CHECKING:
    from quizserver.topics.markdown import LabelDefinition
    from quizserver.topics.question import ParsedQuestion

MAX_BANK_BYTES = 32 * 1024 * 1024

# Reads an image by its path beside the bank (with /); None when there is no such file. Raises
# UnsupportedQuestionError for a file that may not be imported.
ImageLoader = Callable[[str], bytes | None]


@dataclass(frozen=True, slots=True)
class OptionData:
    """One option; ``text`` and ``feedback`` are markdown."""

    text: str
    right: bool = field(repr=False)
    feedback: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class QuestionData:
    """A question independent of any format, its texts in our markdown.

    ``line`` is where it begins in the bank. ``images`` are those that the bank itself contains, by
    the path that the texts name. ``definitions`` are link definitions of the whole bank, which the
    texts may use beside their own. ``notes`` say what was left behind, having no counterpart here.
    """

    title: str
    stem: str
    options: tuple[OptionData, ...]
    line: int = 1
    hints: tuple[str, ...] = ()
    explanation: str = ""
    references: str = ""
    tags: tuple[str, ...] = ()
    shuffle: bool = True
    id: str | None = None
    images: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    definitions: tuple[LabelDefinition, ...] = field(default=(), repr=False)
    notes: tuple[str, ...] = ()

    @property
    def multiple(self) -> bool:
        return sum(option.right for option in self.options) > 1


class UnsupportedQuestionError(Exception):
    """A question that cannot be imported: why, and what its author can do about it.

    ``line`` is where the reason stands, when that is not the first line of the question.
    """

    def __init__(self, code: str, message: str, hint: str = "", line: int | None = None) -> None:
        super().__init__(message)
        self.code, self.message, self.hint, self.line = code, message, hint, line

    def to_diagnostic(self, bank: str, first_line: int) -> Diagnostic:
        """The problem of the question that begins at ``first_line`` of ``bank``."""
        line = first_line if self.line is None else self.line
        return Diagnostic(line, 1, self.code, self.message, self.hint, path=bank)


@dataclass(frozen=True, slots=True)
class ImageFile:
    """An image and its path relative to the topic's folder, with forward slashes."""

    path: str
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class ImportedQuestion:
    """A question as a markdown file without any problem (it may have warnings), parsed.

    Its path begins with a placeholder for the topic's folder. ``line`` is where it begins in the
    bank.
    """

    parsed: ParsedQuestion = field(repr=False)
    title: str
    line: int
    images: tuple[ImageFile, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def slug(self) -> str:
        """The question's id, and the name of its file without ``.md``."""
        return self.parsed.id

    @property
    def source(self) -> str:
        return self.parsed.text

    @property
    def warnings(self) -> tuple[Diagnostic, ...]:
        """What the checker will warn of in the question's file."""
        return self.parsed.diagnostics


@dataclass(frozen=True, slots=True)
class ImageElsewhere:
    """An image on another server: its address, where an import looks for it beside the bank, and
    the lines of the questions that were left out for want of it."""

    url: str
    saved_path: str
    lines: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ImportedBank:
    """The questions of a bank, a problem for each that was left out, and the images it lacks."""

    questions: tuple[ImportedQuestion, ...]
    problems: tuple[Diagnostic, ...]
    images_elsewhere: tuple[ImageElsewhere, ...] = ()


@dataclass(frozen=True, slots=True)
class Omission:
    """Something of a question that the exported format cannot hold. ``question`` is its id."""

    question: str
    what: str


@dataclass(frozen=True, slots=True)
class ExportedBank:
    """The bytes of an exported bank, and what it cannot hold."""

    data: bytes = field(repr=False)
    omissions: tuple[Omission, ...] = ()
