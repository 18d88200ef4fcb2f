"""What learners did at questions: tables that attempts fill, in whatever order. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quizserver.classes.items.packing import Part, key_of
from quizserver.classes.statistics.answers import Bools, Floats, Ids, Marks
from quizserver.classes.statistics.pace import Pace

Simulations = Mapping[str, tuple[str, str] | None]
"""The topic and the name of each question's simulation, None where it has none."""

# What stands where nobody has answered, and as what it is kept: 62 bytes a cell.
_TABLES: Mapping[str, tuple[float, type[Any]]] = {
    "attempts": (0, np.int32),
    "solved": (False, np.bool_),
    "first_mark": (np.nan, np.float64),
    "first_chosen": (-1, np.int32),
    "first_seconds": (np.nan, np.float64),
    "first_at": (0, np.int64),
    "second_at": (0, np.int64),
    "mark": (np.nan, np.float64),
    "chosen": (-1, np.int32),
    "seconds": (np.nan, np.float64),
}


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """What R learners did at Q questions: their first attempts, their latest, and how far."""

    first: Marks
    latest: Marks
    pace: Pace


class Cells:
    """R learners, ``learners`` (R,) ascending ids, at Q questions; ``size`` is R · Q.

    There are none at first. ``add`` may get an attempt twice. ``of`` makes a copy, so that what was
    read from one stays as it was.
    """

    def __init__(self, questions: Sequence[str]) -> None:
        self.learners: Ids = np.zeros(0, np.int64)
        self.questions = tuple(questions)
        self._tables: dict[str, NDArray[Any]] = {
            name: np.zeros((0, len(questions)), kind) for name, (_, kind) in _TABLES.items()
        }
        self._seen: Floats = np.zeros(0)
        self._columns = {question: number for number, question in enumerate(questions)}
        # Every word that came, with its column and its set of options; -1 for another question's.
        self._words: dict[str, int] = {}
        self._places: list[tuple[int, int]] = []
        self._sets: dict[tuple[str, ...], int] = {}

    @property
    def size(self) -> int:
        return len(self.learners) * len(self.questions)

    @property
    def counts(self) -> NDArray[np.int64]:
        """(R,): how many attempts each learner made."""
        found: NDArray[np.int64] = self._tables["attempts"].sum(axis=1, dtype=np.int64)
        return found

    def of(self, learners: Ids, without: Ids) -> Cells:
        """A copy with the rows of ``learners``, empty for who is new or in ``without``."""
        copied = copy(self)  # the words and sets are shared: they only grow
        copied.learners = learners
        rows, known = rows_of(self.learners, learners)
        known &= ~np.isin(learners, without)

        def moved(table: NDArray[Any], empty: float) -> NDArray[Any]:
            made = np.full((len(learners), *table.shape[1:]), empty, table.dtype)
            made[known] = table[rows[known]]
            return made

        copied._tables = {n: moved(t, _TABLES[n][0]) for n, t in self._tables.items()}
        copied._seen = moved(self._seen, -np.inf)
        return copied

    def add(self, part: Part) -> None:
        """Takes attempts in; those of other learners and of other questions are left out."""
        rows, known = rows_of(self.learners, part.people)
        columns, chosen = self._placed(part.words)
        # Ascending: where several are of one cell, the highest number is written last and stays.
        order = np.argsort(part.numbers, kind="stable")
        order = order[(known & (columns >= 0))[order]]
        at = rows[order], columns[order]
        number, moment, mark = part.numbers[order], part.moments[order], part.marks[order]
        fields = {"mark": mark, "chosen": chosen[order], "seconds": part.seconds[order]}
        tables = self._tables
        self._write("", number == 1, at, {"first_at": moment})
        self._write("", number == 2, at, {"second_at": moment})
        self._write("first_", number == 1, at, fields)
        self._write("", number >= tables["attempts"][at], at, fields | {"attempts": number})
        tables["solved"][at[0][mark == 1], at[1][mark == 1]] = True
        np.maximum.at(self._seen, at[0], moment)

    def answers(self, joined_at: Floats, simulations: Simulations, runs: Runs) -> Answers:
        """The whole of it, for the statistics; ``joined_at`` (R,) in Unix time."""
        tables = self._tables
        common: dict[str, Any] = {
            "questions": self.questions,
            "learners": self.learners,
            "sets": tuple(self._sets),
            "tried_again": tables["attempts"] >= 2,
            "ran": self._ran(simulations, runs),
        }

        def marks(prefix: str) -> dict[str, Any]:
            names = {"marks": "mark", "chosen": "chosen", "seconds": "seconds"}
            return {name: tables[prefix + table] for name, table in names.items()} | common

        return Answers(
            Marks(**marks("first_")),
            Marks(**marks(""), which="latest"),
            Pace(
                self.questions, self.learners, joined_at, tables["attempts"], tables["solved"],
                self._seen,
            ),
        )  # fmt: skip

    def _write(
        self, prefix: str, which: Bools, at: tuple[Any, Any], fields: Mapping[str, Any]
    ) -> None:
        for name, values in fields.items():
            self._tables[prefix + name][at[0][which], at[1][which]] = values[which]

    def _placed(self, words: Sequence[str]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The column of each word's question, -1 for none of these, and its set of options."""
        for word in set(words) - self._words.keys():
            question, _, chosen = word.partition("[")
            options = tuple(json.loads(f"[{chosen}"))
            number = self._sets.setdefault(options, len(self._sets))
            self._words[word] = len(self._places)
            self._places.append((self._columns.get(question, -1), number))
        codes = np.array([self._words[word] for word in words], np.int64)
        places = np.array(self._places, np.int64).reshape(-1, 2)[codes]
        return places[:, 0], places[:, 1]

    def _ran(self, simulations: Simulations, runs: Runs) -> Bools:
        """Who ran a question's experiment between their first and their second attempt."""
        ran = np.zeros((len(self.learners), len(self.questions)), np.bool_)
        for column, question in enumerate(self.questions):
            known = runs.of(simulations[question])
            if known is not None:
                first, second = (self._tables[f"{n}_at"][:, column] for n in ("first", "second"))
                rows = np.flatnonzero(second)
                who = self.learners[rows]
                begin = np.searchsorted(known, key_of(who, first[rows]), side="left")
                end = np.searchsorted(known, key_of(who, second[rows]), side="right")
                ran[rows, column] = end > begin
        return ran


class Runs:
    """Who ran which simulation when: sorted keys, see ``Part``, by topic and simulation."""

    def __init__(self, known: Mapping[str, Ids] | None = None) -> None:
        self._known = dict(known or {})

    def copy(self) -> Runs:
        return Runs(self._known)

    def add(self, part: Part) -> None:
        """Takes experiments in; one that comes twice counts once."""
        words = np.array(part.words, dtype=np.str_)
        for word in set(part.words):
            keys = part.keys[words == word]
            self._known[word] = np.union1d(self._known.get(word, keys), keys)

    def of(self, simulation: tuple[str, str] | None) -> Ids | None:
        return self._known.get("/".join(simulation)) if simulation is not None else None


def rows_of(learners: Ids, people: Ids) -> tuple[NDArray[np.int64], Bools]:
    """Where each of ``people`` stands in the ascending ``learners``, and whether they do."""
    if not len(learners):
        return np.zeros(len(people), np.int64), np.zeros(len(people), np.bool_)
    rows = np.minimum(np.searchsorted(learners, people), len(learners) - 1)
    known: Bools = learners[rows] == people
    return rows, known
