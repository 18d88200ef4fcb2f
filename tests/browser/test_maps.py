"""Phase maps in a real browser: the dot by hand, by finger, by key; maps that arrive live."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.stand import END, Stand, cells, event
from tests.browser.stand_views import MAPS
from tests.browser.test_bench import Bench

PLANE = MAPS[0].plane
SIDE = len(PLANE.x_values)


class MapBench(Bench):
    """The bench with the parts of its maps by name."""

    @property
    def target(self) -> Locator:
        return self.root.locator(".map-target:visible")

    @property
    def dot(self) -> Locator:
        return self.root.locator(".map-dot:visible")

    @property
    def live(self) -> Locator:
        return self.root.locator('[data-map="live"]')

    @property
    def trained(self) -> Locator:
        """The cells of the live map that have a count; each count of it differs in a test."""
        return self.live.locator(".cells path[class^=k-]")

    def open_maps(self) -> None:
        """The maps come when they are opened."""
        self.part("map").locator("summary").first.click()
        expect(self.part("map-compute")).to_be_enabled()

    def slider(self, name: str) -> Locator:
        return self.root.get_by_role("slider", name=f"{name} in the map")

    def compute(self) -> None:
        self.part("map-compute").click()

    def spot(self, column: float, row: float) -> tuple[float, float]:
        """The page's coordinates of the middle of a cell; rows count from the axis upwards."""
        self.target.scroll_into_view_if_needed()
        box = self.target.bounding_box()
        assert box is not None
        across, up = (column + 0.5) / SIDE, (row + 0.5) / SIDE
        return box["x"] + across * box["width"], box["y"] + (1 - up) * box["height"]

    def has(self, column: int, row: int) -> None:
        """The knobs and the words stand at a cell of the first map."""
        x, y = PLANE.x_values[column], PLANE.y_values[row]
        expect(self.number("learning_rate")).to_have_value(f"{x:g}")
        expect(self.number("momentum")).to_have_value(f"{y:g}")
        count = MAPS[0].counts[row][column]
        words = f"{count} of 8 replicas show plateau, then drop."
        expect(self.part("map-readout")).to_contain_text(words)


@pytest.fixture
def bench(sheet: Page, stand: Stand) -> Iterator[MapBench]:
    found = MapBench(sheet)
    sheet.goto(f"{stand.url}/questions/answered")
    found.open_maps()
    yield found
    assert found.faults == [], "no script may fail, whatever the test did"


def test_the_dot_stands_where_the_setting_is(bench: MapBench) -> None:
    bench.number("learning_rate").fill(str(PLANE.x_values[8]))
    bench.number("momentum").fill(str(PLANE.y_values[4]))
    x, y = bench.spot(8, 4)
    box = bench.dot.bounding_box()
    assert box is not None
    assert abs(box["x"] + box["width"] / 2 - x) < 1.5
    assert abs(box["y"] + box["height"] / 2 - y) < 1.5
    bench.has(8, 4)


def test_dragging_the_dot_turns_the_two_knobs_and_no_other(bench: MapBench) -> None:
    start, end = bench.spot(2, 2), bench.spot(9, 7)
    bench.page.mouse.move(*start)
    bench.page.mouse.down()
    bench.has(2, 2)
    bench.page.mouse.move(*end, steps=5)
    bench.has(9, 7)
    bench.page.mouse.up()
    bench.page.mouse.move(*start)
    bench.has(9, 7)
    expect(bench.number("hidden")).to_have_value("64")
    assert "learning_rate:" in (bench.part("link").get_attribute("href") or "")


def test_dragging_past_the_edge_stays_at_it(bench: MapBench) -> None:
    bench.page.mouse.move(*bench.spot(5, 5))
    bench.page.mouse.down()
    bench.page.mouse.move(*bench.spot(14, 5))
    bench.has(SIDE - 1, 5)
    bench.page.mouse.up()


