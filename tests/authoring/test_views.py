"""Verdicts in the editor: each names its claim."""

from __future__ import annotations

from pathlib import Path

import pytest
from jinja2 import Environment, FileSystemLoader

import quizserver
from quizserver.authoring.views import verdict_rows, verdict_view
from quizserver.evidence.claims import NudgedCount
from tests.evidence.examples import example_evidence, example_finding


@pytest.mark.parametrize(
    ("other", "text"),
    [
        ({"shape": "flat"}, "show flat: "),
        ({"shape": "ends-below", "value": 0.001}, "show ends-below 0.001: "),
        ({"shape": "ends-above", "value": 1.0, "series": "norm"}, "show ends-above 1 (norm): "),
    ],
)
def test_a_verdict_names_the_number_and_the_series_of_its_claim(
    other: dict[str, object], text: str
) -> None:
    assert text in verdict_view(example_finding(**other)).text


def test_a_verdict_on_a_knifes_edge_says_so_and_whether_the_key_rests_on_it() -> None:
    marked = verdict_view(example_finding(nudged=NudgedCount(50, 14)))
    assert (marked.key_expects, marked.key_holds) == (None, False)
    assert str(marked.edge).startswith("stands on a knife's edge: 63 of 64 seeds show it, and 50 ")
    unmarked = verdict_view(example_finding(option=None, nudged=NudgedCount(50, 14)))
    assert unmarked.edge == marked.edge
    assert unmarked.key_holds
    assert verdict_view(example_finding(nudged=NudgedCount(62, 1))).edge is None
    assert not verdict_view(example_finding(expected="refuted")).key_holds


def test_the_table_of_verdicts_is_bad_where_a_mark_rests_on_an_edge() -> None:
    templates = Environment(
        loader=FileSystemLoader(Path(quizserver.__file__).parent / "templates"), autoescape=True
    )
    template = templates.get_template("authoring/verdicts.html")
    run = {"sentence": "1 of 1 claims came out."}
    for option, sign in (("a", "✗"), (None, "✓")):
        finding = example_finding(option=option, nudged=NudgedCount(50, 14))
        page = template.render(
            run=run, verdict_rows=verdict_rows(example_evidence(findings=[finding]))
        )
        assert f'<span aria-hidden="true">{sign}</span> 1 of 1 claims' in page
        assert "It stands on a knife&#39;s edge: 63 of 64 seeds" in page
        assert ('<span class="mark-bad">It stands' in page) is (option == "a")
