"""The bench's modules find the shapes that ``tests/lab/curve_shapes.json`` states, and say so."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Browser

from quizserver.lab_views.bench import shapes_config
from tests.browser.script_pages import ADDRESS, open_script_page
from tests.lab.shape_cases import CASES, shown_indices

PROGRAM = Path(__file__).with_name("live_shapes.js").read_text("utf-8")


def test_shapes_in_the_browser_are_those_of_the_lab(chromium: Browser) -> None:
    page = open_script_page(chromium)
    cases = CASES["curves"]
    found = page.evaluate(
        PROGRAM, {"folder": f"{ADDRESS}js/", "config": shapes_config(), "cases": cases}
    )
    page.close()
    for case, result in zip(cases, found, strict=True):
        expected = {"shown": shown_indices(case), "sentence": case["sentence"]}
        assert result == expected, case["note"]
