"""The lab bench in a real browser: knobs, live curves, failures in words, links that reproduce."""

from __future__ import annotations

import itertools
import re
import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.browser.stand import END, Stand, event, points
from tests.browser.stand_views import FALL, STEADY, X


class Bench:
    """The parts of the bench by the names that people and scripts know them by."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.root = page.locator("#bench")
        self.faults: list[str] = []
        page.on("pageerror", lambda error: self.faults.append(str(error)))

    def part(self, name: str) -> Locator:
        return self.root.locator(f'[data-part="{name}"]')

    def knob(self, name: str) -> Locator:
        return self.root.locator(f'[data-knob="{name}"]')

    def number(self, name: str) -> Locator:
        return self.knob(name).locator('[data-part="number"]')

    def open_table(self) -> None:
        """The rows of the data table are made when it is opened."""
        self.part("data").locator("summary").click()

    def start(self) -> None:
        self.root.get_by_role("button", name="Run", exact=True).click()

    def finished(self) -> None:
        expect(self.part("status")).to_have_text("Done.")


@pytest.fixture
def bench(sheet: Page, stand: Stand) -> Iterator[Bench]:
    found = Bench(sheet)
    sheet.goto(f"{stand.url}/questions/answered")
    yield found
    assert found.faults == [], "no script may fail, whatever the test did"


def test_a_run_draws_its_curve_as_points_arrive(bench: Bench, stand: Stand) -> None:
    """The median grows on screen while the run is under way, with epochs and time left."""

    def slowly(after: str | None) -> Iterator[str]:
        yield event("state", {"state": "running", "waiting": 0})
        yield points(0, 10)
        time.sleep(1.1)  # how long a run takes is known once a second has shown it
        yield points(10, 20)
        stand.stopped.wait(20)
        yield points(20, 61) + END

    stand.stream = slowly
    bench.root.get_by_role("button", name="healthy run").click()
    bench.start()
    expect(bench.part("status")).to_have_text("epoch 9 of 60")
    expect(bench.part("status")).to_have_text("epoch 19 of 60, about 2 s left")
    expect(bench.part("progress")).to_have_attribute("aria-valuenow", "33")
    expect(bench.root.get_by_role("button", name="Run", exact=True)).to_be_disabled()
    half = bench.root.locator("path.median.arm-0")
    assert (half.get_attribute("d") or "").split()[-2] == str(round(1000 * 19 / 60))
    stand.stopped.set()
    bench.finished()
    assert (half.get_attribute("d") or "").split()[-2] == "1000"
    expect(bench.part("caption")).to_have_text("The loss falls steadily.")
    expect(bench.part("announce")).to_have_text("Done. The loss falls steadily.")
    expect(bench.part("csv")).to_have_attribute("href", "/runs/r.csv")


def test_a_request_carries_the_whole_setting_and_the_token(bench: Bench, stand: Stand) -> None:
    bench.number("momentum").fill("0.5")
    bench.part("replicas").fill("16")
    bench.part("first").fill("100")
    bench.start()
    bench.finished()
    assert stand.asked == [
        {
            "topic": "t",
            "simulation": "simulation",
            "arm": "low-rate",
            "knobs": {"learning_rate": 0.06, "momentum": 0.5, "hidden": 64, "unit": 0},
            "replicas": 16,
            "first_seed": 100,
        }
    ]
    assert stand.tokens == ["the-token"]


def test_a_dropped_stream_resumes_behind_the_last_point(bench: Bench, stand: Stand) -> None:
    """What was drawn stays, what is missing follows, and nothing is drawn twice."""

    def dropping(after: str | None) -> Iterator[str]:
        if after is None:
            return iter([points(0, 25)])
        return iter([points(20, 61), END])  # the server may repeat what it sent before

    stand.stream = dropping
    bench.start()
    bench.finished()
    assert stand.resumed_after == [None, "25"]
    bench.open_table()
    expect(bench.part("rows").locator("tr")).to_have_count(61)


def test_a_run_that_is_stored_already_appears_whole(bench: Bench, stand: Stand) -> None:
    def stored(asked: dict[str, object]) -> tuple[int, dict[str, object]]:
        return 200, {"state": "done", "url": "/runs/r", "events": "/none", "csv": "/runs/r.csv"}

    stand.answer = stored
    bench.start()
    bench.finished()
    expect(bench.part("caption")).to_have_text("From the store.")
    assert stand.resumed_after == []


def test_a_wrong_knob_is_told_beside_it_and_runs_nothing(bench: Bench, stand: Stand) -> None:
    for text, fault in (
        ("5", "Momentum must lie between 0 and 0.99."),
        ("fast", "Momentum needs a number, such as 0."),
        ("-1", "Momentum must lie between 0 and 0.99."),
        ("", "Momentum needs a number, such as 0."),
    ):
        bench.number("momentum").fill(text)
        bench.start()
        expect(bench.knob("momentum").locator('[data-part="error"]')).to_have_text(fault)
        expect(bench.number("momentum")).to_be_focused()
        expect(bench.number("momentum")).to_have_attribute("aria-invalid", "true")
    assert stand.asked == []


def test_the_servers_refusal_of_a_knob_stands_beside_that_knob(bench: Bench, stand: Stand) -> None:
    stand.answer = lambda asked: (422, {"error": "Momentum is too much here.", "field": "momentum"})
    bench.start()
    error = bench.knob("momentum").locator('[data-part="error"]')
    expect(error).to_have_text("Momentum is too much here.")
    expect(bench.root.get_by_role("button", name="Run", exact=True)).to_be_enabled()


def test_a_refused_run_is_told_in_the_servers_words(bench: Bench, stand: Stand) -> None:
    stand.answer = lambda asked: (429, {"error": "Two of your runs are under way.", "field": None})
    bench.start()
    expect(bench.root.get_by_role("alert")).to_have_text("Two of your runs are under way.")
    expect(bench.root.locator("path.median.arm-1")).to_have_count(1)


def test_a_failed_run_says_why_and_the_next_one_works(bench: Bench, stand: Stand) -> None:
    failed = {"state": "failed", "error": "The worker ran out of memory.", "sentence": None}
    stand.stream = lambda after: iter([points(0, 10), event("end", failed)])
    bench.start()
    expect(bench.root.get_by_role("alert")).to_have_text("The worker ran out of memory.")
    stand.stream = lambda after: iter([points(0, 61), END])
    bench.start()
    bench.finished()
    expect(bench.part("form-error")).to_be_hidden()


def test_stop_asks_the_server_to_stop(bench: Bench, stand: Stand) -> None:
    def until_stopped(after: str | None) -> Iterator[str]:
        yield points(0, 10)
        stand.stopped.wait(20)
        yield event("end", {"state": "stopped", "error": None, "sentence": None})

    stand.stream = until_stopped
    bench.start()
    expect(bench.part("status")).to_contain_text("epoch 9")
    bench.root.get_by_role("button", name="Stop").click()
    expect(bench.part("status")).to_have_text("Stopped.")
    assert stand.stopped.is_set()
    expect(bench.part("csv")).to_have_attribute("href", re.compile(r"\.csv$"))
    expect(bench.part("csv")).to_be_visible()


def test_the_range_and_the_number_are_one_knob(bench: Bench) -> None:
    """A log range has its middle at the geometric mean; Reset goes back to the arm's value."""
    range_ = bench.knob("learning_rate").locator('[data-part="range"]')
    range_.fill("500")
    expect(bench.number("learning_rate")).to_have_value("0.1")
    bench.number("learning_rate").fill("10")
    expect(range_).to_have_value("1000")
    bench.knob("learning_rate").get_by_role("button", name="Reset").click()
    expect(bench.number("learning_rate")).to_have_value("0.06")


