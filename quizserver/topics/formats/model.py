"""What passes between a format and our markdown: one neutral question, and what became of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from quizserver.topics.model import Problem

READ = ("plain", "gift", "moodle")
WRITTEN = ("gift", "moodle", "qti")
LARGEST_BANK = 32 * 1024 * 1024

# The bytes of a file, by its path beside the bank (with /); None when there is no such file.
# Raises PictureError when there is one that may not be taken.
Files = Callable[[str], bytes | None]


@dataclass(frozen=True, slots=True)
class Choice:
    """One option; ``text`` and ``feedback`` are markdown."""

    text: str
    right: bool = field(repr=False)
    feedback: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Item:
    """A question as every format has it, its texts in our markdown. ``line`` is where it began.

    ``pictures`` are those that the source holds in itself, by the path that the texts name.
    ``notes`` say what of the source has no counterpart here and was left behind.
    """

    title: str
    stem: str
    options: tuple[Choice, ...]
    line: int = 1
    hints: tuple[str, ...] = ()
    explanation: str = ""
    references: str = ""
    tags: tuple[str, ...] = ()
    shuffle: bool = True
    id: str | None = None
    pictures: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    notes: tuple[str, ...] = ()

    @property
    def multiple(self) -> bool:
        return sum(option.right for option in self.options) > 1


class RefusedError(ValueError):
    """A question that can't be brought over: why, and what its author can do about it."""

    def __init__(self, code: str, message: str, hint: str = "", line: int | None = None) -> None:
        super().__init__(message)
        self.code, self.message, self.hint, self.line = code, message, hint, line


@dataclass(frozen=True, slots=True)
class Picture:
    """An image to lie at ``path``, relative to the topic's folder, with forward slashes."""

    path: str
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Brought:
    """A question in our markdown that the checker has nothing to say against.

    ``slug`` is its id and the name of its file without ``.md``; ``line`` is where it stood.
    """

    source: str = field(repr=False)
    slug: str
    title: str
    line: int
    pictures: tuple[Picture, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Imported:
    """A bank that was read: the questions, and a problem for each one that was left out."""

    questions: tuple[Brought, ...]
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class Loss:
    """Something of a question that the written format has no room for."""

    question: str
    what: str


@dataclass(frozen=True, slots=True)
class Written:
    """A bank in another format, and what it leaves behind."""

    data: bytes = field(repr=False)
    losses: tuple[Loss, ...] = ()
