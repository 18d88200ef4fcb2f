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
class PackedRows:
    """N rows: ``keys`` (N,) and ``details`` (N,) whole numbers, ``words`` N texts.

    A key is a person's id and a moment, in seconds of Unix time until the year 2106. ``texts`` is
    how many of the texts that will come are in it, empty ones counted.
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
        """The how-manieth attempt each is."""
        return self.details // (MILLION * TENTHS)

    @property
    def seconds(self) -> Floats:
        """How long each took, to a tenth; NaN where it is unknown."""
        tenths = self.details // MILLION % TENTHS
        durations: Floats = np.where(tenths == 0, np.nan, (tenths - 1) / 10)
        return durations

    @property
    def marks(self) -> Floats:
        values: Floats = self.details % MILLION / 1_000_000
        return values


def person_moment_key(people: Ids, moments: Ids) -> Ids:
    keys: Ids = (people << 32) + moments
    return keys


def unpack_rows(texts: Sequence[str], count: int) -> PackedRows:
    """The rows of some texts, each "key detail key detail …|word⏎word …"."""
    pairs = [text.split("|", 1) for text in texts]
    numbers = np.fromstring(" ".join(half for half, _ in pairs), np.int64, sep=" ")
    words = "\n".join(half for _, half in pairs).split("\n") if pairs else []
    return PackedRows(numbers[::2], numbers[1::2], words, count)
