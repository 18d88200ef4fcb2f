"""The answered page: options show their curves, the rest comes when opened, a phone has it all."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.browser.accessibility import find_violations
from tests.browser.looks import LOOKS
from tests.browser.stand import Stand
from tests.browser.test_maps import MapBench
from tests.serve.server import Server

QUESTION = "/questions/strange-loss"
SIMULATION = "/simulations/strange-loss/simulation"
PARTS = ("arms/low-rate", "maps", "bench")
PHONE = {"width": 360, "height": 740}
HEIGHT_ON_A_PHONE = 4500  # CSS pixels, with everything folded
# Whether the middle of an element is in the window, with nothing else before it.
IS_UNCOVERED = """(element) => {
    const { left, right, top, bottom } = element.getBoundingClientRect();
    const front = document.elementFromPoint((left + right) / 2, (top + bottom) / 2);
    return front !== null && (element.contains(front) || front.contains(element));
}"""
BAR_IS_IN_SIGHT = """() => {
    const bar = document.querySelector(".steps");
    const { top, bottom } = bar.getBoundingClientRect();
    return top >= 0 && Math.floor(bottom) <= innerHeight && [...bar.children].every((link) => {
        const { left, right } = link.getBoundingClientRect();
        return left >= 0 && right <= innerWidth;
    });
}"""
OPEN_ALL = "() => document.querySelectorAll('details').forEach((fold) => { fold.open = true; })"


@pytest.fixture
def bench(sheet: Page, stand: Stand) -> Iterator[MapBench]:
    """The bench of an answered page, with the low-rate arm on it."""
    found = MapBench(sheet)
    sheet.goto(f"{stand.url}/questions/answered")
    expect(found.part("run")).to_be_enabled()
    yield found
    assert found.faults == []


def answer_rightly(page: Page) -> None:
    page.goto(QUESTION)
    for option in ("regularisation", "low-rate", "local-minima"):
        page.check(f"input[value={option}]")
    page.get_by_role("button", name="Submit answer").click()
    page.wait_for_selector("#result")


def test_the_picture_of_an_option_puts_its_setting_on_the_bench(bench: MapBench) -> None:
    pictures = bench.page.locator(".outcomes > ol .small-chart")
    low, high = pictures.first, pictures.nth(1)
    expect(low).to_have_attribute("aria-current", "true")
    expect(high).not_to_have_attribute("aria-current", "true")
    high.press("Enter")
    expect(bench.part("caption")).to_have_text("It falls at once.")
    expect(bench.root.locator("path.median.arm-0")).to_have_count(1)
    expect(bench.number("learning_rate")).to_have_value("0.3")
    expect(bench.part("announce")).to_have_text("healthy run.")
    expect(high).to_have_attribute("aria-current", "true")
    expect(low).not_to_have_attribute("aria-current", "true")
    expect(high).to_be_focused()
    expect(bench.part("figure")).to_be_in_viewport(ratio=0.9)
    bench.number("momentum").fill("0.5")
    expect(bench.page.locator(".outcomes > ol [aria-current]")).to_have_count(0)


def test_what_the_bench_shows_is_marked_in_the_colours_of_the_system_too(bench: MapBench) -> None:
    bench.page.emulate_media(forced_colors="active")
    looks = bench.page.locator(".outcomes > ol .small-chart").evaluate_all(
        "all => all.map((one) => getComputedStyle(one).outlineStyle)"
    )
    assert looks == ["solid", "none"]


def test_whoever_reads_why_sees_the_curve_that_it_is_about(bench: MapBench) -> None:
    whys = bench.page.locator(".outcomes > ol .why > summary")
    whys.nth(1).press("Enter")
    expect(bench.part("caption")).to_have_text("It falls at once.")
    expect(whys.nth(1)).to_be_focused()
    whys.first.press("Enter")
    expect(bench.part("caption")).to_have_text("It falls late.")
    expect(bench.page.locator(".why[open]")).to_have_count(1)


def test_a_new_tab_of_a_picture_is_left_to_the_browser(bench: MapBench) -> None:
    with bench.page.context.expect_page() as opened:
        bench.page.locator(".outcomes > ol .small-chart").nth(1).click(modifiers=["ControlOrMeta"])
    expect(opened.value.locator("h1")).to_have_text("healthy run")
    expect(bench.part("caption")).to_have_text("It falls late.")


def test_maps_come_when_they_are_opened_and_are_asked_for_again(bench: MapBench) -> None:
    asked: list[str] = []
    bench.page.on("request", lambda request: asked.append(request.url))
    bench.page.route("**/maps", lambda route: route.fulfill(status=503))
    fold = bench.part("map").locator("summary").first
    expect(bench.root.locator(".map-figure")).to_have_count(0)
    fold.press("Enter")
    lost = "The maps did not come: The server answered 503. Close and open this part to try again."
    expect(bench.part("map-lost")).to_have_text(lost)
    expect(bench.part("map-lost")).to_have_role("alert")
    bench.page.unroute("**/maps")
    fold.press("Enter")
    fold.press("Enter")
    expect(bench.root.locator(".map-figure:visible")).to_have_count(1)
    expect(bench.part("map-lost")).to_be_hidden()
    expect(fold).to_be_focused()
    fold.press("Enter")
    fold.press("Enter")
    expect(bench.root.locator(".map-figure:visible")).to_have_count(1)
    assert len([url for url in asked if url.endswith("/maps")]) == 2, "what is there is kept"


def test_what_was_opened_before_the_script_came_is_filled_when_it_comes(
    sheet: Page, stand: Stand
) -> None:
    bench = MapBench(sheet)
    held: list[Route] = []
    sheet.route("**/js/bench.js", lambda route: held.append(route))
    sheet.goto(f"{stand.url}/questions/answered", wait_until="commit")
    bench.part("map").locator("summary").first.click()
    bench.open_table()
    expect(bench.root.locator(".map-figure")).to_have_count(0)
    held[0].continue_()
    expect(bench.root.locator(".map-figure:visible")).to_have_count(1)
    expect(bench.part("rows").locator("tr")).to_have_count(61)
    assert bench.faults == []


def test_the_table_is_made_when_it_is_opened(bench: MapBench) -> None:
    expect(bench.part("rows").locator("tr")).to_have_count(0)
    bench.open_table()
    expect(bench.part("rows").locator("tr")).to_have_count(61)


def test_on_a_phone_a_knob_and_its_curve_are_seen_together(answered: Page) -> None:
    answered.set_viewport_size(PHONE)
    answered.reload()
    chart = answered.locator("#bench .chart-bench")
    expect(answered.locator("[data-part=run]")).to_be_enabled()
    knobs = answered.locator("#bench .knob [data-part=range]")
    for knob in knobs.all():
        knob.focus()
        answered.wait_for_timeout(50)
        before = knob.input_value()
        for _ in range(3):
            knob.press("ArrowRight" if int(before) < 900 else "ArrowLeft")
        assert knob.input_value() != before
        expect(chart).to_be_in_viewport(ratio=0.99)
        expect(knob).to_be_in_viewport(ratio=0.99)
        assert knob.evaluate(IS_UNCOVERED)


@pytest.mark.parametrize("width", [360, 1280])
def test_next_and_try_again_are_in_sight_everywhere_and_cover_nothing_in_use(
    answered: Page, width: int
) -> None:
    answered.set_viewport_size({"width": width, "height": 740})
    answered.reload()
    expect(answered.locator("[data-part=run]")).to_be_enabled()
    expect(answered.locator(".steps a")).to_have_count(2)
    # The footer of the site comes after it.
    height = answered.evaluate("document.querySelector('.colophon').offsetTop")
    for top in range(0, height, 370):
        answered.evaluate(f"scrollTo({{ top: {top}, behavior: 'instant' }})")
        assert answered.evaluate(BAR_IS_IN_SIGHT), top
    answered.evaluate("scrollTo({ top: 0, behavior: 'instant' })")
    answered.locator("#result").focus()
    covered = []
    for _ in range(100):
        answered.keyboard.press("Tab")
        focused = answered.locator(":focus")
        if focused.evaluate("(element) => element.closest('.steps') !== null"):
            break
        if not focused.evaluate(IS_UNCOVERED):
            covered.append(focused.evaluate("(element) => element.outerHTML.slice(0, 90)"))
    expect(answered.locator(".steps a").first).to_be_focused()
    assert covered == []


def test_the_page_is_short_on_a_phone(answered: Page) -> None:
    answered.set_viewport_size(PHONE)
    answered.reload()
    expect(answered.locator("[data-part=run]")).to_be_enabled()
    expect(answered.locator("details[open]")).to_have_count(0)
    assert answered.evaluate("document.documentElement.scrollHeight") <= HEIGHT_ON_A_PHONE


def test_with_the_keyboard_alone_from_the_answer_to_the_next_question(page: Page) -> None:
    def tab_to(selector: str) -> None:
        for _ in range(80):
            page.keyboard.press("Tab")
            if page.locator(":focus").evaluate("(one, wanted) => one.matches(wanted)", selector):
                return
        raise AssertionError(f"no Tab leads to {selector}")

    page.goto(QUESTION)
    for _ in range(4):
        tab_to(".option input")
        if page.locator(":focus").get_attribute("value") != "high-rate":
            page.keyboard.press("Space")
    tab_to("button[type=submit]")
    page.keyboard.press("Enter")
    expect(page.locator("#result")).to_be_focused()
    expect(page.locator("[data-part=run]")).to_be_enabled()
    tab_to(".why > summary")
    page.keyboard.press("Enter")
    expect(page.locator(".why[open] .feedback")).to_be_visible()
    tab_to("#bench [data-part=range]")
    before = page.locator(":focus").input_value()
    page.keyboard.press("ArrowRight")
    assert page.locator(":focus").input_value() != before
    expect(page.locator("[data-part=live-words]")).to_have_text("Trained in your browser.")
    expect(page.locator("[data-part=announce]")).to_contain_text("of 64")
    tab_to(".step-next")
    page.keyboard.press("Enter")
    page.wait_for_url("**/questions/strange-could-will")


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_axe_finds_nothing_with_everything_opened(
    chromium: Browser, server: Server, scheme: str, width: int
) -> None:
    context = chromium.new_context(
        base_url=server.url,
        bypass_csp=True,
        color_scheme=scheme,  # type: ignore[arg-type]
        reduced_motion="reduce",
        viewport={"width": width, "height": 900},
    )
    page = context.new_page()
    found: list[str] = []

    def look(name: str) -> None:
        found.extend(f"{name}: {violation}" for violation in find_violations(page))
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= width, name

    page.goto(QUESTION)
    page.check("input[value=low-rate]")
    page.get_by_role("button", name="Submit answer").click()
    page.wait_for_selector("#result")
    expect(page.locator("[data-part=run]")).to_be_enabled()
    page.evaluate(OPEN_ALL)
    look("tried")
    page.goto(f"{QUESTION}?again=1")
    for option in ("regularisation", "local-minima", "low-rate"):
        page.check(f"input[value={option}]")
    page.get_by_role("button", name="Submit answer").click()
    page.wait_for_selector("#q-why")
    expect(page.locator("[data-part=run]")).to_be_enabled()
    # Of those that share a name one is open at a time.
    page.evaluate("document.querySelectorAll('.why').forEach((why) => why.removeAttribute('name'))")
    page.evaluate(OPEN_ALL)
    expect(page.locator(".map-figure:visible")).to_have_count(1)
    expect(page.locator("[data-part=rows] tr").first).to_be_visible()
    look("answered")
    for address in (f"{QUESTION}/evidence/0", *(f"{SIMULATION}/{part}" for part in PARTS)):
        page.goto(address)
        if address.endswith("bench"):
            expect(page.locator("[data-part=run]")).to_be_enabled()
        page.evaluate(OPEN_ALL)
        look(address)
    context.close()
    assert found == []
