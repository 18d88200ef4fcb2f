"""The views of item analysis: figures as text, with no number for unknown ones."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from quizserver.classes.items.class_content import claimed_findings
from quizserver.classes.items.option_bars import option_bars
from quizserver.classes.items.views import (
    FigureCell,
    ItemRow,
    figure_cell,
    format_signed,
    other_key_note,
    sort_item_rows,
    statistic_help,
)
from quizserver.classes.statistics import bands
from quizserver.classes.statistics.definitions import DEFINITIONS
from quizserver.classes.statistics.figures import Figure, missing_figure
from quizserver.classes.statistics.option_counts import OptionCount
from quizserver.evidence.record import Evidence, read_evidence
from quizserver.topics.library import Library

ROOT = Path(__file__).parents[3]


def test_a_figure_is_rounded_once_for_text_and_value():
    cell = figure_cell(
        "facility", Figure(64.96, low=49.6, high=78.2), bands.read_facility(Figure(64.96))
    )
    assert (cell.text, cell.value, cell.interval) == ("65.0", 65.0, "50 to 78")
    assert (cell.sign, cell.words) == ("✓", "about right")


def test_a_negative_number_has_a_minus_sign_and_zero_has_none():
    assert format_signed(-3.14159, 2) == "−3.14"
    assert format_signed(-0.01, 1) == "0.0"


def test_an_unknown_figure_has_a_reason_and_no_number():
    reason = "Not enough answers: 4 of the 10 that it takes."
    cell = figure_cell(
        "facility", missing_figure(reason), bands.read_facility(missing_figure(reason))
    )
    assert (cell.text, cell.value, cell.reason, cell.words) == ("–", None, reason, "")


def row(number: int, value: float | None, again: int = 0, ran: int = 0) -> ItemRow:
    figure = FigureCell("facility", str(value), value)
    return ItemRow(
        number,
        question=f"q{number}",
        title="",
        topic="",
        n=10 * number,
        cells={"facility": figure},
        time=figure,
        tried_again=again,
        ran=ran,
        doubted=False,
        notes=(),
    )


@pytest.mark.parametrize(
    ("sort", "down", "order"),
    [
        ("number", False, [1, 2, 3, 4]),
        ("n", True, [4, 3, 2, 1]),
        ("facility", False, [3, 1, 4, 2]),
        ("facility", True, [1, 4, 3, 2]),
        ("time", False, [3, 1, 4, 2]),
        ("ran", True, [3, 1, 2, 4]),
    ],
)
def test_a_table_is_sorted_with_the_unknown_last_and_ties_in_order(
    sort: str, down: bool, order: list[int]
):
    table = [row(1, 50, 4, 1), row(2, None), row(3, 20, 2, 1), row(4, 50)]
    assert [
        sorted_row.number for sorted_row in sort_item_rows(table, sort, descending=down)
    ] == order


@pytest.mark.parametrize("name", DEFINITIONS)
def test_every_definition_has_a_formula_that_can_be_shown(name: str):
    help_text = statistic_help(name)
    assert help_text.formula.startswith("<math")
    assert help_text.meaning
    assert help_text.reading


def test_bars_are_as_long_as_their_shares_and_say_them_in_text():
    svg = option_bars(
        OptionCount("a", False, False, 5, 20, Figure(25), missing_figure("x"), Figure(50)), "<b>"
    )
    assert ">5 of 20 · 25 %</text>" in svg
    assert 'class="bar bar-0" x="84" y="5" width="47.5"' in svg
    assert 'class="bar bar-1" x="84" y="29" width="95.0"' in svg
    assert ">not known yet</text>" in svg
    assert "&lt;b&gt; – All: 5 of 20 · 25 %; Strongest: 50 %;" in svg


def test_a_finding_counts_only_while_the_question_still_makes_the_claim():
    snapshot = Library(ROOT / "content").snapshot()
    question = snapshot.questions["strange-loss"]
    evidence = read_evidence(snapshot.topics["strange-loss"].folder)
    assert isinstance(evidence, Evidence)
    findings = claimed_findings(question, evidence)
    assert {finding.option for finding in findings} >= {option.id for option in question.options}
    changed = replace(question, claims=question.claims[1:])
    assert len(claimed_findings(changed, evidence)) == len(findings) - 1
    assert claimed_findings(question, None) == []


@pytest.mark.parametrize(
    ("other_key", "n", "subject"),
    [
        (1, 1, "1 of 1 answer was"),
        (1, 2, "1 of 2 answers was"),
        (2, 2, "2 of 2 answers were"),
    ],
)
def test_a_counted_sentence_agrees_with_both_of_its_numbers(other_key: int, n: int, subject: str):
    statistics: Any = SimpleNamespace(other_key=other_key, n=n)
    assert other_key_note(statistics) == (
        f"{subject} graded by an earlier key, and so counted here.",
    )