def test_the_arrow_keys_move_the_dot_a_cell_and_say_where_it_is(bench: MapBench) -> None:
    bench.page.mouse.click(*bench.spot(3, 3))
    across, up = bench.slider("Learning rate, across"), bench.slider("Momentum, upwards")
    expect(across).to_be_focused()
    bench.page.keyboard.press("ArrowRight")
    bench.has(4, 3)
    bench.page.keyboard.press("ArrowUp")
    bench.has(4, 4)
    expect(up).to_be_focused()
    bench.page.keyboard.press("Home")
    bench.has(4, 0)
    bench.page.keyboard.press("ArrowDown")
    bench.has(4, 0)
    bench.page.keyboard.press("ArrowLeft")
    bench.has(3, 0)
    expect(across).to_be_focused()
    bench.page.keyboard.press("End")
    bench.has(SIDE - 1, 0)
    words = "Learning rate 10, momentum 0: 2 of 8 replicas show plateau, then drop."
    expect(across).to_have_attribute("aria-valuetext", words)
    expect(across).to_have_attribute("aria-valuenow", "10")
    expect(across).to_have_attribute("aria-valuemax", "10")


def test_enter_on_the_dot_runs_the_setting(bench: MapBench, stand: Stand) -> None:
    bench.page.mouse.click(*bench.spot(3, 3))
    bench.page.keyboard.press("Enter")
    bench.finished()
    assert stand.asked[0]["knobs"]["momentum"] == PLANE.y_values[3]
    assert "map" not in stand.asked[0]
    bench.root.get_by_role("button", name="Run this setting").click()
    bench.finished()
    assert len(stand.asked) == 2


def test_a_setting_between_cells_says_at_what_its_cell_was_trained(bench: MapBench) -> None:
    bench.number("learning_rate").fill("0.1")
    expect(bench.part("map-readout")).to_contain_text("in this cell, trained at learning rate 0.")
    bench.number("learning_rate").fill("900")
    expect(bench.part("map-readout")).to_contain_text("outside this map")


def test_other_knobs_than_the_maps_are_told_plainly(bench: MapBench) -> None:
    expect(bench.part("map-note")).to_be_hidden()
    bench.number("hidden").fill("16")
    expect(bench.part("map-note")).to_have_text(
        "But this map holds hidden units at 64; yours is 16. "
        "Its counts are not those of your setting."
    )
    expect(bench.part("map-again")).to_be_visible()
    bench.number("hidden").fill("64")
    expect(bench.part("map-again")).to_be_hidden()


def test_one_map_is_shown_at_a_time(bench: MapBench) -> None:
    expect(bench.root.locator(".map-figure:visible")).to_have_count(1)
    bench.part("map-shown").select_option(label="Learning rate × activation: flat")
    expect(bench.root.locator(".map-figure:visible")).to_contain_text("Flat: learning rate ×")
    expect(bench.part("map-readout")).to_contain_text("activation tanh")
    bench.dot.get_by_role("slider").nth(1).press("ArrowUp")
    expect(bench.part("map-readout")).to_contain_text("activation ReLU")
    expect(bench.number("unit")).to_have_value("1")


def test_a_map_arrives_cell_by_cell_with_progress_and_the_time_left(
    bench: MapBench, stand: Stand
) -> None:
    def slowly(after: str | None) -> Iterator[str]:
        yield event("state", {"state": "running", "waiting": 0})
        yield cells(0, 4)
        stand.stopped.wait(20)
        yield cells(4, 9) + END

    stand.stream = slowly
    bench.number("hidden").fill("16")
    bench.root.get_by_role("button", name="Compute the map for your setting").click()
    expect(bench.part("map-status")).to_have_text("4 of 9 cells, about 40 s left")
    expect(bench.part("map-progress")).to_have_attribute("aria-valuenow", "44")
    expect(bench.trained).to_have_count(4)
    expect(bench.part("map-compute")).to_be_disabled()
    expect(bench.slider("Learning rate, across")).to_be_focused()
    asked = stand.asked[0]
    assert asked["map"] == {
        "x": "learning_rate", "y": "momentum", "shape": "plateau-then-drop", "series": None,
    }  # fmt: skip
    assert asked["knobs"]["hidden"] == 16
    assert "replicas" not in asked
    stand.stopped.set()
    expect(bench.part("map-status")).to_have_text("Done.")
    expect(bench.trained).to_have_count(9)
    expect(bench.live.locator(".map-words")).to_contain_text("The loss falls steadily.")
    bench.live.locator("summary").click()
    expect(bench.live.locator("tbody tr").first.locator("td")).to_have_text(["6", "7", "8"])
    expect(bench.live.locator("[data-part=map-csv]")).to_have_attribute("href", "/runs/r.csv")
    expect(bench.part("map-note")).to_be_hidden()
    bench.part("map-shown").select_option("0")
    expect(bench.part("map-note")).to_be_visible()


