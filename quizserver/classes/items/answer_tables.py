"""Tables of learners by questions, filled from attempts in any order. Pure."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from quizserver.classes.items.row_codec import PackedRows, person_moment_key
from quizserver.classes.statistics.answers import AttemptTable, Bools, Floats, Ids
from quizserver.classes.statistics.pace import Pace
from quizserver.deferred_numpy import np

if TYPE_CHECKING:
    from numpy.typing import NDArray

Simulations = Mapping[str, tuple[str, str] | None]
"""The topic and the name of each question's simulation, None where it has none."""

# The value of a cell without answer, and the type of the table: 66 bytes a cell in all. ``latest``
# is the number of the latest attempt that counts.
_TABLES: Mapping[str, tuple[float, str]] = {
    "attempts": (0, "int32"),
    "latest": (0, "int32"),
    "solved": (False, "bool"),
    "first_mark": (math.nan, "float64"),
    "first_chosen": (-1, "int32"),
    "first_seconds": (math.nan, "float64"),
    "first_at": (0, "int64"),
    "second_at": (0, "int64"),
    "mark": (math.nan, "float64"),
    "chosen": (-1, "int32"),
    "seconds": (math.nan, "float64"),
}


@dataclass(frozen=True, slots=True, eq=False)
class ClassAnswers:
    """The first and the latest attempts of R learners at Q questions, and their pace."""

    first: AttemptTable
    latest: AttemptTable
    pace: Pace


