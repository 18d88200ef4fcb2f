"""The answers of a class as arrays: one attempt of each learner at each question. Pure numpy.

A class of 5,000 with 200 questions has a million cells, so no object is made for a cell.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from quizserver.deferred_numpy import np
from quizserver.topics.model import Question

if TYPE_CHECKING:
    from numpy.typing import NDArray

Floats: TypeAlias = "NDArray[np.float64]"
Ints: TypeAlias = "NDArray[np.int32]"
Ids: TypeAlias = "NDArray[np.int64]"
Bools: TypeAlias = "NDArray[np.bool_]"

WhichAttempt = Literal["first", "latest"]


@dataclass(frozen=True, slots=True)
class ItemKey:
    """A question for the statistics: its options in order, and the key.

    A question that is no longer in the content has no options.
    """

    question: str
    options: tuple[str, ...]
    right: frozenset[str]

    @classmethod
    def from_question(cls, question: Question) -> ItemKey:
        return cls(question.id, question.option_ids, question.right_ids)


@dataclass(frozen=True, slots=True, eq=False)
class AttemptTable:
    """One attempt of R learners at Q questions: the first, or the latest.

    - ``learners`` (R,): person ids, ascending, so that two databases give the same rows.
    - ``marks`` (R, Q): fractions of 1; NaN where the learner has not answered.
    - ``chosen`` (R, Q): which of ``sets`` the learner chose; -1 where they have not answered.
    - ``sets``: the distinct sets of option ids that were chosen at any question.
    - ``seconds`` (R, Q): how long this attempt took; NaN where unknown.
    - ``tried_again`` (R, Q): whether there is a second attempt.
    - ``ran`` (R, Q): whether the question's experiment was run between the first and the second
      attempt.

    Raises ValueError when the shapes do not fit together.
    """

    questions: tuple[str, ...]
    learners: Ids
    marks: Floats
    chosen: Ints
    sets: tuple[tuple[str, ...], ...]
    seconds: Floats
    tried_again: Bools
    ran: Bools
    which: WhichAttempt = "first"

    def __post_init__(self) -> None:
        shape = (len(self.learners), len(self.questions))
        for name in ("marks", "chosen", "seconds", "tried_again", "ran"):
            actual = getattr(self, name).shape
            if actual != shape:
                raise ValueError(f"{name} is {actual}, learners and questions make {shape}")
        if self.chosen.size and not -1 <= self.chosen.min() <= self.chosen.max() < len(self.sets):
            raise ValueError("chosen must be -1 or the number of one of the sets")

    def select_questions(self, questions: Sequence[str]) -> AttemptTable:
        """The table of the same learners at some of the questions, in the given order.

        Raises KeyError for a question that is not in the table.
        """
        positions = {question: number for number, question in enumerate(self.questions)}
        columns = np.array([positions[question] for question in questions], int)
        return AttemptTable(
            tuple(questions),
            self.learners,
            self.marks[:, columns],
            self.chosen[:, columns],
            self.sets,
            self.seconds[:, columns],
            self.tried_again[:, columns],
            self.ran[:, columns],
            self.which,
        )

    @property
    def answered(self) -> Bools:
        """(R, Q): whether the learner has answered the question."""
        return ~np.isnan(self.marks)
