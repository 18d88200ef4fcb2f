"""The view of one question in the item analysis. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from quizserver.classes.items.option_bars import option_bars
from quizserver.classes.items.views import FigureCell, figure_cell, figure_cells, other_key_note
from quizserver.classes.statistics.figures import Figure
from quizserver.classes.statistics.item_statistics import ItemStatistics
from quizserver.classes.statistics.option_counts import OptionCount
from quizserver.classes.statistics.teach import KeyDoubt
from quizserver.lab_views.evidence import OptionEvidence
from quizserver.topics.model import Question


@dataclass(frozen=True, slots=True)
class OptionLine:
    """An option with how often it was chosen, and the evidence on its claims.

    ``html`` is None for an option that the question no longer has.
    """

    id: str
    html: str | None
    right: bool
    svg: Markup
    evidence: Sequence[OptionEvidence]
    doubt: KeyDoubt | None


@dataclass(frozen=True, slots=True)
class ItemView:
    """``thirds`` is the reason why the thirds are unknown, if they are."""

    n: int
    compared: int
    cells: Mapping[str, FigureCell]
    options: Sequence[OptionLine]
    thirds: str
    times: Sequence[FigureCell]
    timed: int
    tried_again: int
    ran: int
    doubts: Sequence[KeyDoubt]
    notes: Sequence[str]


def item_view(
    question: Question,
    statistics: ItemStatistics,
    evidence: Mapping[str | None, Sequence[OptionEvidence]],
    doubts: Sequence[KeyDoubt],
) -> ItemView:
    own_doubts = [doubt for doubt in doubts if doubt.question == question.id]
    texts = {option.id: option for option in question.options}
    by_option = {doubt.chosen.option: doubt for doubt in own_doubts}

    def build_option_line(count: OptionCount) -> OptionLine:
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

    return ItemView(
        n=statistics.n,
        compared=statistics.compared,
        cells=figure_cells(statistics),
        options=[build_option_line(count) for count in statistics.options],
        thirds=next((count.strongest.reason for count in statistics.options), ""),
        times=[
            _seconds_cell(quartile)
            for quartile in (statistics.time.lower, statistics.time.median, statistics.time.upper)
        ],
        timed=statistics.time.n,
        tried_again=statistics.tried_again,
        ran=statistics.ran,
        doubts=own_doubts,
        notes=other_key_note(statistics),
    )


def _seconds_cell(figure: Figure) -> FigureCell:
    return figure_cell("time", figure, digits=0)
