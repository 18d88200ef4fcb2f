"""The bench's modules draw charts with the numbers that ``tests/web/chart_numbers.json`` holds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from playwright.sync_api import Browser

from tests.browser.script_pages import ADDRESS, open_script_page
from tests.web.chart_cases import CASES, differences, read_chart

PROGRAM = Path(__file__).with_name("chart_numbers.js").read_text("utf-8")


def test_charts_in_the_browser_show_the_right_numbers(chromium: Browser) -> None:
    page = open_script_page(chromium)
    results: dict[str, list[Any]] = page.evaluate(
        PROGRAM, {"folder": f"{ADDRESS}js/", "cases": CASES}
    )
    page.close()
    results["charts"] = [read_chart(svg) for svg in results["charts"]]
    assert [line for name in CASES for line in differences(name, results[name])] == []