def test_a_dropped_stream_of_cells_is_taken_up_behind_the_last(
    bench: MapBench, stand: Stand
) -> None:
    def dropping(after: str | None) -> Iterator[str]:
        return iter([cells(0, 5)]) if after is None else iter([cells(3, 9), END])

    stand.stream = dropping
    bench.compute()
    expect(bench.part("map-status")).to_have_text("Done.")
    assert stand.resumed_after == [None, "5"]
    expect(bench.trained).to_have_count(9)


def test_a_map_that_is_stored_already_appears_whole(bench: MapBench, stand: Stand) -> None:
    stand.map_state = "done"
    run = {"state": "done", "url": "/runs/r", "events": "/none", "csv": "/runs/r.csv"}
    stand.answer = lambda asked: (200, run)
    bench.compute()
    expect(bench.part("map-status")).to_have_text("Done.")
    expect(bench.live).to_contain_text("In 4 of 9 cells.")
    assert stand.resumed_after == []


def test_knobs_and_shape_of_another_map_are_the_learners_choice(
    bench: MapBench, stand: Stand
) -> None:
    stand.stream = lambda after: iter([cells(0, 9), END])
    bench.part("map-x").select_option("momentum")
    bench.part("map-y").select_option(label="Activation")
    bench.part("map-shape").select_option(label="Flat")
    bench.compute()
    expect(bench.part("map-status")).to_have_text("Done.")
    assert stand.asked[0]["map"] == {
        "x": "momentum", "y": "unit", "shape": "flat", "series": None,
    }  # fmt: skip
    expect(bench.live).to_contain_text("Flat: momentum × activation")
    expect(bench.live.locator(".tick-y")).to_have_text(["tanh", "ReLU", "GELU"])


def test_one_knob_twice_is_told_before_anything_is_asked(bench: MapBench, stand: Stand) -> None:
    bench.part("map-y").select_option("learning_rate")
    bench.compute()
    expect(bench.part("map-error")).to_have_text("Choose two different knobs.")
    expect(bench.part("map-y")).to_be_focused()
    assert stand.asked == []


def test_a_refused_map_is_told_in_words_at_its_list(bench: MapBench, stand: Stand) -> None:
    stand.answer = lambda asked: (422, {"error": "There is no such shape.", "field": "map.shape"})
    bench.compute()
    expect(bench.part("map-error")).to_have_text("There is no such shape.")
    expect(bench.part("map-shape")).to_be_focused()
    expect(bench.part("map-compute")).to_be_enabled()


def test_a_failed_map_says_why_and_keeps_its_cells(bench: MapBench, stand: Stand) -> None:
    end = event("end", {"state": "failed", "error": "It took too long.", "sentence": None})
    stand.stream = lambda after: iter([cells(0, 3), end])
    bench.compute()
    expect(bench.part("map-status")).to_have_text("It took too long.")
    expect(bench.part("map-announce")).to_have_text("It took too long.")
    expect(bench.trained).to_have_count(3)
    expect(bench.part("map-compute")).to_be_enabled()


def test_a_map_can_be_stopped(bench: MapBench, stand: Stand) -> None:
    def until_stopped(after: str | None) -> Iterator[str]:
        yield cells(0, 2)
        stand.stopped.wait(20)
        yield event("end", {"state": "stopped", "error": None, "sentence": None})

    stand.stream = until_stopped
    bench.compute()
    bench.root.get_by_role("button", name="Stop the map").click()
    expect(bench.part("map-status")).to_have_text("Stopped. The cells so far stay in the picture.")
    expect(bench.part("map-stop")).to_be_disabled()
    expect(bench.trained).to_have_count(2)


def test_a_knob_that_chooses_among_kinds_shows_their_names(bench: MapBench, stand: Stand) -> None:
    knob = bench.knob("unit")
    expect(knob.get_by_label("Activation", exact=True)).to_have_value("0")
    expect(knob.locator("option")).to_have_text(["tanh", "ReLU", "GELU"])
    knob.locator("select").select_option(label="GELU")
    bench.start()
    bench.finished()
    assert stand.asked[0]["knobs"]["unit"] == 2
    expect(bench.part("kept")).to_contain_text("Activation GELU")
    knob.get_by_role("button", name="Reset Activation").click()
    expect(knob.locator("select")).to_have_value("0")
    expect(knob.locator("select")).to_be_focused()


