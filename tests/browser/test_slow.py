"""A bad connection: what is missing, late or broken is said in words, and fetched again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.stand import END, Stand, accept, event, points
from tests.browser.test_bench import Bench

PATIENCE = 20_000
SILENCE = 30_000
RUN_URL = "**/runs/r"


def hang(route: Route) -> None:
    """Never answers."""


@pytest.fixture
def bench(sheet: Page, stand: Stand) -> Iterator[Bench]:
    """The bench under a clock that the test turns."""
    found = Bench(sheet)
    sheet.clock.install()
    sheet.goto(f"{stand.url}/questions/answered")
    expect(found.part("run")).to_be_enabled()
    yield found
    assert found.faults == []


@pytest.fixture
def asking(sheet: Page, stand: Stand) -> Page:
    """The form of a question under a clock that the test turns."""
    sheet.clock.install()
    sheet.goto(f"{stand.url}/questions/open")
    sheet.check("input[value=low]")
    return sheet


@pytest.mark.parametrize("missing", ["bench.js", "scales.js", "http.js"])
def test_a_bench_whose_script_does_not_come_says_so(
    sheet: Page, stand: Stand, missing: str
) -> None:
    """The style sheet tells it after a while, to whoever wants little motion too."""
    sheet.route(f"**/js/{missing}", lambda route: route.fulfill(status=404))
    sheet.goto(f"{stand.url}/questions/answered")
    notice = sheet.locator("[data-late]")
    sheet.evaluate("document.getAnimations().forEach((one) => one.finish())")
    expect(notice).to_have_role("alert")
    expect(notice).to_contain_text("have not arrived yet")
    expect(notice).to_be_visible()
    expect(sheet.locator("[data-part=run]")).to_be_disabled()
    expect(sheet.get_by_role("slider").first).to_be_disabled()


def test_a_bench_that_came_takes_the_warning_away(bench: Bench) -> None:
    expect(bench.root.locator("[data-late]")).to_have_count(0)


def test_a_run_that_nobody_answers_to_is_given_up_in_words(bench: Bench) -> None:
    bench.page.route("**/runs", hang)
    bench.start()
    expect(bench.part("status")).to_have_text("Asking for a run…")
    expect(bench.part("stop")).to_be_disabled()
    bench.page.clock.run_for(PATIENCE)
    expect(bench.part("form-error")).to_contain_text("did not answer within 20 s")
    expect(bench.part("form-error")).to_contain_text("press Run again")
    expect(bench.part("status")).to_have_text("Nothing was run.")
    bench.page.unroute("**/runs")
    bench.start()
    bench.finished()


@pytest.mark.parametrize(
    "answer",
    [
        {"status": 200, "content_type": "text/html", "body": "<h1>Sign in to the Wi-Fi</h1>"},
        {"status": 200, "content_type": "application/json", "body": '{"state": "qu'},
        {"status": 503, "content_type": "text/html", "body": "<h1>Bad gateway</h1>"},
    ],
)
def test_an_answer_that_is_none_is_reported(bench: Bench, answer: dict[str, Any]) -> None:
    bench.page.route("**/runs", lambda route: route.fulfill(**answer))
    bench.start()
    words = "The server answered 503." if answer["status"] == 503 else "The answer was cut short"
    expect(bench.part("form-error")).to_contain_text(words)
    expect(bench.part("form-error")).to_contain_text("press Run again")
    expect(bench.part("run")).to_be_enabled()


def test_a_new_session_of_another_tab_is_taken_up(bench: Bench, stand: Stand) -> None:
    """Nobody has to load the page again, and lose its knobs, for a token."""

    def only_the_new(asked: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        return accept(asked) if stand.tokens[-1] == "another" else (400, {"error": "Too old."})

    stand.answer = only_the_new
    stand.token = "another"
    bench.start()
    bench.finished()
    assert stand.tokens == ["the-token", "another"]


def test_a_stream_that_falls_silent_is_taken_up_again(bench: Bench, stand: Stand) -> None:
    """As after a sleep, or behind a network that went away without a word."""

    def silent_at_first(after: str | None) -> Iterator[str]:
        if after is None:
            yield points(0, 25)
            stand.stopped.wait(60)
            return
        yield points(25, 61) + END

    stand.stream = silent_at_first
    bench.start()
    expect(bench.part("status")).to_have_text("epoch 24 of 60")
    bench.page.clock.run_for(SILENCE)
    expect(bench.part("announce")).to_have_text("The connection was lost. Taking it up again…")
    bench.page.clock.run_for(500)
    bench.finished()
    assert stand.resumed_after == [None, "25"]
    stand.stopped.set()


def test_a_stream_that_lives_is_left_alone(bench: Bench, stand: Stand) -> None:
    """Silence is broken by the server; a run may wait for a worker as long as it takes."""
    heard = "document.title = 'heard'"
    status = bench.part("status")

    def waiting(after: str | None) -> Iterator[str]:
        yield event("state", {"state": "queued", "waiting": 3})
        for place in (2, 1):
            while not stand.map_state.endswith(str(place)):
                if stand.stopped.wait(0.01):
                    return
            yield event("alive", {}) + event("state", {"state": "queued", "waiting": place})
        yield points(0, 61) + END

    stand.stream = waiting
    bench.start()
    expect(status).to_have_text("Waiting: 3 runs are ahead.")
    bench.page.evaluate(heard)
    bench.page.clock.run_for(SILENCE - 5000)
    stand.map_state = "2"
    expect(status).to_have_text("Waiting: 2 runs are ahead.")
    bench.page.clock.run_for(SILENCE - 5000)
    stand.map_state = "1"
    bench.finished()
    assert stand.resumed_after == [None]


def test_a_run_that_is_gone_is_reported_as_gone(bench: Bench, stand: Stand) -> None:
    """Not as a server that can't be reached: it can, and it says why."""
    stand.stream = lambda after: iter(())
    gone = {"status": 404, "json": {"error": "There is no such run."}}
    bench.page.route(RUN_URL, lambda route: route.fulfill(**gone))
    bench.start()
    expect(bench.part("announce")).to_contain_text("The connection was lost")
    bench.page.clock.run_for(2000)
    expect(bench.part("form-error")).to_have_text("There is no such run.")
    expect(bench.part("announce")).to_have_text("There is no such run.")


