"""The preview in a real browser: pages follow their files, and stay where the author was."""

from __future__ import annotations

import shutil
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Error, Page, expect

from quizserver.settings import shipped_folder
from tests.authoring.preview_server import PreviewServer, previewing
from tests.browser.accessibility import find_colour_violations, find_violations
from tests.browser.context_pool import ContextPool

SOON_MS = 5000
OTHER_TITLE = "A title of its own"


@pytest.fixture(scope="module")
def preview(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[PreviewServer, Path]]:
    """A preview of a copied topic with evidence, and the topic's folder."""
    folder = tmp_path_factory.mktemp("preview") / "content" / "strange-loss"
    shutil.copytree(shipped_folder("content") / "strange-loss", folder)
    temporary = tmp_path_factory.mktemp("temporary")
    with previewing("--content", folder.parent, temporary=temporary) as server:
        yield server, folder


@pytest.fixture
def author(context_pool: ContextPool, preview: tuple[PreviewServer, Path]) -> Iterator[Page]:
    """A page of the preview; the test fails when the console tells of an error."""
    errors: list[str] = []
    with context_pool.borrow(base_url=preview[0].url, reduced_motion="reduce") as context:
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
        yield page
    assert errors == []


@pytest.fixture
def question(preview: tuple[PreviewServer, Path]) -> Iterator[Path]:
    """The file of a question, as it was again afterwards, and seen to be by the preview.

    Else the page of the next test would reload itself under it.
    """
    server, folder = preview
    path = folder / "strange-loss.md"
    good = path.read_text("utf-8")
    yield path
    if path.read_text("utf-8") != good:
        path.write_text(good, "utf-8")
    address = f"{server.url}/preview/questions/strange-loss"
    until = time.monotonic() + 20
    while time.monotonic() < until:
        with urllib.request.urlopen(address) as answer:
            page = answer.read().decode()
        if "The checker finds nothing wrong here." in page and OTHER_TITLE not in page:
            return
        time.sleep(0.05)
    raise AssertionError("the preview did not see that the file was fixed")


@pytest.mark.parametrize("address", ["/preview/questions/strange-loss", "/questions/strange-loss"])
def test_a_saved_file_is_on_the_page_by_itself_where_the_author_was(
    author: Page, question: Path, address: str
):
    author.set_viewport_size({"width": 1000, "height": 500})
    author.goto(address)
    expect(author.locator("[data-part=live]")).to_have_text("Live")
    author.evaluate("scrollTo(0, 400)")
    text = question.read_text("utf-8")
    title = author.locator("h1").inner_text()
    assert title in text
    question.write_text(text.replace(title, OTHER_TITLE), "utf-8")
    expect(author.locator("h1")).to_have_text(OTHER_TITLE, timeout=SOON_MS)
    expect(author.locator("[data-part=live]")).to_have_text("Live")
    author.wait_for_function("() => scrollY === 400", timeout=SOON_MS)


def test_an_error_appears_at_its_line_and_goes_when_it_is_fixed(author: Page, question: Path):
    author.goto("/preview/questions/strange-loss")
    expect(author.get_by_text("The checker finds nothing wrong here.")).to_be_visible()
    good = question.read_text("utf-8")
    question.write_text(good.replace("- [x]", "- [*]", 1), "utf-8")
    marked = author.locator(".excerpt-marked")
    expect(marked).to_contain_text("- [*]", timeout=SOON_MS)
    expect(author.get_by_text("[*] is not a box.")).to_be_visible()
    question.write_text(good, "utf-8")
    expect(marked).to_have_count(0, timeout=SOON_MS)


def test_an_error_above_does_not_push_away_what_the_author_reads(author: Page, question: Path):
    author.set_viewport_size({"width": 1000, "height": 500})
    author.goto("/preview/questions/strange-loss")
    author.evaluate("document.querySelectorAll('.outcome')[1].scrollIntoView()")
    where = "document.querySelectorAll('.outcome')[1].getBoundingClientRect().top"
    before = author.evaluate(where)
    question.write_text(question.read_text("utf-8").replace("- [x]", "- [*]", 1), "utf-8")
    expect(author.locator(".excerpt-marked")).to_have_count(1, timeout=SOON_MS)
    author.wait_for_function(f"() => Math.abs({where} - {before}) < 150", timeout=SOON_MS)


def test_one_key_press_leads_to_what_learners_see_and_back(author: Page):
    author.goto("/preview/questions/strange-loss")
    expect(author.locator(".outcome").first).to_be_visible()
    author.get_by_role("link", name="As learners see it").press("Enter")
    expect(author.get_by_role("button", name="Submit answer")).to_be_visible()
    expect(author.locator(".outcome")).to_have_count(0)
    author.get_by_role("link", name="With the key").press("Enter")
    expect(author.locator(".outcome").first).to_be_visible()


def _visit(page: Page, address: str) -> None:
    """Goes there; once more when the page before was just about to reload itself."""
    try:
        page.goto(address)
    except Error as error:
        if "interrupted by another navigation" not in str(error):
            raise
        page.goto(address)


def test_axe_finds_nothing_and_nothing_scrolls_sideways_when_it_is_narrow(
    chromium: Browser, preview: tuple[PreviewServer, Path], question: Path
):
    text = question.read_text("utf-8")
    long = "- [ ] " + "a_very_long_word_" * 30
    question.write_text(text.replace("- [x]", long + "\n- [*]", 1), "utf-8")
    context = chromium.new_context(
        bypass_csp=True,
        base_url=preview[0].url,
        color_scheme="light",
        reduced_motion="reduce",
        viewport={"width": 360, "height": 700},
    )
    page = context.new_page()
    page.goto("/preview/questions/strange-loss")
    expect(page.locator(".excerpt-marked").first).to_be_visible(timeout=SOON_MS)
    for address in ("/preview/", "/preview/topics/strange-loss", "/preview/questions/strange-loss"):
        _visit(page, address)
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, address
        # a lesson may hold several lab benches, which are all called that
        assert find_violations(page, ignored_rules=("landmark-unique",)) == [], address
        page.emulate_media(color_scheme="dark")
        assert find_colour_violations(page) == [], f"{address}, dark"
        page.emulate_media(color_scheme="light")
    context.close()


def test_a_preview_that_has_stopped_is_said_to_have(
    chromium: Browser, tmp_path: Path, content: Path
):
    with previewing("--content", content, temporary=tmp_path) as server:
        page = chromium.new_page(base_url=server.url)
        page.goto("/preview/questions/sides")
        live = page.locator("[data-part=live]")
        expect(live).to_have_text("Live")
        server.stop()
        expect(live).to_contain_text("The preview has stopped", timeout=SOON_MS)
        page.close()