@pytest.fixture
def phone(chromium: Browser, stand: Stand) -> Iterator[MapBench]:
    context = chromium.new_context(
        has_touch=True, is_mobile=True, viewport={"width": 360, "height": 740}
    )
    page = context.new_page()
    page.goto(f"{stand.url}/questions/answered")
    bench = MapBench(page)
    bench.open_maps()
    yield bench
    context.close()


def swipe(bench: MapBench, start: tuple[float, float], end: tuple[float, float]) -> None:
    """A finger on the glass, as the browser gets it from the system: it may become a scroll."""
    devtools = bench.page.context.new_cdp_session(bench.page)
    shares = [step / 12 for step in range(13)]
    for share in shares:
        place = {
            "x": start[0] + (end[0] - start[0]) * share,
            "y": start[1] + (end[1] - start[1]) * share,
        }
        touch = {"type": "touchMove" if share else "touchStart", "touchPoints": [place]}
        devtools.send("Input.dispatchTouchEvent", touch)
        bench.page.wait_for_timeout(16)
    devtools.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


def scrolled(bench: MapBench) -> float:
    return float(bench.page.evaluate("() => window.scrollY"))


def test_a_finger_drags_the_dot_without_scrolling_the_page(phone: MapBench) -> None:
    phone.page.touchscreen.tap(*phone.spot(5, 3))
    phone.has(5, 3)
    start, end = phone.spot(5, 3), phone.spot(5, 9)
    before = scrolled(phone)
    swipe(phone, start, end)
    phone.has(5, 9)
    assert scrolled(phone) == before


def test_a_finger_beside_the_dot_scrolls_the_page_and_moves_nothing(phone: MapBench) -> None:
    phone.page.touchscreen.tap(*phone.spot(1, 1))
    phone.has(1, 1)
    start, end = phone.spot(9, 2), phone.spot(9, 9)
    before = scrolled(phone)
    swipe(phone, start, end)
    assert scrolled(phone) != before
    phone.has(1, 1)


def test_a_map_fits_a_phone(phone: MapBench) -> None:
    assert phone.page.evaluate("() => document.documentElement.scrollWidth") == 360
    sizes = phone.page.locator(".chart-map:visible text").evaluate_all(
        "texts => texts.map((text) => parseFloat(getComputedStyle(text).fontSize))"
    )
    assert min(sizes) >= 12
    box = phone.target.bounding_box()
    assert box is not None
    assert box["width"] / SIDE > 15, "a cell can be told from its neighbour"
    phone.root.locator(".map-figure:visible summary").click()
    expect(phone.root.locator(".map-table:visible")).to_be_visible()
    assert phone.page.evaluate("() => document.documentElement.scrollWidth") == 360


def test_the_map_says_what_a_colour_counts(bench: MapBench) -> None:
    legend = bench.root.get_by_role("list", name="Replicas of 8 that show the shape").first
    texts = [re.compile("0 of 8"), *map(str, range(1, 8)), re.compile("8 of 8")]
    expect(legend.get_by_role("listitem")).to_have_text(texts)


def test_a_learners_map_is_really_trained_and_can_be_stopped(answered: Page) -> None:
    bench = MapBench(answered)
    for _ in range(30):  # a simulation that no evidence describes is read by a process first
        if bench.root.count():
            break
        answered.wait_for_timeout(1000)
        answered.reload()
    bench.root.get_by_label("Train here").uncheck()
    bench.open_maps()
    bench.part("map-x").select_option("learning_rate")
    bench.part("map-y").select_option("momentum")
    bench.compute()
    words = re.compile(r"^\d+ of 576 cells, about \d+ (s|min) left$")
    expect(bench.part("map-status")).to_have_text(words, timeout=60_000)
    assert bench.live.locator(".cells path[class^=k-]").count() > 0
    bench.root.get_by_role("button", name="Stop the map").click()
    expect(bench.part("map-status")).to_contain_text("Stopped.", timeout=10_000)
    bench.live.locator("summary").click()
    trained = bench.live.locator("tbody td").filter(has_not_text="–")
    assert 0 < trained.count() < 576
