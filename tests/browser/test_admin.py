"""The admins' pages in a real browser: by keyboard, under axe, and no wider than a phone."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner
from playwright.sync_api import Browser, Page, expect

from quizserver.cli import main
from tests.browser.accessibility import find_violations
from tests.browser.looks import LOOKS
from tests.serve.server import Server

ANA = "ana-whose-address-is-long@department-of-learning.university.example.org"
WORDS = "correct horse"


@pytest.fixture(scope="session")  # what it makes stays on the shared server
def staffed(server: Server, data_folder: Path) -> Server:
    """A server whose first admin was made as the README says."""
    for email, role in (("boss@example.org", "admin"), (ANA, "learner")):
        command = ["user", "--data", str(data_folder), "add", email, "--role", role]
        made = CliRunner().invoke(main, [*command, "--password-stdin"], input=f"{WORDS}\n")
        assert made.exit_code == 0, made.output
    return server


def sign_in(page: Page) -> None:
    page.goto("/sign-in?next=/admin/people")
    page.fill("input[name=email]", "boss@example.org")
    page.fill("input[name=password]", WORDS)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/admin/people")


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_axe_finds_no_violation_and_nothing_is_wider_than_the_window(
    chromium: Browser, staffed: Server, scheme: str, width: int
):
    context = chromium.new_context(
        base_url=staffed.url,
        color_scheme=scheme,
        reduced_motion="reduce",
        viewport={"width": width, "height": 900},
    )
    page = context.new_page()
    sign_in(page)
    page.goto("/admin/people?q=LONG@")
    person = page.get_by_role("link", name=ANA).get_attribute("href")
    found: list[str] = []
    addresses = [
        "/admin/people",
        "/admin/people/log",
        "/admin/log",
        "/admin/machines",
        person,
        f"{person}?role=author",
    ]
    for address in addresses:
        page.goto(str(address))
        assert page.evaluate("document.documentElement.scrollWidth") <= width, address
        found += [f"{address}: {violation}" for violation in find_violations(page)]
    context.close()
    assert found == []


def test_a_role_is_granted_with_the_keyboard_alone(chromium: Browser, staffed: Server):
    context = chromium.new_context(base_url=staffed.url, reduced_motion="reduce")
    page = context.new_page()
    sign_in(page)
    page.get_by_label("Address contains").focus()
    page.keyboard.type("LONG@")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Found")).to_be_visible()
    page.get_by_role("link", name=ANA).focus()
    page.keyboard.press("Enter")
    page.get_by_role("radio", name="learner").focus()
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("radio", name="author")).to_be_checked()
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Make them an author").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("is now an author")
    context.close()


def test_loading_the_page_again_does_not_start_the_clock_again(page: Page):
    page.goto("/questions/strange-loss")
    shown = page.input_value("input[name=shown]")
    page.wait_for_timeout(300)
    page.reload()
    assert page.input_value("input[name=shown]") == shown
    page.goto("/questions/strange-loss?hints=1")
    assert page.input_value("input[name=shown]") == shown
