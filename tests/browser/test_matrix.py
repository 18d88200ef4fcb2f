"""The matrix in a real browser: it updates by itself, by keyboard, under axe, on a phone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner
from playwright.sync_api import Browser, BrowserContext, Page, expect

from quizserver.classes import instructors_store as instructors
from quizserver.classes import members_store as members
from quizserver.classes import store as classes
from quizserver.cli import main
from quizserver.db.session import Database
from quizserver.settings import Settings
from quizserver.topics.library import Library
from tests.browser.accessibility import find_violations
from tests.browser.context_pool import ContextPool
from tests.browser.looks import LOOKS
from tests.classes.matrix_setup import NOW, MatrixClass
from tests.serve.server import Server

TEACHER = "teacher@school.example.org"
WORDS = "correct horse"
QUESTION = "strange-loss"
LONG = "Maximiliane Rosalinde von und zu Beispielhausen-Musterstadt"


@pytest.fixture(scope="session")  # what it makes stays on the shared server
def school(server: Server, store: Database, data_folder: Path) -> tuple[Server, MatrixClass]:
    """A server with an instructor and a class of twelve over every topic that comes along."""
    command = ["user", "--data", str(data_folder), "add", TEACHER, "--role", "instructor"]
    made = CliRunner().invoke(main, [*command, "--password-stdin"], input=f"{WORDS}\n")
    assert made.exit_code == 0, made.output
    matrix_class = MatrixClass.create(store)
    snapshot = Library(Settings().content).snapshot()
    with store.write() as session:
        classes.set_class_topics(
            session, matrix_class.class_.id, [(topic, NOW) for topic in snapshot.topics]
        )
        instructors.promote_to_instructor(
            session, matrix_class.class_.id, TEACHER, datetime.now(UTC)
        )
    for name in (LONG, *(f"Learner {number:02}" for number in range(11))):
        matrix_class.add_learner(
            name, f"{name.replace(' ', '-').lower()}@department.school.example.org"
        )
    for at, name in enumerate(list(matrix_class.ids)[1:9]):
        for number, question in enumerate(snapshot.questions):
            if (at + number) % 3:
                matrix_class.add_answers(name, question, *[False] * (at % 4), number % 2 == 0)
    return server, matrix_class


@pytest.fixture
def context(
    context_pool: ContextPool, school: tuple[Server, MatrixClass]
) -> Iterator[BrowserContext]:
    size = {"width": 1280, "height": 900}
    with context_pool.borrow(base_url=school[0].url, viewport=size) as context:
        sign_in(context.new_page())
        yield context


@pytest.fixture
def address(school: tuple[Server, MatrixClass]) -> str:
    return f"/classes/{school[1].class_.id}/matrix"


def sign_in(page: Page) -> None:
    page.goto("/sign-in?next=/classes")
    page.fill("input[name=email]", TEACHER)
    page.fill("input[name=password]", WORDS)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/classes")


def newcomer(matrix_class: MatrixClass) -> int:
    return matrix_class.ids["Learner 10"]


def test_a_new_answer_arrives_by_itself_and_is_told(
    context: BrowserContext, school: tuple[Server, MatrixClass], address: str
):
    page = context.new_page()
    page.goto(address)
    matrix_class = school[1]
    row = page.locator(f"tr[data-person='{newcomer(matrix_class)}']")
    cell = row.locator(".cell").first
    expect(cell).to_have_text("–")
    page.locator(".matrix-box").evaluate("box => box.scrollLeft = 120")
    cell.focus()
    at = page.locator(".matrix-box").evaluate("box => box.scrollLeft")
    first = page.locator("[data-matrix]").get_attribute("data-matrix")
    assert first is not None
    questions = page.evaluate(
        "JSON.parse(document.querySelector('[data-matrix]').dataset.matrix).questions"
    )
    matrix_class.add_answers("Learner 10", questions[0], False, True)
    expect(cell).to_have_text("✓ 2", timeout=15_000)
    expect(cell).to_have_class("cell cell-right cell-changed")
    expect(page.locator("[data-news]")).to_have_text("2 new answers")
    expect(row.locator("[data-right]")).to_have_text("1")
    expect(row.locator("[data-attempts]")).to_have_text("2")
    link = cell.get_by_role("link", name="right, 2 attempts")
    expect(link).to_be_focused()
    assert page.locator(".matrix-box").evaluate("box => box.scrollLeft") == at
    expect(cell).to_have_class("cell cell-right", timeout=10_000)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Attempt 2: right")).to_be_visible()


def test_a_matrix_whose_answers_do_not_come_says_so_and_goes_on(
    context: BrowserContext, address: str
):
    """A request that hangs is given up: the page neither waits for ever nor looks fresh."""
    page = context.new_page()
    page.clock.install()
    page.goto(address)
    expect(page.get_by_text("Updates by itself.")).to_be_visible()
    page.route("**/window.json*", lambda route: None)
    page.clock.run_for(60_000)
    expect(page.locator("[data-news]")).to_contain_text("does not answer")
    page.unroute("**/window.json*")
    page.evaluate("dispatchEvent(new Event('online'))")
    expect(page.locator("[data-news]")).to_have_text("Updating again.")


def test_a_matrix_whose_script_does_not_come_promises_nothing(
    context: BrowserContext, address: str
):
    page = context.new_page()
    page.route("**/js/matrix.js", lambda route: route.fulfill(status=404))
    page.goto(address)
    expect(page.get_by_text("Updates by itself.")).to_be_hidden()
    page.evaluate("document.getAnimations().forEach((one) => one.finish())")
    warning = page.get_by_role("alert").filter(has_text="does not update by itself")
    expect(warning).to_be_visible()


def test_who_joins_is_told_and_who_leaves_goes(
    context: BrowserContext, school: tuple[Server, MatrixClass], address: str
):
    page = context.new_page()
    matrix_class = school[1]
    going = matrix_class.add_learner("Anton")
    page.goto(f"{address}?search=anton")
    page.get_by_role("link", name="Anton").focus()
    with matrix_class.database.write() as session:
        members.leave_class(session, matrix_class.class_.id, going, NOW)
    expect(page.get_by_role("row", name="Anton")).to_have_count(0, timeout=15_000)
    expect(page.locator("[data-moved]")).to_be_visible()
    expect(page.locator(".matrix-box")).to_be_focused()


def test_nothing_is_asked_for_while_nobody_looks_and_errors_slow_it_down(
    context: BrowserContext, address: str
):
    page = context.new_page()
    asked: list[float] = []
    page.route("**/window.json*", lambda route: (asked.append(1), route.fulfill(status=503))[1])
    page.clock.install()
    page.goto(address)
    hidden = (
        "Object.defineProperty(document, 'visibilityState', {configurable: true, get: () => '%s'})"
    )
    page.evaluate(hidden % "hidden")
    page.clock.run_for(30_000)
    assert asked == []
    page.evaluate(hidden % "visible")
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    page.wait_for_timeout(300)
    for _ in range(60):
        page.clock.run_for(1000)
        page.wait_for_timeout(10)
    assert 3 <= len(asked) <= 5, "at 0, 8, 24, 56 s"
    expect(page.locator("[data-news]")).to_contain_text("does not answer")


def test_the_cells_are_one_stop_with_arrows_inside(context: BrowserContext, address: str):
    page = context.new_page()
    page.goto(address)
    page.locator(".matrix-box").focus()
    page.keyboard.press("Tab")
    here = "document.activeElement.closest"
    where = f"[{here}('tr').rowIndex, {here}('td,th').cellIndex]"
    assert page.evaluate(where) == [2, 0]
    page.keyboard.press("ArrowRight")
    assert page.evaluate(where) == [2, 1], "the totals are cells as well"
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    assert page.evaluate(where) == [3, 2]
    page.keyboard.press("Control+End")
    last = page.evaluate(where)
    assert last[0] == page.locator("tbody tr").count() + 1
    page.keyboard.press("ArrowDown")
    assert page.evaluate(where) == last
    page.keyboard.press("Home")
    assert page.evaluate(where) == [last[0], 0]
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('table') === null"), "one stop"
    page.keyboard.press("Shift+Tab")
    assert page.evaluate(where) == [last[0], 0], "and back where one was"
    page.keyboard.press("Control+Home")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    page.wait_for_url("**sort=-right")
    assert page.locator("[aria-sort]").inner_text() == "Right ▼"
    assert page.locator("[aria-sort] a").get_attribute("tabindex") == "-1"


def test_the_heads_stay_in_sight(context: BrowserContext, address: str):
    page = context.new_page()
    page.set_viewport_size({"width": 700, "height": 500})
    page.goto(address)
    box = page.locator(".matrix-box")
    box.evaluate("box => { box.scrollTop = 9999; box.scrollLeft = 9999; }")
    frame = box.bounding_box()
    name = page.locator("tbody tr").last.locator("th").bounding_box()
    head = page.locator(".matrix-question").last.bounding_box()
    assert frame is not None
    assert name is not None
    assert head is not None
    assert abs(name["x"] - frame["x"]) < 3
    assert frame["y"] < head["y"] < frame["y"] + 50


def test_without_scripts_there_are_links_and_a_form(
    chromium: Browser, school: tuple[Server, MatrixClass], address: str
):
    context = chromium.new_context(base_url=school[0].url, java_script_enabled=False)
    page = context.new_page()
    sign_in(page)
    page.goto(address)
    page.get_by_role("link", name="Attempts", exact=True).click()
    expect(page.get_by_role("columnheader", name="Attempts")).to_have_attribute(
        "aria-sort", "descending"
    )
    page.get_by_label("Learners").select_option("stuck")
    page.get_by_role("button", name="Show").click()
    assert "sort=-attempts" in page.url
    assert "state=stuck" in page.url
    page.locator(".cell a").first.click()
    expect(page.get_by_role("heading", name="Attempt 1")).to_be_visible()
    context.close()


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_axe_finds_no_violation_and_nothing_is_wider_than_the_window(
    chromium: Browser, school: tuple[Server, MatrixClass], address: str, scheme: str, width: int
):
    context = chromium.new_context(
        base_url=school[0].url,
        color_scheme=scheme,
        reduced_motion="reduce",
        viewport={"width": width, "height": 900},
    )
    page = context.new_page()
    sign_in(page)
    who = school[1].ids["Learner 02"]
    behind = address.replace("matrix", f"learners/{who}")
    found: list[str] = []
    for at in (address, f"{address}?state=done", behind, f"{behind}/questions/{QUESTION}"):
        page.goto(at)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, at
        found += [f"{at}: {violation}" for violation in find_violations(page)]
    context.close()
    assert found == []


def test_on_paper_nothing_lies_upon_the_table(context: BrowserContext, address: str) -> None:
    page = context.pages[-1]
    page.goto(address)
    page.emulate_media(media="print")
    legend = page.locator(".matrix-legend").bounding_box()
    table = page.locator(".matrix-box").bounding_box()
    assert legend is not None
    assert table is not None
    assert legend["y"] + legend["height"] <= table["y"]


def test_the_page_that_is_shown_is_marked_where_the_reader_sets_the_colours(
    context: BrowserContext, address: str
) -> None:
    """With colours of the reader's own an edge that is transparent elsewhere is drawn."""
    page = context.pages[-1]
    page.goto(address)
    page.emulate_media(forced_colors="active")
    edge = "link => getComputedStyle(link).borderBottomColor"
    here = page.locator(".class-nav [aria-current]").evaluate(edge)
    rest = page.locator(".class-nav a:not([aria-current])")
    others = rest.evaluate_all(f"all => all.map({edge})")
    assert here not in others
    assert len(set(others)) == 1


def test_going_back_after_signing_out_shows_no_names(context: BrowserContext, address: str) -> None:
    """A browser may keep a page whole, and show it again to whoever goes back."""
    page = context.pages[-1]
    page.goto(address)
    context.clear_cookies()
    with page.expect_navigation():
        page.evaluate(
            "window.dispatchEvent(new PageTransitionEvent('pageshow', {persisted: true}))"
        )
    expect(page.get_by_role("heading", name="There is no such page")).to_be_visible()
    expect(page.locator(".matrix")).to_have_count(0)
