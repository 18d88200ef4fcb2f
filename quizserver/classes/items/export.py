"""Item analysis as CSV and JSON, rounded as on the page. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from quizserver.classes.columns import QuestionColumn
from quizserver.classes.items.analysis import Analysis
from quizserver.classes.items.views import FIGURES, SET_FIGURES, item_rows, round_figure, set_lines
from quizserver.classes.spreadsheet import csv_file
from quizserver.classes.statistics.answers import WhichAttempt
from quizserver.classes.statistics.figures import Figure
from quizserver.classes.statistics.option_counts import OptionCount

CSV_HEAD = (
    *("number", "question", "title", "topic", "attempts", "learners"),
    *FIGURES,
    *("median_seconds", "tried_again", "ran_experiment", "key_doubted", "notes"),
)


def items_csv(
    columns: Sequence[QuestionColumn], analysis: Analysis, which: WhichAttempt, doubted: set[str]
) -> Iterator[str]:
    """One line a question, in the class's order."""

    def csv_lines() -> Iterator[list[object]]:
        table = item_rows(columns, analysis.statistics_of(which), doubted)
        for column, row in zip(columns, table, strict=True):
            yield [
                *(row.number, row.question, row.title, column.topic, which, row.n),
                *(cell.value for cell in row.cells.values()),
                *(row.time.value, row.tried_again, row.ran, int(row.doubted), " ".join(row.notes)),
            ]

    return csv_file(CSV_HEAD, [csv_lines()])


def items_json(
    title: str,
    columns: Sequence[QuestionColumn],
    analysis: Analysis,
    which: WhichAttempt,
    doubted: set[str],
) -> str:
    """A JSON object with the questions, their options, and the statistics of the sets."""
    statistics = analysis.statistics_of(which)
    table = item_rows(columns, statistics, doubted)
    document = {
        "class": title,
        "attempts": which,
        "learners": analysis.learner_count,
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
                **{name: cell.value for name, cell in row.cells.items()},
                "median_seconds": row.time.value,
                "tried_again": row.tried_again,
                "ran_experiment": row.ran,
                "key_doubted": row.doubted,
                "notes": list(row.notes),
                "options": [_option_object(option) for option in statistic.options],
            }
            for column, row, statistic in zip(columns, table, statistics, strict=True)
        ],
    }
    return json.dumps(document, ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def _option_object(option: OptionCount) -> dict[str, Any]:
    return {
        "option": option.option,
        "right": option.right,
        "gone": option.gone,
        "count": option.count,
        "share_percent": _rounded_value(option.share),
        "strongest_third_percent": _rounded_value(option.strongest),
        "weakest_third_percent": _rounded_value(option.weakest),
    }


def _rounded_value(figure: Figure) -> float | None:
    return round_figure(figure.value, 1) if figure.value is not None else None
