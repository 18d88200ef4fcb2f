"""What the page of one question of a class shows. Pure: values in, views out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from quizserver.classes.items.bars import option_bars
from quizserver.classes.items.views import Cell, cell, figures_of, other_key
from quizserver.classes.statistics.figures import Figure
from quizserver.classes.statistics.items import ItemStatistics
from quizserver.classes.statistics.options import OptionCount
from quizserver.classes.statistics.teach import KeyDoubt
from quizserver.runs.bench import OptionEvidence
from quizserver.topics.model import Question


@dataclass(frozen=True, slots=True)
class OptionLine:
    """An option with how often it was chosen, and what its experiment says.

    ``html`` is None for an option that the question no longer has.
    """

    id: str
    html: str | None
    right: bool
    svg: Markup
    evidence: Sequence[OptionEvidence]
    doubt: KeyDoubt | None


@dataclass(frozen=True, slots=True)
class QuestionView:
    """Everything that the page reads. ``thirds`` says why these are not known, if so."""

    n: int
    compared: int
    cells: Mapping[str, Cell]
    options: Sequence[OptionLine]
    thirds: str
    times: Sequence[Cell]
    timed: int
    again: int
    ran: int
    doubts: Sequence[KeyDoubt]
    notes: Sequence[str]


def question_view(
    question: Question,
    one: ItemStatistics,
    evidence: Mapping[str | None, Sequence[OptionEvidence]],
    doubts: Sequence[KeyDoubt],
) -> QuestionView:
    mine = [doubt for doubt in doubts if doubt.question == question.id]
    texts = {option.id: option for option in question.options}
    by_option = {doubt.chosen.option: doubt for doubt in mine}

    def line(count: OptionCount) -> OptionLine:
        option = texts.get(count.option)
        name = option.text if option is not None else count.option
        return OptionLine(
            count.option,
            option.html if option is not None else None,
            count.right,
            option_bars(count, name),
            evidence.get(count.option, ()),
            by_option.get(count.option),
        )

    return QuestionView(
        n=one.n,
        compared=one.compared,
        cells=figures_of(one),
        options=[line(count) for count in one.options],
        thirds=next((count.strongest.reason for count in one.options), ""),
        times=[_seconds(each) for each in (one.time.lower, one.time.median, one.time.upper)],
        timed=one.time.n,
        again=one.again,
        ran=one.ran,
        doubts=mine,
        notes=other_key(one),
    )


def _seconds(figure: Figure) -> Cell:
    return cell("time", figure, digits=0)
