"""What passes between a format and our markdown: one neutral question, and what became of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from quizserver.topics.model import Diagnostic

IMPORT_FORMATS = ("plain", "gift", "moodle")
EXPORT_FORMATS = ("gift", "moodle", "qti")
MAX_BANK_BYTES = 32 * 1024 * 1024

# The bytes of a file, by its path beside the bank (with /); None when there is no such file.
# Raises PictureError when there is one that may not be taken.
ImageLoader = Callable[[str], bytes | None]


@dataclass(frozen=True, slots=True)
class OptionData:
    """One option; ``text`` and ``feedback`` are markdown."""

    text: str
    right: bool = field(repr=False)
    feedback: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class QuestionData:
    """A question as every format has it, its texts in our markdown. ``line`` is where it began.

    ``pictures`` are those that the source holds in itself, by the path that the texts name.
    ``notes`` say what of the source has no counterpart here and was left behind.
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
    notes: tuple[str, ...] = ()

    @property
    def multiple(self) -> bool:
        return sum(option.right for option in self.options) > 1


class UnsupportedQuestionError(ValueError):
    """A question that can't be brought over: why, and what its author can do about it."""

    def __init__(self, code: str, message: str, hint: str = "", line: int | None = None) -> None:
        super().__init__(message)
        self.code, self.message, self.hint, self.line = code, message, hint, line


@dataclass(frozen=True, slots=True)
class ImageFile:
    """An image to lie at ``path``, relative to the topic's folder, with forward slashes."""

    path: str
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class ImportedQuestion:
    """A question in our markdown that the checker has nothing to say against.

    ``slug`` is its id and the name of its file without ``.md``; ``line`` is where it stood.
    """

    source: str = field(repr=False)
    slug: str
    title: str
    line: int
    images: tuple[ImageFile, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ImportedBank:
    """A bank that was read: the questions, and a problem for each one that was left out."""

    questions: tuple[ImportedQuestion, ...]
    problems: tuple[Diagnostic, ...]


@dataclass(frozen=True, slots=True)
class Omission:
    """Something of a question that the written format has no room for."""

    question: str
    what: str


@dataclass(frozen=True, slots=True)
class ExportedBank:
    """A bank in another format, and what it leaves behind."""

    data: bytes = field(repr=False)
    omissions: tuple[Omission, ...] = ()