def test_a_key_press_on_a_range_always_moves_its_knob(bench: Bench) -> None:
    pairs = (("ArrowRight", "ArrowLeft"), ("ArrowUp", "ArrowDown"), ("PageUp", "PageDown"))
    for name in ("learning_rate", "momentum", "hidden"):
        for up, down in pairs:
            move_up_and_down(bench, name, up, down)


def move_up_and_down(bench: Bench, name: str, up: str, down: str) -> None:
    range_ = bench.knob(name).locator('[data-part="range"]')
    range_.fill("500")
    seen = [float(bench.number(name).input_value())]
    for _ in range(5):
        range_.press(up)
        seen.append(float(bench.number(name).input_value()))
    assert seen == sorted(set(seen)), "each press goes up"
    for _ in range(5):
        range_.press(down)
        lower = float(bench.number(name).input_value())
        assert lower < seen[-1]
        seen.append(lower)
    assert seen[-1] == pytest.approx(seen[0], rel=0.1)
    expect(range_).to_have_attribute("aria-valuetext", re.compile(r"^[\d.]+$"))
    range_.press("End")
    expect(range_).to_have_value("1000")
    range_.press(up)
    expect(range_).to_have_value("1000")


def test_the_smallest_move_of_a_range_moves_its_knob(bench: Bench) -> None:
    """Screen readers on phones move a range by its own step instead of sending keys."""
    range_ = bench.knob("learning_rate").locator('[data-part="range"]')
    before = int(range_.input_value())
    range_.fill(str(before + 1))
    assert float(bench.number("learning_rate").input_value()) > 0.06


