"""Item analysis of a full class in a real browser, at both widths, in light and in dark."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner
from playwright.sync_api import Browser, BrowserContext, Page, expect

from quizserver.classes.demo.names import INSTRUCTOR_EMAIL
from quizserver.cli import main
from tests.browser.accessibility import find_violations
from tests.browser.looks import LOOKS
from tests.serve.server import Server

# Of the pages of a class, behind its own address.
ADDRESSES = [
    "",
    "/items",
    "/items?which=latest&sort=-discrimination",
    "/items/strange-loss",
    "/items/small-sum?which=latest",
    "/teach",
]


@dataclass(frozen=True)
class School:
    """A server with a demo class of the topics that come along; ``address`` is the class's page."""

    url: str
    address: str
    password: str


@pytest.fixture(scope="session")  # what it makes stays on the shared server
def school(server: Server, data_folder: Path) -> School:
    made = CliRunner().invoke(main, ["demo", "--learners", "60", "--data", str(data_folder)])
    found = re.search(r"password (\S+)\nand open (/classes/\d+)\.", made.output)
    assert found is not None, made.output
    return School(server.url, found.group(2), found.group(1))


def visit(chromium: Browser, school: School, **options: object) -> BrowserContext:
    context = chromium.new_context(base_url=school.url, reduced_motion="reduce", **options)
    page = context.new_page()
    page.goto("/sign-in")
    page.get_by_label("Email").fill(INSTRUCTOR_EMAIL)
    page.get_by_label("Password").fill(school.password)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/")
    return context


def excess_width(page: Page) -> int:
    """By how many pixels the page is wider than the window."""
    return int(
        page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    )


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_axe_finds_no_violation_and_nothing_stands_out_of_the_page(
    chromium: Browser, school: School, scheme: str, width: int
):
    size = {"width": width, "height": 900}
    context = visit(chromium, school, color_scheme=scheme, viewport=size)
    page = context.pages[0]
    found: list[str] = []
    for address in ADDRESSES:
        page.goto(f"{school.address}{address}")
        expect(page.locator("h1")).not_to_contain_text("not found")
        assert excess_width(page) <= 0, address
        # All that is folded away, too: axe looks at nothing that does not show.
        page.evaluate("document.querySelectorAll('main details').forEach(d => { d.open = true })")
        assert excess_width(page) <= 0, f"{address}, opened"
        found += [f"{address}: {each}" for each in find_violations(page)]
    context.close()
    assert found == []


def test_a_definition_is_one_click_away(chromium: Browser, school: School):
    context = visit(chromium, school)
    page = context.pages[0]
    page.goto(f"{school.address}/items")
    meaning = page.get_by_text("The correlation of the mark x with how well")
    expect(meaning).not_to_be_visible()
    page.get_by_role("link", name="What Discrimination is").click()
    expect(meaning).to_be_visible()
    expect(page.locator("#about-discrimination math")).to_be_visible()
    context.close()


def test_heads_stay_in_sight_while_a_table_is_scrolled(chromium: Browser, school: School):
    size = {"width": 360, "height": 700}
    context = visit(chromium, school, viewport=size)
    page = context.pages[0]
    page.goto(f"{school.address}/items")
    box = page.get_by_role("region", name="Table of questions")
    box.evaluate("box => box.scrollTo(300, 400)")
    frame = box.bounding_box()
    head = box.get_by_role("columnheader", name="Facility").bounding_box()
    side = box.get_by_role("rowheader").last.bounding_box()
    assert frame is not None
    assert head is not None
    assert side is not None
    assert head["y"] == pytest.approx(frame["y"], abs=2)
    assert side["x"] == pytest.approx(frame["x"], abs=2)
    context.close()
