"""Answers as the database packs them: two whole numbers and a word each, many in one text. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from quizserver.classes.statistics.answers import Floats, Ids

# Of an attempt's second number, from the lowest bits: 20 for the mark in millionths, 20 for the
# tenths of seconds that it took and one, and the attempt's own number above them.
MILLION = TENTHS = 2**20
SECONDS_MAX = 100_000
"""More than a day: beyond it the time of an answer counts as unknown."""


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """N rows: ``keys`` (N,) and ``details`` (N,) whole numbers, ``words`` N texts.

    A key is a person's id and a moment, in seconds of Unix time until the year 2106. ``texts`` is
    how many of the texts that will come are in it, empty ones counted.
    """

    keys: Ids
    details: Ids
    words: Sequence[str]
    texts: int

    @property
    def people(self) -> Ids:
        return self.keys >> 32

    @property
    def moments(self) -> Ids:
        return self.keys & (2**32 - 1)

    @property
    def numbers(self) -> Ids:
        """The how-manieth attempt each is."""
        return self.details // (MILLION * TENTHS)

    @property
    def seconds(self) -> Floats:
        """How long each took, to a tenth; NaN where it is unknown."""
        tenths = self.details // MILLION % TENTHS
        found: Floats = np.where(tenths == 0, np.nan, (tenths - 1) / 10)
        return found

    @property
    def marks(self) -> Floats:
        found: Floats = self.details % MILLION / 1_000_000
        return found


def key_of(people: Ids, moments: Ids) -> Ids:
    found: Ids = (people << 32) + moments
    return found


def unpacked(texts: Sequence[str], count: int) -> Part:
    """The rows of some texts, each "key detail key detail …|word⏎word …"."""
    pairs = [text.split("|", 1) for text in texts]
    numbers = np.fromstring(" ".join(each for each, _ in pairs), np.int64, sep=" ")
    words = "\n".join(each for _, each in pairs).split("\n") if pairs else []
    return Part(numbers[::2], numbers[1::2], words, count)
