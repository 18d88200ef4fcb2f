"""The views of the item analysis pages, from statistics. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from quizserver.classes.columns import QuestionColumn
from quizserver.classes.items.analysis import Analysis
from quizserver.classes.statistics import bands
from quizserver.classes.statistics.answers import WhichAttempt
from quizserver.classes.statistics.bands import BandLevel, BandReading
from quizserver.classes.statistics.definitions import DEFINITIONS
from quizserver.classes.statistics.figures import Figure
from quizserver.classes.statistics.item_statistics import ItemStatistics
from quizserver.topics.formulas import to_mathml
from quizserver.translation import N_, gettext, ngettext

SIGNS: Mapping[BandLevel, str] = {"good": "✓", "look": "!", "poor": "✗", "unknown": ""}
NO_READING = BandReading("good", "")
BandReader = Callable[[Figure], BandReading]


def _read_known(figure: Figure) -> BandReading:
    return NO_READING if figure.known else BandReading("unknown", figure.reason)


# The heading of each figure of a question and the function that reads it, in the table's order.
FIGURES: Mapping[str, tuple[str, BandReader]] = {
    "facility": (N_("Facility"), bands.read_facility),
    "standard_deviation": (N_("SD"), bands.read_standard_deviation),
    "guess": (N_("Guess"), bands.read_guess),
    "discrimination": (N_("Discrimination"), bands.read_discrimination),
    "efficiency": (N_("Efficiency"), bands.read_efficiency),
    "weight": (N_("Weight"), _read_known),
}
# The same for a set, with decimals: skewness and kurtosis, which are no percentages, have two.
SET_FIGURES: Mapping[str, tuple[str, BandReader, int]] = {
    "mean": (N_("Mean"), _read_known, 1),
    "median": (N_("Median"), _read_known, 1),
    "totals_deviation": (N_("SD"), _read_known, 1),
    "consistency": (N_("Cronbach’s α"), bands.read_consistency, 1),
    "error_ratio": (N_("Error ratio"), _read_known, 1),
    "standard_error": (N_("Standard error"), _read_known, 1),
    "skewness": (N_("Skewness"), _read_known, 2),
    "kurtosis": (N_("Kurtosis"), _read_known, 2),
}
SORT_NAMES = ("number", "n", "time", "ran", *FIGURES)


@dataclass(frozen=True, slots=True)
class FigureCell:
    """A figure as it is shown; ``value`` is the number shown, None with a ``reason``."""

    name: str
    text: str
    value: float | None
    sign: str = ""
    level: BandLevel = "good"
    words: str = ""
    reason: str = ""
    interval: str = ""


@dataclass(frozen=True, slots=True)
class ItemRow:
    """A question in the table.

    ``notes`` say why figures are unknown, each reason once, and that answers were graded by an
    earlier key.
    """

    number: int
    question: str
    title: str
    topic: str
    n: int
    cells: Mapping[str, FigureCell]
    time: FigureCell
    tried_again: int
    ran: int
    doubted: bool
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SetLine:
    """The statistics of a topic's questions, or of all questions of the class."""

    title: str
    questions: int
    n: int
    started: int
    cells: Mapping[str, FigureCell]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StatisticHelp:
    """The definition of a statistic for the page; ``formula`` is MathML."""

    name: str
    title: str
    formula: Markup
    meaning: str
    reading: str


def statistic_help(name: str) -> StatisticHelp:
    definition = DEFINITIONS[name]
    formula = Markup(to_mathml(definition.formula, display=True))  # built from an allow list
    return StatisticHelp(
        name,
        gettext(definition.title),
        formula,
        gettext(definition.meaning),
        gettext(definition.reading),
    )


def figure_cell(
    name: str, figure: Figure, reading: BandReading = NO_READING, digits: int = 1
) -> FigureCell:
    """The cell of a figure with its reading; text and value are rounded alike."""
    if figure.value is None:
        return FigureCell(name, "–", None, level="unknown", reason=figure.reason)
    value = round_figure(figure.value, digits)
    interval = ""
    if figure.low is not None and figure.high is not None:
        low, high = format_signed(figure.low, 0), format_signed(figure.high, 0)
        interval = gettext("%(low)s to %(high)s", low=low, high=high)
    sign = SIGNS[reading.level] if reading.words else ""
    return FigureCell(
        name, format_signed(value, digits), value, sign, reading.level, reading.words, "", interval
    )


