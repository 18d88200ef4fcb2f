"""Decodes rows that the database packs into texts: two whole numbers and a word each. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from quizserver.classes.statistics.answers import Floats, Ids
from quizserver.deferred_numpy import np

# The second number of an attempt, from the lowest bits: 20 for the mark in millionths, 20 for the
# time in tenths of seconds plus one (0: unknown), and above them the attempt number.
MILLION = TENTHS = 2**20
NO_MARK = MILLION - 1
"""Stands for the mark of an attempt that was made after the answer was shown."""
SECONDS_MAX = 100_000
"""More than a day; a longer time counts as unknown."""


@dataclass(frozen=True, slots=True, eq=False)
class PackedRows:
    """N rows: ``keys`` (N,) and ``details`` (N,) whole numbers, ``words`` N texts.

    A key holds a person's id and a moment, in seconds of Unix time until the year 2106.
    ``text_count`` is the number of texts that were decoded, empty ones included.
    """

    keys: Ids
    details: Ids
    words: Sequence[str]
    text_count: int

    @property
    def people(self) -> Ids:
        return self.keys >> 32

    @property
    def moments(self) -> Ids:
        return self.keys & (2**32 - 1)

    @property
    def attempt_numbers(self) -> Ids:
        """(N,): the attempt number of each row."""
        return self.details // (MILLION * TENTHS)

    @property
    def seconds(self) -> Floats:
        """(N,): the time that each attempt took, to a tenth of a second; NaN where unknown."""
        tenths = self.details // MILLION % TENTHS
        durations: Floats = np.where(tenths == 0, np.nan, (tenths - 1) / 10)
        return durations

    @property
    def marks(self) -> Floats:
        """(N,): the marks, as fractions of 1; NaN for an attempt after the answer was shown."""
        millionths = self.details % MILLION
        values: Floats = np.where(millionths == NO_MARK, np.nan, millionths / 1_000_000)
        return values


def person_moment_key(people: Ids, moments: Ids) -> Ids:
    """The keys of ``PackedRows`` for people (N,) and moments (N,)."""
    keys: Ids = (people << 32) + moments
    return keys


def unpack_rows(texts: Sequence[str], count: int) -> PackedRows:
    """The rows of texts of the form "key detail key detail …|word⏎word …".

    ``count`` is the number of texts, empty ones included.
    """
    pairs = [text.split("|", 1) for text in texts]
    numbers = np.fromstring(" ".join(number_text for number_text, _ in pairs), np.int64, sep=" ")
    words = "\n".join(word_text for _, word_text in pairs).split("\n") if pairs else []
    return PackedRows(numbers[::2], numbers[1::2], words, count)
