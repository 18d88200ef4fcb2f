"""Item analysis as CSV and JSON: the numbers of the page, rounded as there. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from quizserver.classes.columns import Column
from quizserver.classes.items.analysis import Analysis
from quizserver.classes.items.views import FIGURES, SET_FIGURES, rounded, rows, set_lines
from quizserver.classes.spreadsheet import csv_file
from quizserver.classes.statistics.answers import Which
from quizserver.classes.statistics.figures import Figure
from quizserver.classes.statistics.options import OptionCount

HEAD = (
    *("number", "question", "title", "topic", "attempts", "learners"),
    *FIGURES,
    *("median_seconds", "tried_again", "ran_experiment", "key_doubted", "notes"),
)


def items_csv(
    columns: Sequence[Column], analysis: Analysis, which: Which, doubted: set[str]
) -> Iterator[str]:
    """One line a question, in the class's order."""

    def lines() -> Iterator[list[object]]:
        table = rows(columns, analysis.statistics(which), doubted)
        for column, row in zip(columns, table, strict=True):
            yield [
                *(row.number, row.question, row.title, column.topic, which, row.n),
                *(each.value for each in row.cells.values()),
                *(row.time.value, row.again, row.ran, int(row.doubted), " ".join(row.notes)),
            ]

    return csv_file(HEAD, [lines()])


def items_json(
    title: str, columns: Sequence[Column], analysis: Analysis, which: Which, doubted: set[str]
) -> str:
    """The same with the options of each question, and the statistics of the sets."""
    statistics = analysis.statistics(which)
    table = rows(columns, statistics, doubted)
    told = {
        "class": title,
        "attempts": which,
        "learners": analysis.learners,
        "sets": [
            {"title": line.title, "questions": line.questions, "finished": line.n}
            | {"started": line.started}
            | {name: line.cells[name].value for name in SET_FIGURES}
            | {"notes": list(line.notes)}
            for line in set_lines(columns, analysis, which)
        ],
        "questions": [
            {
                "number": row.number,
                "question": row.question,
                "title": row.title,
                "topic": column.topic,
                "learners": row.n,
                **{name: each.value for name, each in row.cells.items()},
                "median_seconds": row.time.value,
                "tried_again": row.again,
                "ran_experiment": row.ran,
                "key_doubted": row.doubted,
                "notes": list(row.notes),
                "options": [_option(option) for option in one.options],
            }
            for column, row, one in zip(columns, table, statistics, strict=True)
        ],
    }
    return json.dumps(told, ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def _option(option: OptionCount) -> dict[str, Any]:
    return {
        "option": option.option,
        "right": option.right,
        "gone": option.gone,
        "count": option.count,
        "share_percent": _value(option.share),
        "strongest_third_percent": _value(option.strongest),
        "weakest_third_percent": _value(option.weakest),
    }


def _value(figure: Figure) -> float | None:
    return rounded(figure.value, 1) if figure.value is not None else None
