"""What the pages of item analysis show, from statistics. Pure: values in, views out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from quizserver.classes.columns import Column
from quizserver.classes.items.analysis import Analysis
from quizserver.classes.statistics import readings
from quizserver.classes.statistics.answers import Which
from quizserver.classes.statistics.definitions import DEFINITIONS
from quizserver.classes.statistics.figures import Figure
from quizserver.classes.statistics.items import ItemStatistics
from quizserver.classes.statistics.readings import Level, Reading
from quizserver.topics.formulas import to_mathml

SIGNS: Mapping[Level, str] = {"good": "✓", "look": "!", "poor": "✗", "unknown": ""}
PLAIN = Reading("good", "")
Read = Callable[[Figure], Reading]


def _unread(figure: Figure) -> Reading:
    return PLAIN if figure.known else Reading("unknown", figure.reason)


# Heading and reading of each figure of a question, in the order of the table.
FIGURES: Mapping[str, tuple[str, Read]] = {
    "facility": ("Facility", readings.facility),
    "standard_deviation": ("SD", readings.standard_deviation),
    "guess": ("Guess", readings.guess),
    "discrimination": ("Discrimination", readings.discrimination),
    "efficiency": ("Efficiency", readings.efficiency),
    "weight": ("Weight", _unread),
}
# The same of a set; skewness and kurtosis are no percentages and have two decimals.
SET_FIGURES: Mapping[str, tuple[str, Read, int]] = {
    "mean": ("Mean", _unread, 1),
    "median": ("Median", _unread, 1),
    "totals_deviation": ("SD", _unread, 1),
    "consistency": ("Cronbach’s α", readings.consistency, 1),
    "error_ratio": ("Error ratio", _unread, 1),
    "standard_error": ("Standard error", _unread, 1),
    "skewness": ("Skewness", _unread, 2),
    "kurtosis": ("Kurtosis", _unread, 2),
}
OTHERS = {"number": "No.", "n": "Learners", "time": "Time", "ran": "Ran it"}
SORTS = (*OTHERS, *FIGURES)


@dataclass(frozen=True, slots=True)
class Cell:
    """A figure as it is shown; ``value`` is the number shown, None with a ``reason``."""

    name: str
    text: str
    value: float | None
    sign: str = ""
    level: Level = "good"
    words: str = ""
    reason: str = ""
    interval: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """A question in the table. ``notes`` are the reasons of what isn't known, once each, and that
    answers were graded by another key."""

    number: int
    question: str
    title: str
    topic: str
    n: int
    cells: Mapping[str, Cell]
    time: Cell
    again: int
    ran: int
    doubted: bool
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SetLine:
    """A topic, or all questions of the class."""

    title: str
    questions: int
    n: int
    started: int
    cells: Mapping[str, Cell]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class About:
    """A definition for the page; ``formula`` is MathML."""

    name: str
    title: str
    formula: Markup
    meaning: str
    reading: str


def about(name: str) -> About:
    one = DEFINITIONS[name]
    formula = Markup(to_mathml(one.formula, display=True))  # built from an allow list
    return About(name, one.title, formula, one.meaning, one.reading)


def cell(name: str, figure: Figure, reading: Reading = PLAIN, digits: int = 1) -> Cell:
    """A figure with its reading. The text and the value are rounded alike."""
    if figure.value is None:
        return Cell(name, "–", None, level="unknown", reason=figure.reason)
    value = rounded(figure.value, digits)
    interval = ""
    if figure.low is not None and figure.high is not None:
        interval = f"{signed(figure.low, 0)} to {signed(figure.high, 0)}"
    sign = SIGNS[reading.level] if reading.words else ""
    return Cell(
        name, signed(value, digits), value, sign, reading.level, reading.words, "", interval
    )


def rounded(value: float, digits: int) -> float:
    return round(value, digits) + 0.0  # no minus before a zero


def signed(value: float, digits: int) -> str:
    """A number for people, with a real minus sign."""
    return f"{rounded(value, digits):.{digits}f}".replace("-", "−")


def figures_of(one: ItemStatistics) -> dict[str, Cell]:
    return {
        name: cell(name, getattr(one, name), read(getattr(one, name)))
        for name, (_, read) in FIGURES.items()
    }


def rows(
    columns: Sequence[Column], statistics: Sequence[ItemStatistics], doubted: Iterable[str]
) -> list[Row]:
    """The table of a class's questions, in its order."""
    doubtful = set(doubted)
    return [
        _row(column, one, column.question in doubtful)
        for column, one in zip(columns, statistics, strict=True)
    ]


def _row(column: Column, one: ItemStatistics, doubted: bool) -> Row:
    cells = figures_of(one)
    return Row(
        column.number,
        column.question,
        column.title,
        column.topic_title,
        one.n,
        cells,
        cell("time", one.time.median, digits=0),
        one.again,
        one.ran,
        doubted,
        (*other_key(one), *_notes(cells.values())),
    )


def other_key(one: ItemStatistics) -> tuple[str, ...]:
    """A sentence about answers that were graded by a key which has changed since; none without."""
    if not one.other_key:
        return ()
    were = "answer was" if one.other_key == 1 else "answers were"
    return (f"{one.other_key} of {one.n} {were} graded by an earlier key, and so counted here.",)


def _notes(cells: Iterable[Cell]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(each.reason for each in cells if each.reason))


def in_order(table: Iterable[Row], sort: str, *, down: bool) -> list[Row]:
    """Sorted by a column; what isn't known comes last either way, ties in the class's order."""

    def value(row: Row) -> float | None:
        if sort in FIGURES:
            return row.cells[sort].value
        if sort == "time":
            return row.time.value
        if sort == "ran":
            return row.ran / row.again if row.again else None
        return row.n if sort == "n" else row.number

    found = [(value(row), row) for row in table]
    known = [(number, row) for number, row in found if number is not None]
    known.sort(key=lambda each: each[0], reverse=down)
    return [row for _, row in known] + [row for number, row in found if number is None]


def set_lines(columns: Sequence[Column], analysis: Analysis, which: Which) -> list[SetLine]:
    """All questions together, then each topic where there are several."""
    topics: dict[str, list[Column]] = {}
    for column in columns:
        topics.setdefault(column.topic, []).append(column)
    lines = [_set_line("All questions", columns, analysis, which)]
    if len(topics) > 1:
        lines += [_set_line(each[0].topic_title, each, analysis, which) for each in topics.values()]
    return lines


def _set_line(title: str, columns: Sequence[Column], analysis: Analysis, which: Which) -> SetLine:
    found = analysis.of_set(which, tuple(column.question for column in columns))
    cells = {
        name: cell(name, getattr(found, name), read(getattr(found, name)), digits)
        for name, (_, read, digits) in SET_FIGURES.items()
    }
    return SetLine(title, found.questions, found.n, found.started, cells, _notes(cells.values()))
