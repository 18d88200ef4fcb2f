"""Runs that a page has lost are found again; those that are in the way are named and stopped."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.stand import END, STEADY, Stand, X, accept, asked_map, band, cells, event, points
from tests.browser.test_bench import Bench

SETTING = {"learning_rate": 0.06, "momentum": 0.5, "hidden": 64, "unit": 0}
BEGUN = {
    "state": "running", "error": None, "sentence": None, "arm": "low-rate", "knobs": SETTING,
    "seeds": [100, 116], "x": X[:10], "series": {"loss": band(STEADY[:10])},
}  # fmt: skip
OWN = {
    "kind": "curves", "topic": "t", "simulation": "simulation", "is_open": True,
    "title": "Topic: Momentum 0.5, 16 seeds", "state": "running",
    "points_done": 10, "points_total": 61,
    "url": "/runs/r", "events": "/runs/r/events", "csv": "/runs/r.csv",
}  # fmt: skip
STORED = "sessionStorage.getItem('runs:t/simulation')"


@pytest.fixture
def open_bench(sheet: Page, stand: Stand) -> Iterator[Callable[..., Bench]]:
    bench = Bench(sheet)

    def open_page(link: str = "") -> Bench:
        sheet.goto(f"{stand.url}/questions/answered{link}")
        return bench

    yield open_page
    assert bench.faults == []


def half_a_run(stand: Stand) -> Callable[[str | None], Iterator[str]]:
    """A stream that brings ten points, and the rest once the run was stopped or is over."""

    def stream(after: str | None) -> Iterator[str]:
        yield event("state", {"state": "running", "waiting": 0}) + points(0, 10)
        stand.stopped.wait(20)
        yield event("end", {"state": "stopped", "error": None, "sentence": None})

    return stream


def shows_the_setting(bench: Bench) -> None:
    expect(bench.number("momentum")).to_have_value("0.5")
    expect(bench.number("learning_rate")).to_have_value("0.06")
    expect(bench.part("replicas")).to_have_value("16")
    expect(bench.part("first")).to_have_value("100")


def test_a_reload_goes_on_with_the_run_its_setting_and_stop(
    open_bench: Callable[..., Bench], stand: Stand
) -> None:
    stand.stream = half_a_run(stand)
    bench = open_bench()
    bench.number("momentum").fill("0.5")
    bench.part("replicas").fill("16")
    bench.part("first").fill("100")
    bench.start()
    expect(bench.part("status")).to_contain_text("epoch 9 of 60")
    stand.begun, stand.own_runs = dict(BEGUN), [dict(OWN)]
    for _ in range(2):
        bench.page.reload()
        shows_the_setting(bench)
        expect(bench.part("status")).to_contain_text("epoch 9 of 60")
        expect(bench.root.get_by_role("button", name="Run", exact=True)).to_be_disabled()
    assert len(stand.asked) == 1, "nothing was asked for anew"
    bench.root.get_by_role("button", name="Stop", exact=True).click()
    expect(bench.part("status")).to_have_text("Stopped.")
    assert bench.page.evaluate(STORED) == "{}"
    bench.page.reload()
    expect(bench.number("momentum")).to_have_value("0")


def test_another_tab_finds_the_run_and_its_end(
    open_bench: Callable[..., Bench], stand: Stand
) -> None:
    stand.begun, stand.own_runs = dict(BEGUN), [dict(OWN)]
    bench = open_bench()
    shows_the_setting(bench)
    bench.finished()
    assert stand.asked == []
    expect(bench.part("csv")).to_have_attribute("href", "/runs/r.csv")
    expect(bench.part("caption")).to_have_text("The loss falls steadily.")


def test_a_run_that_ended_while_the_page_was_away_is_shown(
    open_bench: Callable[..., Bench], stand: Stand
) -> None:
    stand.stream = half_a_run(stand)
    bench = open_bench()
    bench.start()
    expect(bench.part("status")).to_contain_text("epoch 9 of 60")
    stand.begun = BEGUN | {
        "state": "done", "sentence": "From the store.", "x": X, "series": {"loss": band(STEADY)},
    }  # fmt: skip
    bench.page.reload()
    bench.finished()
    shows_the_setting(bench)
    expect(bench.part("caption")).to_have_text("From the store.")
    bench.page.reload()
    expect(bench.part("status")).to_contain_text("Recorded curve")


@pytest.mark.parametrize("other", [{"topic": "u"}, {"simulation": "second"}, {"is_open": False}])
def test_a_run_of_another_bench_is_left_alone(
    open_bench: Callable[..., Bench], stand: Stand, other: dict[str, Any]
) -> None:
    stand.begun, stand.own_runs = dict(BEGUN), [OWN | other]
    with open_bench().page.expect_response("**/runs/own"):
        bench = open_bench()
    expect(bench.root.get_by_role("button", name="Run", exact=True)).to_be_enabled()
    expect(bench.number("momentum")).to_have_value("0")


def test_the_setting_of_a_link_comes_before_the_run_of_another_tab(
    open_bench: Callable[..., Bench], stand: Stand
) -> None:
    stand.begun, stand.own_runs = dict(BEGUN), [dict(OWN)]
    bench = open_bench("#run=arm:healthy,momentum:0.25,seeds:0:32")
    expect(bench.number("momentum")).to_have_value("0.25")
    stand.stream = half_a_run(stand)
    bench.start()
    expect(bench.part("status")).to_contain_text("epoch 9 of 60")
    bench.page.reload()
    shows_the_setting(bench)  # of the run that this tab has begun


def test_a_run_is_gone_without_a_word_where_the_server_keeps_it_no_longer(
    open_bench: Callable[..., Bench], stand: Stand
) -> None:
    bench = open_bench()
    stored = '{"curves": "/runs/gone", "map": "https://elsewhere.example/runs/r", "x": 7}'
    bench.page.evaluate(f"sessionStorage.setItem('runs:t/simulation', '{stored}')")
    with bench.page.expect_response("**/runs/gone"):
        bench.page.reload()
    expect(bench.part("form-error")).to_be_hidden()
    bench.page.wait_for_function(f"{STORED} === '{{}}'")


def test_a_map_goes_on_after_a_reload_without_taking_the_focus(
    open_bench: Callable[..., Bench], stand: Stand
) -> None:
    asked = {"map": {"x": "momentum", "y": "unit", "shape": "flat"}, "knobs": SETTING}
    stand.begun = asked_map(asked, "running") | {"arm": "low-rate", "seeds": [0, 8]}
    stand.own_runs = [OWN | {"kind": "map"}]

    def stream(after: str | None) -> Iterator[str]:
        yield cells(0, 5)
        stand.stopped.wait(20)
        yield event("end", {"state": "stopped", "error": None, "sentence": None})

    stand.stream = stream
    bench = open_bench()
    expect(bench.part("map-status")).to_contain_text("5 of 9 cells")
    expect(bench.part("map-x")).to_have_value("momentum")
    expect(bench.part("map-shape")).to_have_value("flat")
    expect(bench.number("momentum")).to_have_value("0.5")
    assert bench.page.evaluate("document.activeElement === document.body")
    bench.part("map-stop").click()
    expect(bench.part("map-status")).to_contain_text("Stopped.")


def test_a_refusal_names_what_is_in_the_way_and_stops_it_by_the_keyboard(
    open_bench: Callable[..., Bench], stand: Stand
) -> None:
    elsewhere = OWN | {"topic": "u", "title": "Elsewhere: Healthy, 64 seeds", "state": "queued"}
    error = "You already have 2 runs going. Wait for one to end, or stop one."
    refusal = {"error": error, "field": None, "own_runs": [elsewhere, elsewhere | OWN]}
    stand.answer = lambda asked: (429, refusal)
    bench = open_bench()
    bench.start()
    expect(bench.root.get_by_role("alert")).to_have_text(error)
    lines = bench.root.get_by_role("list", name="Your runs that are under way").locator("li")
    expect(lines).to_have_text(
        ["Elsewhere: Healthy, 64 seeds (waits) Stop it",
         "Topic: Momentum 0.5, 16 seeds (16 % done) Stop it"]
    )  # fmt: skip
    bench.root.get_by_role("button", name="Stop: Elsewhere: Healthy, 64 seeds").focus()
    bench.page.keyboard.press("Enter")
    expect(bench.root.get_by_text("Stopped: Elsewhere: Healthy, 64 seeds.")).to_be_visible()
    assert stand.stopped.is_set()
    expect(lines).to_have_count(1)
    expect(bench.root.get_by_role("button", name="Stop: Topic: Momentum")).to_be_focused()
    bench.page.keyboard.press("Enter")
    expect(bench.root.get_by_role("button", name="Run", exact=True)).to_be_focused()
    stand.answer = accept
    stand.stream = lambda after: iter([points(0, 61), END])
    bench.page.keyboard.press("Enter")
    bench.finished()
    expect(lines).to_have_count(0)
    expect(bench.part("form-error")).to_be_hidden()
