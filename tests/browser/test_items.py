"""Item analysis of a full class in a real browser, at both widths, in light and in dark."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from playwright.sync_api import Browser, BrowserContext, Page, expect

from quizserver.classes.demo.names import INSTRUCTOR_EMAIL
from quizserver.cli import main
from tests.browser.accessibility import find_violations
from tests.browser.looks import LOOKS
from tests.serve.server import Server, serving

ADDRESSES = [
    "/classes/1",
    "/classes/1/items",
    "/classes/1/items?which=latest&sort=-discrimination",
    "/classes/1/items/strange-loss",
    "/classes/1/items/small-sum?which=latest",
    "/classes/1/teach",
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("items")


@pytest.fixture(scope="module")
def password(folder: Path) -> str:
    """Of the instructor of a demo class of the topics that come along."""
    assert CliRunner().invoke(main, ["migrate", "--data", str(folder)]).exit_code == 0
    made = CliRunner().invoke(main, ["demo", "--learners", "60", "--data", str(folder)])
    found = re.search(r"password (\S+)\n", made.output)
    assert found is not None, made.output
    return found.group(1)


@pytest.fixture(scope="module")
def school(folder: Path, password: str) -> Iterator[Server]:
    with serving(folder, None, "--workers", "1") as running:
        yield running


def visit(chromium: Browser, school: Server, password: str, **options: object) -> BrowserContext:
    context = chromium.new_context(base_url=school.url, reduced_motion="reduce", **options)
    page = context.new_page()
    page.goto("/sign-in")
    page.get_by_label("Email").fill(INSTRUCTOR_EMAIL)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/")
    return context


def faults(page: Page) -> list[str]:
    """What axe finds, and by how much the page is wider than the window."""
    found = find_violations(page)
    wide = page.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )
    return [*found, f"{wide} pixels too wide"] if wide else found


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_axe_finds_no_violation_and_nothing_stands_out_of_the_page(
    chromium: Browser, school: Server, password: str, scheme: str, width: int
):
    size = {"width": width, "height": 900}
    context = visit(chromium, school, password, color_scheme=scheme, viewport=size)
    page = context.pages[0]
    found: list[str] = []
    for address in ADDRESSES:
        page.goto(address)
        expect(page.locator("h1")).not_to_contain_text("not found")
        found += [f"{address}: {each}" for each in faults(page)]
        # All that is folded away, too.
        page.evaluate("document.querySelectorAll('main details').forEach(d => { d.open = true })")
        found += [f"{address}, opened: {each}" for each in faults(page)]
    context.close()
    assert found == []


def test_a_definition_is_one_click_away(chromium: Browser, school: Server, password: str):
    context = visit(chromium, school, password)
    page = context.pages[0]
    page.goto("/classes/1/items")
    meaning = page.get_by_text("The correlation of the mark x with how well")
    expect(meaning).not_to_be_visible()
    page.get_by_role("link", name="What Discrimination is").click()
    expect(meaning).to_be_visible()
    expect(page.locator("#about-discrimination math")).to_be_visible()
    context.close()


def test_heads_stay_in_sight_while_a_table_is_scrolled(
    chromium: Browser, school: Server, password: str
):
    size = {"width": 360, "height": 700}
    context = visit(chromium, school, password, viewport=size)
    page = context.pages[0]
    page.goto("/classes/1/items")
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
