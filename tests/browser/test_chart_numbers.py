"""The bench's modules draw charts with the numbers that ``tests/web/chart_numbers.json`` holds."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.browser.stand import Stand
from tests.web.chart_cases import CASES, EXPECTED, differences, read_chart

PROGRAM = Path(__file__).with_name("chart_numbers.js").read_text("utf-8")


def test_charts_in_the_browser_show_the_right_numbers(chromium: Browser, stand: Stand) -> None:
    page = chromium.new_page()
    page.goto(f"{stand.url}/questions/open")
    address = page.locator('script[type="module"]').first.get_attribute("src") or ""
    folder = page.evaluate("(path) => new URL('.', new URL(path, location.href)).href", address)
    results: dict[str, list[Any]] = page.evaluate(PROGRAM, {"folder": folder, "cases": CASES})
    page.close()
    results["charts"] = [read_chart(svg) for svg in results["charts"]]
    assert [line for name in CASES for line in differences(name, results[name], right(name))] == []


def right(section: str) -> Any:
    # The bench leaves out of account what diverged beside another line.
    if section == "frames":
        return lambda case: case.get("bench", case["range"])
    return EXPECTED[section]