def test_a_run_that_diverges_leaves_the_frame_with_a_sign(bench: Bench, stand: Stand) -> None:
    """The axis stays with what the other lines show; words and an arrow tell that there is more."""
    spiked = [0.7, *(200.0 for _ in X[2:]), None]
    stand.stream = lambda after: iter([points(0, 61, spiked), END])
    bench.number("momentum").fill("0.9")
    bench.start()
    bench.finished()
    numbers = [float(text) for text in bench.part("chart").locator(".tick-y").all_text_contents()]
    assert max(numbers) < 2
    expect(bench.root.locator(".beyond")).to_have_count(1)
    name = bench.root.locator(".plot .label", has_text="Momentum 0.9")
    expect(name).to_have_attribute("y", re.compile(r"^\d\d?(\.\d+)?%$"))
    lost = "From epoch 60 on it is no finite number."
    said = f"▲ Momentum 0.9 goes beyond the frame at epoch 1, up to 200. {lost}"
    expect(bench.part("beyond")).to_have_text(f"{said} The log scale shows more of it.")
    expect(bench.root.locator("#bench-live-desc")).to_contain_text(said)
    bench.root.get_by_label("Log scale").check()
    expect(bench.root.locator(".beyond")).to_have_text(["■"])
    words = "■ Momentum 0.9 is no finite number from epoch 60 on."
    expect(bench.part("beyond")).to_have_text(words)


@pytest.mark.parametrize(
    ("value", "sign", "number"), [(None, "■", "no finite number"), (1e38, "▲", "1e38")]
)
def test_a_run_that_no_frame_can_show_is_no_empty_chart(
    bench: Bench, stand: Stand, value: float | None, sign: str, number: str
) -> None:
    """Its sign, its name and its words are there; the legend, the table and the slider name it."""
    stand.stream = lambda after: iter([points(0, 61, [value] * 61), END])
    bench.number("momentum").fill("0.9")
    bench.start()
    bench.finished()
    expect(bench.root.locator(".beyond")).to_have_text([sign])
    expect(bench.root.locator(".plot .label", has_text="Momentum 0.9")).to_have_count(1)
    expect(bench.part("beyond")).to_contain_text(f"{sign} Momentum 0.9")
    expect(bench.part("beyond")).not_to_contain_text("log scale")
    band = "" if value is None else f" ({number} to {number})"
    values = bench.part("kept").locator(".kept-value")
    expect(values.first).to_have_text(f"epoch 60: {number}{band}")
    bench.root.get_by_text("Data table").click()
    expect(bench.part("rows").locator("tr").nth(60)).to_have_text(f"60{number}{number}{number}")
    slider = bench.root.get_by_role("slider", name="Read values along the curves")
    expect(slider).to_have_attribute("aria-valuetext", re.compile(f"^epoch 60: {number}"))
    # The recorded curve, which starts at 0.7, keeps an axis on which it can be read.
    texts = bench.part("chart").locator(".tick-y").all_text_contents()
    assert 0.5 < max(map(float, texts)) <= 1


