"""Verdicts in the editor: each names its claim."""

from __future__ import annotations

import pytest

from quizserver.authoring.views import verdict_view
from tests.evidence.examples import example_finding


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