def test_the_focus_stays_on_what_was_pressed(bench: Bench, stand: Stand) -> None:
    """A button that goes out of use keeps the focus, and what it began is said aloud."""

    def until_stopped(after: str | None) -> Iterator[str]:
        yield points(0, 10)
        stand.stopped.wait(60)
        yield event("end", {"state": "stopped", "error": None, "sentence": None})

    stand.stream = until_stopped
    run, stop = bench.part("run"), bench.part("stop")
    run.press("Enter")
    expect(bench.part("status")).to_have_text("epoch 9 of 60")
    expect(run).to_be_focused()
    expect(run).to_be_disabled()
    assert bench.root.get_attribute("aria-busy") is None, "what is said in it would be held back"
    run.press("Enter")  # once more, while it can't be used
    assert len(stand.asked) == 1
    stop.press("Enter")
    expect(bench.part("status")).to_have_text("Stopped.")
    expect(stop).to_be_focused()
    expect(stop).to_be_disabled()


def test_kept_runs_are_removed_one_after_the_other_by_keyboard(bench: Bench, stand: Stand) -> None:
    """The focus goes to the next one, and stays there while the points of a run arrive."""
    for momentum in ("0.1", "0.2"):
        bench.number("momentum").fill(momentum)
        bench.start()
        bench.finished()
    removers = bench.part("kept").get_by_role("button")
    removers.first.press("Enter")
    expect(bench.part("announce")).to_have_text("Removed: learning rate × 0.2, 64 seeds, recorded.")
    expect(removers).to_have_count(1)
    expect(removers.first).to_be_focused()
    bench.part("log").evaluate("box => box.click()")  # draws all again, as arriving points do
    expect(removers.first).to_be_focused()
    removers.first.press("Enter")
    expect(bench.part("log")).to_be_focused()


def test_a_recorded_curve_that_did_not_come_is_reported_and_asked_for_again(
    sheet: Page, stand: Stand
) -> None:
    """The picture of one is in the page from the beginning; its numbers are not."""
    bench = Bench(sheet)
    sheet.route("**/recorded", lambda route: route.fulfill(status=500))
    sheet.goto(f"{stand.url}/questions/answered")
    expect(bench.part("announce")).to_contain_text("The numbers of the recorded curve did not come")
    expect(bench.root.locator("path.median")).to_have_count(1)
    bench.root.get_by_role("button", name="healthy run").click()
    expect(bench.part("announce")).to_contain_text("Its recorded curve did not come")
    sheet.unroute("**/recorded")
    bench.root.get_by_role("button", name="nobody recorded it").click()
    bench.root.get_by_role("button", name="healthy run").click()
    expect(bench.part("caption")).to_have_text("It falls at once.")
    assert bench.faults == []


def test_a_data_table_that_is_opened_asks_again_for_numbers_that_did_not_come(
    sheet: Page, stand: Stand
) -> None:
    bench = Bench(sheet)
    sheet.route("**/recorded", lambda route: route.fulfill(status=500))
    sheet.goto(f"{stand.url}/questions/answered")
    expect(bench.part("announce")).to_contain_text("did not come")
    sheet.unroute("**/recorded")
    bench.open_table()
    expect(bench.part("rows").locator("tr")).to_have_count(61)


@pytest.mark.parametrize("answer", ["hang", 429])
def test_a_hint_that_does_not_come_leaves_the_choice(asking: Page, answer: str | int) -> None:
    """No page of an error instead of the form, and the same press works later."""
    there = "**/questions/q?hints=1"
    handler = hang if answer == "hang" else lambda route: route.fulfill(status=429)
    asking.route(there, handler)
    asking.get_by_role("button", name="Show a hint").press("Enter")
    if answer == "hang":
        asking.clock.run_for(PATIENCE)
    expect(asking.get_by_role("alert")).to_contain_text("The hint did not come")
    expect(asking.get_by_role("button", name="Show a hint")).to_be_focused()
    expect(asking.locator("input[value=low]")).to_be_checked()
    asking.unroute(there)
    asking.get_by_role("button", name="Show a hint").press("Enter")
    expect(asking.locator(".hint")).to_have_count(1)
    expect(asking.get_by_role("alert")).to_be_hidden()


def test_a_submission_that_nobody_answers_to_may_be_sent_again(asking: Page) -> None:
    """Two presses send one; after a while the button is of use again, and that is said."""
    asking.evaluate(
        "addEventListener('submit', (event) => {"
        " window.sent = (window.sent ?? 0) + !event.defaultPrevented; event.preventDefault(); })"
    )
    submit = asking.locator("form [type=submit]").first
    submit.press("Enter")
    asking.clock.run_for(10)
    expect(submit).to_have_text("Submitting…")
    submit.press("Enter")
    assert asking.evaluate("window.sent") == 1
    asking.clock.run_for(15_000)
    expect(asking.get_by_role("alert")).to_contain_text("Submit again")
    expect(submit).to_have_text("Submit answer")
    submit.press("Enter")
    assert asking.evaluate("window.sent") == 2