def test_the_letter_of_a_kept_run_stands_where_its_line_leaves(bench: Bench, stand: Stand) -> None:
    stand.stream = lambda after: iter([points(0, 61, [0.7, *[1e35] * 60]), END])
    bench.number("momentum").fill("0.9")
    bench.start()
    bench.finished()
    stand.stream = lambda after: iter([points(0, 61, STEADY), END])
    bench.number("momentum").fill("0.5")
    bench.start()
    bench.finished()
    name = bench.part("kept").locator(".kept-name", has_text="Momentum 0.9").inner_text()
    letter = bench.root.locator(".plot .letter", has_text=name[0])
    across = float((letter.get_attribute("x") or "").rstrip("%"))
    sign = bench.root.locator(".plot .beyond")
    assert 0 <= across <= float((sign.get_attribute("x") or "").rstrip("%")) < 2


def test_an_arm_shows_what_is_recorded_of_it_at_once(bench: Bench) -> None:
    bench.open_table()
    bench.root.get_by_role("button", name="healthy run").click()
    expect(bench.root.locator("path.median.arm-0")).to_have_count(1)
    expect(bench.root.locator("path.median")).to_have_count(1)
    expect(bench.part("caption")).to_have_text("It falls at once.")
    expect(bench.part("rows").locator("tr").nth(60)).to_contain_text("0.01")


def test_no_other_curve_stands_in_for_an_arm_without_a_record(bench: Bench) -> None:
    """Nothing of the setting before is left to be taken for this one."""
    bench.open_table()
    bench.start()
    bench.finished()
    bench.root.get_by_role("button", name="nobody recorded it").click()
    expect(bench.root.locator("path.median")).to_have_count(0)
    expect(bench.part("caption")).to_be_empty()
    expect(bench.part("rows").locator("tr")).to_have_count(0)
    expect(bench.part("csv")).to_be_hidden()
    rows = bench.part("kept").locator("li")
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("A: learning rate × 0.2, 64 seeds")


def test_a_link_to_another_setting_shows_no_recorded_curve(sheet: Page, stand: Stand) -> None:
    bench = Bench(sheet)
    sheet.goto(f"{stand.url}/questions/answered#run=arm:low-rate,momentum:0.9,seeds:0:64")
    expect(bench.part("status")).to_contain_text("Press Run")
    expect(bench.root.locator("path.median")).to_have_count(0)


def test_what_was_typed_before_the_script_came_is_kept(sheet: Page, stand: Stand) -> None:
    """On a slow line a person is quicker than the script: nothing typed is lost, buttons wait."""
    bench = Bench(sheet)
    held: list[Route] = []
    sheet.route("**/js/bench.js", lambda route: held.append(route))
    sheet.goto(f"{stand.url}/questions/answered", wait_until="commit")
    bench.number("momentum").fill("0.7")
    waiting = [bench.part(name) for name in ("run", "first", "log", "replicas")]
    for each in [*waiting, bench.root.get_by_role("button", name="healthy run")]:
        expect(each).to_be_disabled()
    held[0].continue_()
    for each in waiting:
        expect(each).to_be_enabled()
    bench.start()
    bench.finished()
    assert stand.asked[0]["knobs"]["momentum"] == 0.7


def test_whole_numbers_stay_whole_on_the_range(bench: Bench) -> None:
    bench.knob("hidden").locator('[data-part="range"]').fill("333")
    value = bench.number("hidden").input_value()
    assert value == str(round(4 * (256 / 4) ** 0.333))


def test_the_link_names_what_differs_from_the_arm_and_the_seeds(bench: Bench) -> None:
    bench.root.get_by_role("button", name="healthy run").click()
    bench.number("momentum").fill("0.9")
    bench.part("replicas").fill("8")
    bench.part("first").fill("100")
    link = "#run=arm:healthy,momentum:0.9,seeds:100:108"
    expect(bench.part("link")).to_have_attribute("href", link)


def test_pressing_the_link_leaves_the_run_in_the_chart(bench: Bench) -> None:
    """The address that it brings names the setting that stands already."""
    bench.number("momentum").fill("0.9")
    bench.start()
    bench.finished()
    bench.part("link").click()
    bench.page.wait_for_url("**#run=arm:low-rate,momentum:0.9,seeds:0:64")
    expect(bench.part("status")).to_contain_text("in the address bar")
    expect(bench.root.locator("path.median")).to_have_count(1)
    expect(bench.part("caption")).to_have_text("The loss falls steadily.")
    expect(bench.part("csv")).to_be_visible()


