"""Phase maps that the browser trains: the server's counts cell by cell, and what ends them."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from quizserver.lab.phase_maps import PhaseMap, phase_map_sentence
from tests.browser.accessibility import find_violations
from tests.browser.live_plans import LivePlans, plane_of
from tests.browser.stand import Stand
from tests.browser.stand_views import LOW_RATE
from tests.browser.test_live import HIDE, WORKERS, Opener, live, live_stand, opened, worker_count
from tests.browser.test_maps import MapBench
from tests.serve.server import Server

__all__ = ["live", "live_stand", "opened"]  # fixtures

HERE = "Trained in your browser."


def open_maps(opened: Opener, script: str = "", **options: Any) -> MapBench:
    bench = MapBench(opened(script, **options).page)
    bench.open_maps()
    return bench


def compute(bench: MapBench, x: str, y: str, shape: str = "oscillates") -> None:
    bench.part("map-x").select_option(x)
    bench.part("map-y").select_option(y)
    bench.part("map-shape").select_option(shape)
    bench.compute()


def asked_for(x: str, y: str, shape: str) -> dict[str, Any]:
    """What the server would be asked for, from the setting that the bench begins with."""
    return {"map": {"x": x, "y": y, "shape": shape}, "knobs": dict(LOW_RATE), "first_seed": 0}


def read_counts(bench: MapBench) -> list[list[str]]:
    """The rows of the table of the map, from the lowest value of y."""
    rows = bench.live.locator("tbody tr")
    texts = "all => all.map((row) => [...row.querySelectorAll('td')].map((c) => c.textContent))"
    table: list[list[str]] = rows.evaluate_all(texts)
    return table[::-1]


def test_a_map_trained_in_the_browser_has_the_servers_counts(
    chromium: Browser, server: Server
) -> None:
    """The whole way, with a topic that comes along: plane, five plans, cells, the comparison."""
    context = chromium.new_context(base_url=server.url)
    page = context.new_page()
    page.goto("/questions/plateau-rate")
    for option in ("diverges", "standardised"):
        page.check(f"input[value={option}]")
    page.get_by_role("button", name="Submit answer").click()
    page.wait_for_selector("#result")
    bench = MapBench(page)
    bench.open_maps()
    asked: list[str] = []
    page.on("request", lambda sent: asked.append(f"{sent.method} {sent.url}"))
    compute(bench, "learning_rate", "degree", "diverges")
    expect(bench.part("map-status")).to_have_text("Done.", timeout=60_000)
    expect(bench.part("map-origin-words")).to_have_text(HERE)
    assert not [line for line in asked if re.search("POST .*/runs$", line)]
    sentence = bench.live.locator("[data-part=map-sentence]").inner_text()
    assert re.match(r"In \d+ of 120 cells most of 8 replicas show it\.", sentence)
    picture = bench.live.locator(".cells").inner_html()
    bench.part("map-check").click()
    words = "Checked: the server counts the same in all 120 cells."
    expect(bench.part("map-origin-words")).to_have_text(words, timeout=60_000)
    expect(bench.live.locator("[data-part=map-sentence]")).to_have_text(sentence)
    assert bench.live.locator(".cells").inner_html() == picture
    assert bench.faults == []
    context.close()


def test_a_knob_that_makes_other_plans_is_trained_with_a_plan_for_each_value(
    opened: Opener, live: LivePlans, live_stand: Stand
) -> None:
    live.late = 1
    size = {"width": 360, "height": 800}
    bench = open_maps(opened, bypass_csp=True, color_scheme="dark", viewport=size)
    compute(bench, "learning_rate", "unit", "steady-decrease")
    expect(bench.part("map-status")).to_have_text("Done.")
    asked = asked_for("learning_rate", "unit", "steady-decrease")
    counts = live.map_counts(asked)
    assert len({count for row in counts for count in row}) > 1
    bench.live.locator("summary").click()
    assert read_counts(bench) == [[str(count) for count in row] for row in counts]
    assert live.plans[0]["unit"] == live.plans[1]["unit"], "it had not come yet"
    assert sorted(plan["unit"] for plan in live.plans[1:]) == ["0", "1", "2"]
    sentence = phase_map_sentence(PhaseMap(plane_of(asked), tuple(map(tuple, counts))))
    expect(bench.live.locator("[data-part=map-sentence]")).to_have_text(sentence)
    expect(bench.part("map-announce")).to_have_text(f"Done. {HERE} {sentence}")
    assert find_violations(bench.page) == []
    assert bench.page.evaluate("() => document.documentElement.scrollWidth") == 360
    with bench.page.expect_download() as download:
        bench.live.locator("[data-part=map-csv]").click()
    assert download.value.suggested_filename == "simulation-map-browser.csv"
    lines = download.value.path().read_text().splitlines()
    assert lines[:2] == ["learning_rate,unit,k,n", f"0.02,0.0,{counts[0][0]},8"]
    assert len(lines) == 13
    assert (live.used, live_stand.asked) == (1, [])


def test_counts_of_the_server_that_differ_are_told(
    opened: Opener, live: LivePlans, live_stand: Stand
) -> None:
    live.falsified = True
    bench = open_maps(opened)
    compute(bench, "learning_rate", "momentum")
    expect(bench.part("map-check")).to_be_visible()
    bench.number("learning_rate").fill("0.7")  # what is checked is what was trained
    bench.part("map-check").click()
    words = "The server counts otherwise in 1 of 12 cells."
    expect(bench.part("map-origin-words")).to_have_text(words)
    assert live_stand.asked[0]["knobs"]["learning_rate"] == 0.06
    expect(bench.live.locator("[data-part=map-csv]")).to_have_attribute("href", "/runs/r.csv")


@pytest.mark.parametrize("hidden", [False, True])
def test_a_map_ends_by_its_button_and_on_a_hidden_page(
    opened: Opener, live: LivePlans, hidden: bool
) -> None:
    live.points = 4000  # it would take a while
    bench = open_maps(opened, WORKERS)
    compute(bench, "learning_rate", "momentum")
    expect(bench.part("map-status")).to_contain_text("of 12 cells")
    assert worker_count(bench.page) >= 1
    if hidden:
        bench.page.evaluate(HIDE, True)
    else:
        bench.root.get_by_role("button", name="Stop the map").click()
    expect(bench.part("map-status")).to_have_text("Stopped. The cells so far stay in the picture.")
    assert worker_count(bench.page) == 0
    expect(bench.part("map-check")).to_be_hidden()
    expect(bench.part("map-compute")).to_be_enabled()


TRAIN_WHEN_LEFT_ALONE = """async (request) => {
    const script = document.querySelector('script[src$="bench.js"]').src;
    const { LiveMap } = await import(script.replace("bench.js", "live-map.js"));
    const config = JSON.parse(
        document.querySelector('#bench [data-part="config"]').content.textContent
    );
    const map = await LiveMap.open(config, config.live, request);
    let isDisturbed = true;
    const end = new Promise((resolve) => {
        const handlers = { onCells: () => {}, onEnd: resolve, onFailure: resolve };
        map.start({ ...handlers, mayTrain: () => true, isDisturbed: () => isDisturbed });
    });
    await new Promise((resolve) => setTimeout(resolve, 500));
    const before = map.done;
    isDisturbed = false;
    const { state } = await end;
    return [before, map.done, state];
}"""


def test_a_map_waits_while_curves_are_trained(opened: Opener) -> None:
    bench = open_maps(opened)
    request = asked_for("learning_rate", "momentum", "flat")
    assert bench.page.evaluate(TRAIN_WHEN_LEFT_ALONE, request) == [0, 12, "done"]


@pytest.mark.parametrize("why", ["switched off", "no plan", "too many plans", "too much work"])
def test_what_is_not_trained_here_the_server_trains(
    opened: Opener, live: LivePlans, live_stand: Stand, why: str
) -> None:
    bench = open_maps(opened)
    if why == "switched off":
        bench.root.get_by_label("Train here").uncheck()
    elif why == "no plan":
        live.refusal = "The training loop reads a weight."
    elif why == "too much work":
        live.multiplications_max = 10**6
    compute(bench, "learning_rate", "hidden" if why == "too many plans" else "momentum")
    expect(bench.part("map-status")).to_have_text("Done.")
    expect(bench.live).to_contain_text("From the server.")
    expect(bench.part("map-origin")).to_be_hidden()
    assert len(live_stand.asked) == 1