class AnswerTables:
    """What R learners, ``learners`` (R,) with ascending ids, did at Q questions.

    Empty at first. ``add_attempts`` may get an attempt twice. ``for_learners`` makes a copy: the
    tables that earlier results were made from stay as they are.
    """

    def __init__(self, questions: Sequence[str]) -> None:
        self.learners: Ids = np.zeros(0, np.int64)
        self.questions = tuple(questions)
        self._tables: dict[str, NDArray[Any]] = {
            name: np.zeros((0, len(questions)), kind) for name, (_, kind) in _TABLES.items()
        }
        self._last_seen: Floats = np.zeros(0)
        self._columns = {question: number for number, question in enumerate(questions)}
        # The number of every word that came; by that number its column (-1 for a question that is
        # not here) and the number of its set of options.
        self._words: dict[str, int] = {}
        self._word_cells: list[tuple[int, int]] = []
        self._sets: dict[tuple[str, ...], int] = {}

    @property
    def cell_count(self) -> int:
        return len(self.learners) * len(self.questions)

    @property
    def attempt_counts(self) -> NDArray[np.int64]:
        """(R,): the number of attempts of each learner."""
        totals: NDArray[np.int64] = self._tables["attempts"].sum(axis=1, dtype=np.int64)
        return totals

    def for_learners(self, learners: Ids, excluded: Ids) -> AnswerTables:
        """A copy with the rows of ``learners``, empty for new ones and those in ``excluded``."""
        copied = copy(self)  # shares the words and sets, which only grow
        copied.learners = learners
        rows, is_known = find_rows(self.learners, learners)
        is_known &= ~np.isin(learners, excluded)

        def move_rows(table: NDArray[Any], empty: float) -> NDArray[Any]:
            target = np.full((len(learners), *table.shape[1:]), empty, table.dtype)
            target[is_known] = table[rows[is_known]]
            return target

        copied._tables = {n: move_rows(t, _TABLES[n][0]) for n, t in self._tables.items()}
        copied._last_seen = move_rows(self._last_seen, -np.inf)
        return copied

    def add_attempts(self, packed: PackedRows) -> None:
        """Adds attempts; those of other learners and of other questions are left out.

        Those after the answer was shown are counted and seen, and are no answer.
        """
        rows, is_known = find_rows(self.learners, packed.people)
        columns, chosen = self._locate_words(packed.words)
        # In ascending order, so that the highest attempt number of a cell is written last.
        sequence = np.argsort(packed.attempt_numbers, kind="stable")
        sequence = sequence[(is_known & (columns >= 0))[sequence]]
        cells = rows[sequence], columns[sequence]
        number, moment, mark = (
            packed.attempt_numbers[sequence],
            packed.moments[sequence],
            packed.marks[sequence],
        )
        fields = {"mark": mark, "chosen": chosen[sequence], "seconds": packed.seconds[sequence]}
        tables = self._tables
        self._write_fields("", number == 1, cells, {"first_at": moment})
        self._write_fields("", number == 2, cells, {"second_at": moment})
        counts = ~np.isnan(mark)
        self._write_fields("first_", (number == 1) & counts, cells, fields)
        self._write_fields(
            "", (number >= tables["latest"][cells]) & counts, cells, fields | {"latest": number}
        )
        self._write_fields("", number >= tables["attempts"][cells], cells, {"attempts": number})
        tables["solved"][cells[0][mark == 1], cells[1][mark == 1]] = True
        np.maximum.at(self._last_seen, cells[0], moment)

    def to_class_answers(
        self, joined_at: Floats, simulations: Simulations, runs: ExperimentRuns
    ) -> ClassAnswers:
        """The tables as the statistics take them; ``joined_at`` (R,) in Unix time."""
        tables = self._tables
        common: dict[str, Any] = {
            "questions": self.questions,
            "learners": self.learners,
            "sets": tuple(self._sets),
            "tried_again": tables["attempts"] >= 2,
            "ran": self._ran_between_attempts(simulations, runs),
        }

        def attempt_fields(prefix: str) -> dict[str, Any]:
            names = {"marks": "mark", "chosen": "chosen", "seconds": "seconds"}
            return {name: tables[prefix + table] for name, table in names.items()} | common

        return ClassAnswers(
            AttemptTable(**attempt_fields("first_")),
            AttemptTable(**attempt_fields(""), which="latest"),
            Pace(
                self.questions, self.learners, joined_at, tables["attempts"], tables["solved"],
                self._last_seen,
            ),
        )  # fmt: skip

    def _write_fields(
        self, prefix: str, selected: Bools, cells: tuple[Any, Any], fields: Mapping[str, Any]
    ) -> None:
        for name, values in fields.items():
            self._tables[prefix + name][cells[0][selected], cells[1][selected]] = values[selected]

    def _locate_words(self, words: Sequence[str]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The column of each word, -1 for other questions, and its set's number: (N,), (N,)."""
        for word in set(words) - self._words.keys():
            question, _, chosen = word.partition("[")
            options = tuple(json.loads(f"[{chosen}"))
            set_number = self._sets.setdefault(options, len(self._sets))
            self._words[word] = len(self._word_cells)
            self._word_cells.append((self._columns.get(question, -1), set_number))
        codes = np.array([self._words[word] for word in words], np.int64)
        word_cells = np.array(self._word_cells, np.int64).reshape(-1, 2)[codes]
        return word_cells[:, 0], word_cells[:, 1]

    def _ran_between_attempts(self, simulations: Simulations, runs: ExperimentRuns) -> Bools:
        """(R, Q): whether the experiment was run between the first and the second attempt."""
        ran = np.zeros((len(self.learners), len(self.questions)), np.bool_)
        for column, question in enumerate(self.questions):
            run_keys = runs.keys_of(simulations[question])
            if run_keys is not None:
                first, second = (self._tables[f"{n}_at"][:, column] for n in ("first", "second"))
                rows = np.flatnonzero(second)
                people = self.learners[rows]
                begin = np.searchsorted(
                    run_keys, person_moment_key(people, first[rows]), side="left"
                )
                end = np.searchsorted(
                    run_keys, person_moment_key(people, second[rows]), side="right"
                )
                ran[rows, column] = end > begin
        return ran


class ExperimentRuns:
    """Who ran which simulation when: sorted ``PackedRows.keys`` by "topic/simulation"."""

    def __init__(self, run_keys: Mapping[str, Ids] | None = None) -> None:
        self._run_keys = dict(run_keys or {})

    def copy(self) -> ExperimentRuns:
        return ExperimentRuns(self._run_keys)

    def add_experiments(self, packed: PackedRows) -> None:
        """Adds experiments; one that comes twice counts once."""
        words = np.array(packed.words, dtype=np.str_)
        for word in set(packed.words):
            keys = packed.keys[words == word]
            self._run_keys[word] = np.union1d(self._run_keys.get(word, keys), keys)

    def keys_of(self, simulation: tuple[str, str] | None) -> Ids | None:
        return self._run_keys.get("/".join(simulation)) if simulation is not None else None


def find_rows(learners: Ids, people: Ids) -> tuple[NDArray[np.int64], Bools]:
    """The row of each of ``people`` in the ascending ``learners``, and whether there is one."""
    if not len(learners):
        return np.zeros(len(people), np.int64), np.zeros(len(people), np.bool_)
    rows = np.minimum(np.searchsorted(learners, people), len(learners) - 1)
    is_known: Bools = learners[rows] == people
    return rows, is_known