def test_opening_a_link_sets_the_knobs(sheet: Page, stand: Stand) -> None:
    bench = Bench(sheet)
    sheet.goto(f"{stand.url}/questions/answered#run=arm:healthy,momentum:0.9,seeds:100:108")
    expect(bench.number("learning_rate")).to_have_value("0.3")
    expect(bench.number("momentum")).to_have_value("0.9")
    expect(bench.part("replicas")).to_have_value("8")
    expect(bench.part("first")).to_have_value("100")
    assert stand.asked == [], "a link sets a setting; a person runs it"


def test_a_link_that_a_mail_program_escaped_sets_the_same_setting(
    sheet: Page, stand: Stand
) -> None:
    bench = Bench(sheet)
    for link in (
        "#run=arm%3Ahealthy%2Cmomentum%3A0.9%2Cseeds%3A100%3A108",
        "#run%3Darm%253Ahealthy%252Cmomentum%253A0.9%252Cseeds%253A100%253A108",
    ):
        sheet.goto("about:blank")
        sheet.goto(f"{stand.url}/questions/answered{link}")
        expect(bench.number("learning_rate")).to_have_value("0.3")
        expect(bench.number("momentum")).to_have_value("0.9")
        expect(bench.part("first")).to_have_value("100")
        expect(bench.part("status")).to_have_text("The setting comes from the address. Press Run.")


@pytest.mark.parametrize(
    ("fragment", "named"),
    [
        ("arm:gone,momentum:0.5", "there is no arm “gone”"),
        ("arm:healthy,ghost:3", "there is no knob “ghost”"),
        ("arm:healthy,momentum:much", "“momentum:much” is no knob with a number"),
        ("arm:healthy,momentum:", "“momentum:” is no knob with a number"),
        ("arm:healthy,momentum:70", "Momentum can’t be 70"),
        ("arm:healthy,seeds:9:2", "“seeds:9:2” names no seeds"),
        ("arm:healthy,seeds:0:5000", "a run has at most"),
    ],
)
def test_what_a_link_says_that_cant_be_set_is_named(
    sheet: Page, stand: Stand, fragment: str, named: str
) -> None:
    bench = Bench(sheet)
    sheet.goto(f"{stand.url}/questions/answered#run={fragment}")
    expect(bench.part("status")).to_contain_text("The address can’t be followed wholly: ")
    expect(bench.part("status")).to_contain_text(named)
    expect(bench.part("announce")).to_contain_text(named)
    if "momentum:0.5" in fragment:
        expect(bench.number("momentum")).to_have_value("0.5")


def test_a_broken_link_does_no_harm(sheet: Page, stand: Stand) -> None:
    bench = Bench(sheet)
    broken = ("arm:nobody,ghost:3", ",,,:::", "arm:%zz,seeds:9:2", "")
    for fragment in broken:
        sheet.goto("about:blank")  # else the page would stay, and only its address would change
        sheet.goto(f"{stand.url}/questions/answered#run={fragment}")
        bench.start()
        bench.finished()
    assert bench.faults == []
    assert len(stand.asked) == len(broken)


def test_finished_runs_stay_for_comparison_differ_in_colour_and_stroke_and_can_be_removed(
    bench: Bench,
) -> None:
    """Up to four earlier runs of one arm, each with a letter in the chart and a row below it."""
    for momentum in ("0.1", "0.2", "0.3", "0.4", "0.5", "0.6"):
        bench.number("momentum").fill(momentum)
        bench.start()
        bench.finished()
        expect(bench.part("kept").locator("li").first).to_contain_text(f"Momentum {momentum}")
    rows = bench.part("kept").locator("li")
    expect(rows).to_have_count(5)
    assert [text.split(":")[0] for text in rows.all_inner_texts()[1:]] == ["A", "B", "C", "D"]
    lines = bench.root.locator(".bench-figure :is(path.median, path.kept-line)")
    looks = lines.evaluate_all(
        "all => all.map((one) => [getComputedStyle(one).stroke,"
        " getComputedStyle(one).strokeDasharray])"
    )
    assert len({colour for colour, _ in looks}) == 5
    assert len({dash for _, dash in looks}) == 5
    letters = bench.root.locator(".letter")
    assert sorted(letters.all_text_contents()) == ["A", "B", "C", "D"]
    heights = sorted(box["y"] for each in letters.all() if (box := each.bounding_box()))
    assert min(b - a for a, b in itertools.pairwise(heights)) > 10
    shares = letters.evaluate_all("all => all.map((one) => parseFloat(one.getAttribute('y')))")
    assert 0 <= min(shares) <= max(shares) <= 100
    bench.root.get_by_role("button", name=re.compile(r"Remove A:")).click()
    expect(rows).to_have_count(4)
    bench.page.reload()
    expect(rows).to_have_count(4)


