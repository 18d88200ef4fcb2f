"""Every page holds up under axe, in light and in dark, on a phone and on a desk."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.accessibility import find_violations
from tests.browser.looks import LOOKS
from tests.serve.server import Server

ADDRESSES = [
    "/",
    "/questions/strange-loss",
    "/questions/strange-loss?again=1&hints=2",
    "/topics/strange-loss",
    "/progress",
    "/sign-in",
    "/sign-up",
    "/account",
    "/account/delete",
    "/no-such-page",
    "/simulations/strange-loss/simulation",
]


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_axe_finds_no_violation(chromium: Browser, server: Server, scheme: str, width: int):
    context = chromium.new_context(
        base_url=server.url,
        color_scheme=scheme,
        reduced_motion="reduce",
        viewport={"width": width, "height": 900},
    )
    page = context.new_page()
    answer(page)
    found: list[str] = []
    for address in ("/questions/strange-loss", "/topics/strange-loss"):  # tried
        page.goto(address)
        page.locator(".show-answer > summary").first.click()
        found += [f"{address}: {violation}" for violation in find_violations(page)]
    show_answer(page)
    for address in ADDRESSES:
        page.goto(address)
        found += [f"{address}: {violation}" for violation in find_violations(page)]
    context.close()
    assert found == []


def show_answer(page: Page) -> None:
    page.goto("/questions/strange-loss")
    page.locator(".show-answer > summary").click()
    page.get_by_role("button", name="Show me the answer").click()
    page.wait_for_selector("#q-why")


def answer(page: Page) -> None:
    page.goto("/questions/strange-loss")
    page.check("input[value=low-rate]")
    page.check("input[value=high-rate]")
    page.get_by_role("button", name="Submit answer").click()
    page.wait_for_selector("#result")
