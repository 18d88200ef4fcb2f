"""Writing in a real browser: messages while typing, drafts, publishing, images, verification."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from quizserver.accounts import roles_store as roles
from quizserver.accounts import store as people
from quizserver.authoring.scaffold import simulation_scaffold
from quizserver.db.session import Database
from tests.browser.accessibility import find_violations
from tests.browser.context_pool import ContextPool
from tests.browser.looks import LOOKS
from tests.conftest import LESSON, PLAIN, SINGLE
from tests.serve.server import Server, serving

EDITOR = "/write/numbers/sides.md"
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489"
    "0000000d49444154789c6360606060000000050001a5f645400000000049454e44ae426082"
)
PASSWORD = "correct horse"


HELD = "slow/hold"
"""While this file is there, the simulation of the topic ``slow`` waits before it trains."""


@dataclass
class Workshop:
    server: Server
    data: Path
    content: Path
    emails: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workshop]:
    """A whole server with topics of its own, one of them with a simulation that trains quickly."""
    root = tmp_path_factory.mktemp("workshop")
    content, data = root / "content", root / "data"
    (content / "numbers").mkdir(parents=True)
    (content / "fitted").mkdir()
    (content / "slow").mkdir()
    (content / "numbers/even.md").write_text(PLAIN)
    (content / "numbers/lesson.md").write_text(LESSON)
    for name, text in simulation_scaffold("fitted", "simulation", "fitted-line").items():
        (content / "fitted" / name).write_text(text)
    for name, text in simulation_scaffold("slow", "simulation", "slow-line").items():
        held = text.replace("from torch", "import time\nfrom pathlib import Path\n\nfrom torch")
        wait = "    while Path(__file__).with_name('hold').exists():\n        time.sleep(0.1)\n"
        held = held.replace("    knobs = replicas.knobs\n", f"{wait}    knobs = replicas.knobs\n")
        (content / "slow" / name).write_text(held)
    with serving(data, content, "--workers", "1") as server:
        yield Workshop(server, data, content)


@pytest.fixture
def author(context_pool: ContextPool, workshop: Workshop) -> Iterator[Page]:
    """A page of an author; the test fails when the console tells of an error."""
    (workshop.content / "numbers/sides.md").write_text(SINGLE)
    errors: list[str] = []
    with context_pool.borrow(base_url=workshop.server.url, reduced_motion="reduce") as context:
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
        sign_in(page, workshop, f"{secrets.token_hex(8)}@example.org")
        yield page
    assert errors == []


@pytest.fixture
def other(context_pool: ContextPool, workshop: Workshop) -> Iterator[Page]:
    """A page of another author, whose console may tell of refused requests."""
    with context_pool.borrow(base_url=workshop.server.url, reduced_motion="reduce") as context:
        page = context.new_page()
        sign_in(page, workshop, f"{secrets.token_hex(8)}@example.org")
        yield page


def sign_in(page: Page, workshop: Workshop, email: str) -> None:
    page.goto("/sign-up")
    page.fill("#email", email)
    page.fill("#password", PASSWORD)
    page.get_by_role("button", name="Sign up").click()
    page.wait_for_url(re.compile(r"/(?!sign-up)"))
    database = Database(f"sqlite:///{workshop.data / 'quizserver.sqlite3'}")
    with database.write() as session:
        account = people.person_by_email(session, email)
        assert account is not None
        roles.grant_role(session, account.id, "author", by=None, now=datetime.now(UTC))
    database.dispose()
    workshop.emails.append(email)


def type_at_end(page: Page, text: str) -> None:
    page.locator("#source").click()
    page.keyboard.press("Control+End")
    page.keyboard.type(text)


def saved(page: Page) -> None:
    expect(page.locator('[data-part="state"]')).to_contain_text("Draft, saved at")


def test_a_mistake_is_told_at_its_line_while_typing_and_a_click_leads_there(author: Page):
    author.goto(EDITOR)
    expect(author.locator(".source-lines div")).to_have_count(SINGLE.count("\n") + 1)
    author.fill("#source", SINGLE.replace("[x]", "[ ]"))
    message = author.locator(".problem-lines a").first
    expect(message).to_have_text("Line 3")
    expect(author.locator(".source-lines div").nth(2)).to_have_class("line-bad")
    message.click()
    at = author.evaluate("document.activeElement.id + document.activeElement.selectionStart")
    assert at == f"source{SINGLE.index('[ ] Two')}"
    author.fill("#source", SINGLE)
    expect(author.locator(".problems-sum")).to_contain_text("No problems")
    expect(author.locator(".line-bad")).to_have_count(0)


def test_the_page_beside_it_follows_the_text_and_the_draft_saves_itself(
    author: Page, workshop: Workshop
):
    author.goto(EDITOR)
    type_at_end(author, "- [ ] A **bold** fourth\n")
    expect(author.locator('[data-part="page"] strong', has_text="bold")).to_be_visible()
    saved(author)
    assert "bold" not in (workshop.content / "numbers/sides.md").read_text()
    author.reload()
    expect(author.locator("#source")).to_have_value(re.compile(r"A \*\*bold\*\* fourth"))


def test_numbers_stand_at_their_lines_however_long_the_lines_are(author: Page):
    author.set_viewport_size({"width": 360, "height": 800})
    author.goto(EDITOR)
    long = "word " * 60 + "https://example.org/" + "unbroken" * 20
    author.fill("#source", f"# Long\n\n{long}\n\n- [x] a\n- [ ] b\n")
    copy, source = author.locator('[data-part="lines"]'), author.locator("#source")
    heights = [
        author.evaluate("e => e.scrollHeight", each.element_handle()) for each in (copy, source)
    ]
    assert abs(heights[0] - heights[1]) <= 2, "the copy wraps as the text does"
    assert author.evaluate("document.documentElement.scrollWidth") <= 360


def test_a_published_page_is_live_at_once(author: Page, workshop: Workshop):
    author.goto(EDITOR)
    text = SINGLE.replace("triangle", "trigon")
    author.fill("#source", text)
    author.get_by_role("button", name="Publish").click()
    expect(author.locator(".message")).to_contain_text("Published")
    assert (workshop.content / "numbers/sides.md").read_text() == text
    author.goto("/questions/sides")
    expect(author.locator("h1")).to_contain_text("trigon")


def test_a_file_changed_meanwhile_is_told_while_typing_and_leads_to_both_texts(
    author: Page, workshop: Workshop
):
    author.goto(EDITOR)
    type_at_end(author, "- [ ] Mine\n")
    saved(author)
    file = workshop.content / "numbers/sides.md"
    file.write_text(SINGLE.replace("Two {#two}", "Twelve {#two}"))
    type_at_end(author, "- [ ] Mine too\n")
    author.get_by_role("link", name="See both, and decide").click()
    expect(author.locator(".diff-added").first).to_contain_text("Twelve")
    expect(author.locator("#merged")).to_have_value(re.compile("Twelve.*Mine too", re.DOTALL))
    author.get_by_role("button", name="Go on with this text").click()
    author.get_by_role("button", name="Publish").click()
    expect(author.locator(".message")).to_contain_text("Published")
    assert "Twelve" in file.read_text()
    assert "Mine too" in file.read_text()


def test_an_image_goes_in_at_the_caret(author: Page, workshop: Workshop):
    author.goto(EDITOR)
    author.locator("#source").click()
    author.keyboard.press("Control+Home")
    author.keyboard.press("End")
    author.keyboard.press("Enter")
    author.keyboard.press("Enter")
    saved(author)
    author.get_by_text("Add an image").click()
    author.set_input_files(
        "#image-file", {"name": "Dot.png", "mimeType": "image/png", "buffer": PNG}
    )
    author.fill("#image-alt", "A dot")
    author.get_by_role("button", name="Add it").click()
    expect(author.locator("#source")).to_have_value(re.compile(r"\n\n!\[A dot\]\(dot\.png\)"))
    expect(author.locator('[data-part="page"] img[alt="A dot"]')).to_be_visible()
    assert (workshop.content / "numbers/dot.png").read_bytes() == PNG


def test_claims_are_verified_with_live_progress_and_their_evidence_goes_with_the_page(
    author: Page, workshop: Workshop
):
    file = workshop.content / "fitted/fitted-line.md"
    author.goto("/write/fitted/fitted-line.md")
    author.get_by_role("button", name="Verify claims").click()
    bar = author.get_by_role("progressbar", name="Verification")
    expect(bar).to_be_visible()
    track, done = (bar.locator("rect").nth(n) for n in (0, 1))
    fills = [each.evaluate("(e) => getComputedStyle(e).fill") for each in (track, done)]
    assert fills[0] != fills[1], "what is done can be told from what is not"
    rows = author.locator(".verify-table tbody tr")
    expect(rows).to_have_count(4, timeout=120_000)
    expect(author.locator('[data-part="verify-status"]')).to_contain_text("4 of 4 claims")
    wrong = file.read_text().replace(
        "- [x] The learning rate is far too low", "- [ ] The learning rate is far too low"
    )
    wrong = wrong.replace(
        "- [ ] The learning rate is far too high", "- [x] The learning rate is far too high"
    )
    author.fill("#source", wrong)
    saved(author)
    author.get_by_role("button", name="Verify claims").click()
    expect(author.get_by_text("but the key says supported").first).to_be_visible(timeout=120_000)
    expect(author.locator('[data-part="verify-status"]')).to_contain_text("2 of 4 claims")
    assert not (workshop.content / "fitted/evidence.json").exists(), "a draft records nothing"
    author.fill("#source", file.read_text().replace("twenty points", "20 points"))
    saved(author)
    author.get_by_role("button", name="Publish").click()
    expect(author.locator(".message")).to_contain_text("Published")
    assert (workshop.content / "fitted/evidence.json").exists()
    expect(author.locator(".key-verdicts").first).to_contain_text("supported")


def status(page: Page) -> Locator:
    return page.locator('[data-part="verify-status"]')


def test_a_verification_is_found_again_and_left_to_others_who_wait_for_it(
    author: Page, other: Page, workshop: Workshop
):
    (workshop.content / HELD).touch()
    url = "/write/slow/slow-line.md"
    author.goto(url)
    author.get_by_role("button", name="Verify claims").click()
    expect(status(author)).to_have_text("Training…", timeout=60_000)
    author.goto("/write")
    author.goto(url)
    expect(status(author)).to_have_text("Training…")
    other.goto(url)
    expect(status(other)).to_have_text("Training…")
    other.get_by_role("button", name="Stop").click()
    expect(status(other)).to_contain_text("Somebody else does")
    expect(other.get_by_role("button", name="Verify claims")).to_be_enabled()
    (workshop.content / HELD).unlink()
    expect(status(author)).to_contain_text("4 of 4 claims", timeout=60_000)
    other.reload()
    expect(other.locator('[data-part="verify-result"]')).to_contain_text("Verified: 4 of 4")


def test_a_verification_that_the_last_one_leaves_is_stopped(author: Page, workshop: Workshop):
    (workshop.content / HELD).touch()
    author.goto("/write/slow/slow-line.md")
    author.fill(
        "#source", author.input_value("#source").replace("shape: flat}", "shape: diverges}")
    )
    author.get_by_role("button", name="Verify claims").click()
    expect(status(author)).to_have_text("Training…", timeout=60_000)
    author.get_by_role("button", name="Stop").click()
    expect(status(author)).to_have_text("Stopped.")
    (workshop.content / HELD).unlink()


@pytest.mark.parametrize("button", ["Publish", "Save draft"])
def test_a_text_that_can_not_be_saved_stays_in_the_page(
    other: Page, workshop: Workshop, button: str
):
    (workshop.content / "numbers/sides.md").write_text(SINGLE)
    other.goto(EDITOR)
    other.route("**/check", lambda route: route.abort())
    text = SINGLE.replace("triangle", "trigon")
    other.fill("#source", text)
    other.get_by_role("button", name=button).click()
    expect(other.locator('[data-part="state"]')).to_contain_text("can't be reached")
    expect(other.locator('[data-part="announce"]')).to_contain_text("can't be reached")
    expect(other.locator("#source")).to_have_value(text)
    other.unroute("**/check")
    other.get_by_role("button", name=button).click()
    expect(other.locator(".message")).to_be_visible()
    expect(other.locator("#source")).to_have_value(text)


def test_what_is_typed_before_the_script_came_is_saved_and_not_left_behind(author: Page):
    """Till then no button but those that send the text: the others would leave the page with it."""
    held: list[Route] = []
    author.route("**/js/editor.js", lambda route: held.append(route))
    author.goto(EDITOR, wait_until="commit")
    author.locator("#source").press("Control+End")
    author.keyboard.type("Typed early.")
    expect(author.get_by_role("button", name="Save draft")).to_be_visible()
    for waits in ("Verify claims", "Add it"):
        expect(author.get_by_role("button", name=waits)).to_be_hidden()
    expect(author.get_by_text("Add an image")).to_be_hidden()
    held[0].continue_()
    saved(author)
    expect(author.locator("[data-late]")).to_have_count(0)
    expect(author.get_by_role("button", name="Verify claims")).to_be_visible()
    author.unroute("**/js/editor.js")
    author.reload()
    expect(author.locator("#source")).to_have_value(re.compile("Typed early"))


@pytest.mark.parametrize(
    ("kind", "body"), [("text/html", "<h1>Wi-Fi</h1>"), ("application/json", '{"saved": tr')]
)
def test_an_answer_that_is_none_is_no_saved_draft(
    other: Page, workshop: Workshop, kind: str, body: str
):
    (workshop.content / "numbers/sides.md").write_text(SINGLE)
    other.goto(EDITOR)
    other.route("**/check", lambda route: route.fulfill(content_type=kind, body=body))
    other.fill("#source", SINGLE.replace("triangle", "trigon"))
    state = other.locator('[data-part="state"]')
    expect(state).to_contain_text("Not saved: The answer was cut short")
    expect(other.locator('[data-part="problems"]')).to_contain_text("No problems")
    other.unroute("**/check")
    saved(other)  # by itself
    expect(other.locator('[data-part="announce"]')).to_contain_text("Draft, saved at")


def test_a_page_that_the_browser_kept_is_loaded_anew_unless_it_holds_what_is_not_saved(
    other: Page, workshop: Workshop
):
    """Back from elsewhere, it would not know what was published meanwhile."""
    (workshop.content / "numbers/sides.md").write_text(SINGLE)
    other.goto(EDITOR)
    comes_back = "window.dispatchEvent(new PageTransitionEvent('pageshow', {persisted: true}))"
    other.route("**/check", lambda route: route.abort())
    other.locator("#source").press("Control+End")
    other.keyboard.type("Not saved.")
    other.evaluate(f"window.kept = true; {comes_back}")
    expect(other.locator('[data-part="state"]')).to_contain_text("Not saved: ")
    assert other.evaluate("window.kept")
    other.unroute("**/check")
    other.keyboard.type(" Now it is.")
    saved(other)
    with other.expect_navigation():
        other.evaluate(comes_back)
    expect(other.locator("#source")).to_have_value(re.compile("Now it is"))


def test_a_verification_that_could_not_be_asked_for_says_why(other: Page):
    """In sight, not only aloud; and the focus stays where it was."""
    other.goto(EDITOR)
    other.route("**/verify", lambda route: route.fulfill(status=503, body="busy"))
    verify = other.get_by_role("button", name="Verify claims")
    verify.press("Enter")
    expect(status(other)).to_contain_text("The server answered 503.")
    expect(status(other)).to_be_visible()
    expect(verify).to_be_focused()
    expect(other.get_by_role("button", name="Stop")).to_be_hidden()


def test_of_two_tabs_neither_text_is_overwritten_before_its_author_says_so(
    other: Page, workshop: Workshop
):
    (workshop.content / "numbers/sides.md").write_text(SINGLE)
    tab = other.context.new_page()
    for page in (other, tab):
        page.goto(EDITOR)
    tab.fill("#source", SINGLE.replace("triangle", "trigon"))
    saved(tab)
    mine = SINGLE.replace("triangle", "trilateral")
    other.fill("#source", mine)
    expect(other.locator('[data-part="state"]')).to_contain_text("changed in another tab")
    other.get_by_role("button", name="Save draft").click()
    expect(other.locator(".diff-removed").first).to_contain_text("trigon")
    expect(other.locator("#source")).to_have_value(mine)
    type_at_end(other, "- [ ] Nine\n")
    expect(other.locator('[data-part="state"]')).to_contain_text("Not saved")
    tab.reload()
    expect(tab.locator("#source")).to_have_value(re.compile("trigon"))
    other.get_by_role("button", name="Save draft").click()
    expect(other.locator(".message")).to_contain_text("The draft is saved")
    expect(other.locator("#source")).to_have_value(re.compile("trilateral.*Nine", re.DOTALL))


def test_a_session_that_ends_while_typing_loses_nothing(other: Page, workshop: Workshop):
    (workshop.content / "numbers/sides.md").write_text(SINGLE)
    other.goto(EDITOR)
    email = workshop.emails[-1]
    tab = other.context.new_page()
    tab.goto("/account")
    tab.get_by_role("button", name="Sign out").first.click()
    text = SINGLE.replace("triangle", "trigon")
    other.fill("#source", text)
    expect(other.locator('[data-part="state"]')).to_contain_text("You are signed out")
    other.get_by_role("button", name="Publish").click()
    expect(other.locator("#source")).to_have_value(text)
    tab.goto("/sign-in")
    tab.fill("#email", email)
    tab.fill("#password", PASSWORD)
    tab.get_by_role("button", name="Sign in").click()
    expect(other.locator('[data-part="state"]')).to_contain_text("Draft, saved", timeout=15_000)
    other.get_by_role("button", name="Publish").click()
    expect(other.locator(".message")).to_contain_text("Published")
    assert (workshop.content / "numbers/sides.md").read_text() == text


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_axe_finds_no_violation_and_nothing_scrolls_sideways(
    author: Page, workshop: Workshop, scheme: str, width: int
):
    author.emulate_media(color_scheme=scheme)
    author.set_viewport_size({"width": width, "height": 900})
    author.goto(EDITOR)
    author.fill("#source", SINGLE.replace("[x]", "[ ]"))
    expect(author.locator(".line-bad")).to_have_count(1)
    found: list[str] = []

    def look(name: str) -> None:
        found.extend(f"{name}: {violation}" for violation in find_violations(author))
        if author.evaluate("document.documentElement.scrollWidth") > width:
            found.append(f"{name} scrolls sideways")
        look_at(author, f"{name}-{width}-{scheme}")

    look("editor")
    (workshop.content / "numbers/sides.md").write_text(SINGLE.replace("triangle", "trigon"))
    for name, address in {
        "write": "/write",
        "conflict": f"{EDITOR}/conflict",
        "history": f"{EDITOR}/history",
        "delete": f"{EDITOR}/delete",
        "discard": f"{EDITOR}/discard",
        "question": "/write/numbers/even.md",
    }.items():
        author.goto(address)
        look(name)
    assert found == []


def look_at(page: Page, name: str) -> None:
    """Keeps a picture where PICTURES_TO names a folder: pages are looked at, too."""
    folder = os.environ.get("PICTURES_TO")
    if folder:
        page.screenshot(path=str(Path(folder) / f"{name}.png"), full_page=True)