def test_runs_whose_knobs_agree_in_what_is_shown_are_two_runs(bench: Bench) -> None:
    for momentum in ("0.50000001", "0.50000002", "0.3"):
        bench.number("momentum").fill(momentum)
        bench.start()
        bench.finished()
    rows = bench.part("kept").locator("li")
    expect(rows.filter(has_text="Momentum 0.5,")).to_have_count(2)


def test_the_arrow_keys_read_values_off_the_curve(bench: Bench) -> None:
    """A slider over the plot: no pointer is needed, and screen readers hear the values."""
    reader = bench.root.get_by_role("slider", name="Read values along the curves")
    reader.press("Home")
    expect(reader).to_have_attribute("aria-valuetext", "epoch 0: 0.7, from 0.7 to 0.7")
    reader.press("End")
    expect(reader).to_have_attribute("aria-valuetext", f"epoch 60: {FALL[-1]}, from 0.05 to 0.05")
    expect(bench.part("kept")).to_contain_text("epoch 60: 0.05")


def test_the_pointer_reads_the_nearest_point(bench: Bench) -> None:
    target = bench.root.locator(".plot-target")
    target.hover()  # in its middle
    expect(bench.part("kept")).to_contain_text("epoch 30: 0.7")


def test_the_log_scale_is_one_click_away(bench: Bench) -> None:
    before = bench.root.locator("path.median").get_attribute("d")
    bench.root.get_by_label("Log scale").check()
    assert bench.root.locator("path.median").get_attribute("d") != before
    assert "0.1" in bench.part("chart").locator(".tick-y").all_text_contents()


def test_single_runs_are_fetched_when_asked_for(bench: Bench) -> None:
    """Those that are recorded, and those of a run."""
    asked: list[str] = []
    bench.page.on("request", lambda request: asked.append(request.url))
    single = bench.root.get_by_label("Single runs")
    expect(single).to_be_enabled()
    assert [url for url in asked if "replicas" in url] == []
    single.check()
    expect(bench.root.locator("path.replica")).to_have_count(2)
    bench.start()
    bench.finished()
    expect(bench.root.locator("path.replica")).to_have_count(3)


def test_single_runs_that_do_not_come_are_reported_and_asked_for_again(bench: Bench) -> None:
    single = bench.root.get_by_label("Single runs")
    expect(single).to_be_enabled()
    bench.page.route("**/recorded?replicas=*", lambda route: route.fulfill(status=503))
    single.check()
    expect(bench.root.get_by_role("alert")).to_contain_text("The server answered 503.")
    bench.page.unroute("**/recorded?replicas=*")
    single.uncheck()
    single.check()
    expect(bench.root.locator("path.replica")).to_have_count(2)
    expect(bench.part("form-error")).to_be_hidden()


def test_a_bench_without_a_record_still_runs(sheet: Page, stand: Stand) -> None:
    """A simulation that nobody has verified yet starts with an empty chart."""
    bench = Bench(sheet)
    stand.is_recorded = False
    sheet.goto(f"{stand.url}/questions/answered")
    expect(bench.part("status")).to_have_text("Nothing is recorded yet. Turn a knob, or press Run.")
    expect(bench.root.locator("path.median")).to_have_count(0)
    bench.start()
    bench.finished()
    expect(bench.root.locator("path.median")).to_have_count(1)
    assert bench.faults == []
