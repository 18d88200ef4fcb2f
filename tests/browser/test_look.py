"""How pages behave at their edges: narrow, dark, without scripts, by keyboard, on paper."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.stand import Stand

PAGES = ("open", "answered")


@pytest.fixture
def bare(chromium: Browser) -> Iterator[Page]:
    """A page of a browser that runs no scripts."""
    context = chromium.new_context(java_script_enabled=False)
    yield context.new_page()
    context.close()


@pytest.mark.parametrize("which", PAGES)
def test_no_page_scrolls_sideways(sheet: Page, stand: Stand, which: str) -> None:
    sheet.set_viewport_size({"width": 320, "height": 800})
    sheet.goto(f"{stand.url}/questions/{which}")
    for width in (320, 360, 768, 1280, 2200):
        sheet.set_viewport_size({"width": width, "height": 800})
        wide = sheet.evaluate("() => document.documentElement.scrollWidth")
        assert wide <= width, width


WIDE = """() => {
    const places = document.querySelectorAll(".option > :last-child, li > .outcome-text");
    for (const place of places) {
        const block = place.appendChild(document.createElement("div"));
        const code = block.appendChild(document.createElement("pre"));
        code.textContent = "wide_".repeat(60);
    }
    return places.length;
}"""


@pytest.mark.parametrize("which", PAGES)
def test_wide_code_scrolls_in_its_option_and_not_the_page(
    sheet: Page, stand: Stand, which: str
) -> None:
    sheet.set_viewport_size({"width": 360, "height": 800})
    sheet.goto(f"{stand.url}/questions/{which}")
    assert sheet.evaluate(WIDE) >= 2
    assert sheet.evaluate("() => document.documentElement.scrollWidth") == 360


def test_a_page_asks_nobody_else_and_its_policy_blocks_nothing_that_it_needs(
    sheet: Page, stand: Stand
) -> None:
    asked: list[str] = []
    said: list[str] = []
    sheet.on("request", lambda request: asked.append(request.url))
    sheet.on("console", lambda message: said.append(message.text))
    sheet.goto(f"{stand.url}/questions/answered", wait_until="networkidle")
    assert asked
    assert [url for url in asked if not url.startswith(stand.url)] == []
    assert [text for text in said if "Content Security Policy" in text] == []


def test_without_scripts_the_recorded_curve_shows_and_no_dead_control(
    bare: Page, stand: Stand
) -> None:
    bare.goto(f"{stand.url}/questions/answered")
    expect(bare.locator("#bench .bench-figure svg.plot")).to_be_visible()
    expect(bare.locator("#bench path.median")).to_have_count(1)
    assert bare.locator("#bench button").count() >= 9
    assert (
        bare.locator("#bench").locator("button, input, select").locator("visible=true").count() == 0
    )
    expect(bare.locator("#bench [data-part=map], #bench [data-part=data]")).to_have_count(2)
    for fold in bare.locator("#bench [data-part=map], #bench [data-part=data]").all():
        expect(fold).to_be_hidden()
    expect(bare.locator("#bench noscript .notice")).to_be_visible()


def test_without_scripts_numbers_single_runs_and_maps_have_pages_of_their_own(
    bare: Page, stand: Stand
) -> None:
    bare.goto(f"{stand.url}/questions/answered")
    bare.get_by_role("link", name="Its single runs and its numbers").click()
    expect(bare.locator("h1")).to_have_text("learning rate × 0.2")
    expect(bare.locator("tbody tr")).to_have_count(61)
    expect(bare.locator("path.replica").first).to_be_visible()
    bare.get_by_label("Single runs").uncheck()
    expect(bare.locator("path.replica").first).to_be_hidden()
    bare.go_back()
    bare.get_by_role("link", name="Phase maps").click()
    expect(bare.locator(".map-figure")).to_have_count(2)
    for drawn in bare.locator(".map-figure").all():
        expect(drawn.locator("svg.plot")).to_be_visible()
        drawn.get_by_text("Table of the map").click()
        expect(drawn.locator("td").first).to_be_visible()
    assert bare.locator("button, select").locator("visible=true").count() == 0


def test_without_scripts_single_replicas_show_on_demand(bare: Page, stand: Stand) -> None:
    bare.goto(f"{stand.url}/questions/answered")
    bare.get_by_role("link", name="The curves of learning rate × 0.2").click()
    expect(bare.locator("h1")).to_have_text("learning rate × 0.2")
    expect(bare.locator(".evidence-sentence")).to_have_text("It falls late.")
    replica = bare.locator(".outcome path.replica").first
    expect(replica).to_be_visible()
    bare.get_by_label("Single runs").uncheck()
    expect(replica).to_be_hidden()


def test_an_answer_is_given_by_keyboard_alone(sheet: Page, stand: Stand) -> None:
    """Skip link, options, Submit: in this order, with nothing in between that traps the focus."""
    sheet.goto(f"{stand.url}/questions/open")
    sheet.keyboard.press("Tab")
    expect(sheet.get_by_text("Skip to the content")).to_be_focused()
    sheet.keyboard.press("Enter")
    for _ in range(20):
        sheet.keyboard.press("Tab")
        if sheet.evaluate("() => document.activeElement.value") == "high":
            break
    sheet.keyboard.press("Space")
    sheet.keyboard.press("Enter")
    sheet.wait_for_url("**/answer#q-error")
    assert stand.answers[0]["option"] == ["high"]


def test_a_hint_keeps_what_was_chosen(sheet: Page, stand: Stand) -> None:
    sheet.goto(f"{stand.url}/questions/open")
    sheet.get_by_label("Too low").check()
    sheet.get_by_role("button", name="Show a hint").click()
    expect(sheet.get_by_text("Think of small steps.")).to_be_visible()
    expect(sheet.get_by_label("Too low")).to_be_checked()
    sheet.get_by_role("button", name="Show another hint").click()
    expect(sheet.get_by_text("Think again.")).to_be_visible()
    expect(sheet.get_by_role("button", name="hint")).to_have_count(0)
    sheet.get_by_role("button", name="Submit").click()
    sheet.wait_for_url("**/answer#q-error")
    assert stand.answers[0]["hints_seen"] == ["2"]


def test_an_empty_submission_lands_at_what_is_wrong(sheet: Page, stand: Stand) -> None:
    """The page that comes back opens at the error, which has the focus."""
    sheet.set_viewport_size({"width": 360, "height": 500})
    sheet.goto(f"{stand.url}/questions/open")
    sheet.get_by_role("button", name="Submit").click()
    sheet.wait_for_url("**/answer#q-error")
    expect(sheet.get_by_role("alert")).to_be_focused()
    expect(sheet.get_by_role("alert")).to_be_in_viewport()


def test_a_hint_without_scripts_lands_at_the_hint(bare: Page, stand: Stand) -> None:
    bare.set_viewport_size({"width": 360, "height": 500})
    bare.goto(f"{stand.url}/questions/open")
    bare.get_by_role("button", name="Show a hint").click()
    bare.wait_for_url("**/answer#q-hint-1")
    expect(bare.get_by_text("Think of small steps.")).to_be_in_viewport()


def test_the_result_gets_the_focus(sheet: Page, stand: Stand) -> None:
    """After an answer the reader, of screens too, begins at the result."""
    sheet.goto(f"{stand.url}/questions/answered#result")
    expect(sheet.locator("#result")).to_be_focused()
    expect(sheet.locator("#result")).to_be_in_viewport()


def test_a_verdict_is_a_word_of_what_and_a_count_and_the_mark_alone_has_a_sign(
    sheet: Page, stand: Stand
) -> None:
    sheet.goto(f"{stand.url}/questions/answered")
    verdict = "supported · Plateau, then drop: 63 of 64 seeds at 0.06"
    expect(sheet.locator(".verdict").first).to_have_text(verdict)
    signs = sheet.locator(".outcomes > ol > li").evaluate_all(
        "rows => rows.map((row) => row.innerText.match(/[✓✗]/g).length)"
    )
    assert signs == [1, 1]


def test_colours_of_light_and_dark_differ_and_follow_the_system(sheet: Page, stand: Stand) -> None:
    seen = []
    for scheme in ("light", "dark"):
        sheet.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        sheet.goto(f"{stand.url}/questions/answered")
        seen.append(
            sheet.evaluate(
                "() => [getComputedStyle(document.body).backgroundColor,"
                " getComputedStyle(document.querySelector('path.median')).stroke]"
            )
        )
    assert seen[0][0] != seen[1][0]
    assert seen[0][1] != seen[1][1]


@pytest.mark.parametrize("width", [320, 1280])
def test_the_heads_of_a_long_range_do_not_overlap(sheet: Page, stand: Stand, width: int) -> None:
    sheet.set_viewport_size({"width": width, "height": 800})
    sheet.goto(f"{stand.url}/questions/answered")
    sheet.locator(".why > summary").first.click()
    expect(sheet.locator(".tried").first).to_be_visible()
    spilled = sheet.locator(".tried th").evaluate_all(
        "cells => cells.filter((cell) => cell.scrollWidth > cell.clientWidth).length"
    )
    assert sheet.locator(".tried th").count() >= 9
    assert spilled == 0


def test_numbers_in_an_authors_table_stand_right_aligned(sheet: Page, stand: Stand) -> None:
    sheet.goto(f"{stand.url}/questions/open")
    aligned = sheet.locator(".stem td").evaluate_all(
        "tds => tds.map((td) => getComputedStyle(td).textAlign)"
    )
    assert aligned == ["left", "right"]


def test_on_paper_there_is_nothing_to_press(sheet: Page, stand: Stand) -> None:
    """But the question, the verdicts, why, and the curve."""
    sheet.set_viewport_size({"width": 673, "height": 1000})  # what a sheet has between its margins
    sheet.goto(f"{stand.url}/questions/answered")
    sheet.emulate_media(media="print")
    controls = "button, input, select, textarea, a.button-main, a.button-quiet, nav"
    assert sheet.locator(controls).locator("visible=true").count() == 0
    assert sheet.locator(".steps, .reports").locator("visible=true").count() == 0
    expect(sheet.locator(".verdict").first).to_be_visible()
    expect(sheet.locator(".outcome .small-chart svg").first).to_be_visible()
    expect(sheet.locator("#bench svg.plot")).to_be_visible()
    for folded in (".stem", ".feedback", ".evidence-sentence", ".references"):
        place = sheet.locator(folded).first
        expect(place).to_be_visible()
        assert place.evaluate("(place) => place.checkVisibility()"), folded
    assert sheet.locator(".bench-stage").evaluate("(s) => getComputedStyle(s).position") == "static"


def test_a_lean_page_before_the_answer(sheet: Page, stand: Stand) -> None:
    response = sheet.goto(f"{stand.url}/questions/open")
    assert response is not None
    assert len(response.body()) < 15 * 1024