def round_figure(value: float, digits: int) -> float:
    return round(value, digits) + 0.0  # no minus before a zero


def format_signed(value: float, digits: int) -> str:
    """A number for people, with a real minus sign."""
    return f"{round_figure(value, digits):.{digits}f}".replace("-", "−")


def figure_cells(statistics: ItemStatistics) -> dict[str, FigureCell]:
    return {
        name: figure_cell(name, getattr(statistics, name), read_band(getattr(statistics, name)))
        for name, (_, read_band) in FIGURES.items()
    }


def item_rows(
    columns: Sequence[QuestionColumn], statistics: Sequence[ItemStatistics], doubted: Iterable[str]
) -> list[ItemRow]:
    """The table of a class's questions, in its order."""
    doubtful = set(doubted)
    return [
        _item_row(column, statistic, column.question in doubtful)
        for column, statistic in zip(columns, statistics, strict=True)
    ]


def _item_row(column: QuestionColumn, statistics: ItemStatistics, doubted: bool) -> ItemRow:
    cells = figure_cells(statistics)
    return ItemRow(
        column.number,
        column.question,
        column.title,
        column.topic_title,
        statistics.n,
        cells,
        figure_cell("time", statistics.time.median, digits=0),
        statistics.tried_again,
        statistics.ran,
        doubted,
        (*other_key_note(statistics), *_unknown_reasons(cells.values())),
    )


def other_key_note(statistics: ItemStatistics) -> tuple[str, ...]:
    """A sentence on answers that were graded by an earlier key; empty when there are none."""
    if not statistics.other_key:
        return ()
    answers = ngettext(
        "%(count)s of %(num)s answer",
        "%(count)s of %(num)s answers",
        statistics.n,
        count=statistics.other_key,
    )
    note = ngettext(
        "%(answers)s was graded by an earlier key, and so counted here.",
        "%(answers)s were graded by an earlier key, and so counted here.",
        statistics.other_key,
        answers=answers,
    )
    return (note,)


def _unknown_reasons(cells: Iterable[FigureCell]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(cell.reason for cell in cells if cell.reason))


def sort_item_rows(table: Iterable[ItemRow], sort: str, *, descending: bool) -> list[ItemRow]:
    """The rows sorted by a column: unknown values last either way, ties in the class's order."""

    def sort_value(row: ItemRow) -> float | None:
        if sort in FIGURES:
            return row.cells[sort].value
        if sort == "time":
            return row.time.value
        if sort == "ran":
            return row.ran / row.tried_again if row.tried_again else None
        return row.n if sort == "n" else row.number

    valued = [(sort_value(row), row) for row in table]
    known_rows = [(number, row) for number, row in valued if number is not None]
    known_rows.sort(key=lambda pair: pair[0], reverse=descending)
    return [row for _, row in known_rows] + [row for number, row in valued if number is None]


def set_lines(
    columns: Sequence[QuestionColumn], analysis: Analysis, which: WhichAttempt
) -> list[SetLine]:
    """All questions together, then each topic where there are several."""
    topics: dict[str, list[QuestionColumn]] = {}
    for column in columns:
        topics.setdefault(column.topic, []).append(column)
    lines = [_set_line(gettext("All questions"), columns, analysis, which)]
    if len(topics) > 1:
        lines += [
            _set_line(topic_columns[0].topic_title, topic_columns, analysis, which)
            for topic_columns in topics.values()
        ]
    return lines


def _set_line(
    title: str, columns: Sequence[QuestionColumn], analysis: Analysis, which: WhichAttempt
) -> SetLine:
    statistics = analysis.set_statistics_of(which, tuple(column.question for column in columns))
    cells = {
        name: figure_cell(
            name, getattr(statistics, name), read_band(getattr(statistics, name)), digits
        )
        for name, (_, read_band, digits) in SET_FIGURES.items()
    }
    return SetLine(
        title,
        statistics.questions,
        statistics.n,
        statistics.started,
        cells,
        _unknown_reasons(cells.values()),
    )
