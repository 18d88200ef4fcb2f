"""The bench that trains in the browser: the same bits, curves under the finger, and limits."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, Route, expect

from quizserver.lab.curves import replica_quantile
from tests.browser.accessibility import find_violations
from tests.browser.context_pool import ContextPool
from tests.browser.live_plans import LivePlans, rings_image, trained_outputs
from tests.browser.stand import Stand
from tests.browser.stand_server import StandServer
from tests.browser.test_bench import Bench

LOW_RATE = {"learning_rate": 0.06, "momentum": 0.0, "hidden": 64, "unit": 0}
TRAINED = re.compile("^Trained in your browser")


@pytest.fixture(scope="module")
def live_stand() -> Iterator[Stand]:
    stand = Stand(live=LivePlans())
    server = StandServer(stand)
    yield stand
    server.close()


@pytest.fixture
def live(live_stand: Stand) -> LivePlans:
    """What the server gives, as if nobody had asked it for anything yet."""
    live_stand.live = live_stand.live or LivePlans()
    live_stand.live.__dict__.update(LivePlans().__dict__)
    live_stand.asked.clear()
    live_stand.answer = lambda asked: (
        200, {"state": "done", "url": "/runs/r", "events": "/none", "csv": "/runs/r.csv"}
    )  # fmt: skip
    return live_stand.live


Opener = Callable[..., Bench]


@pytest.fixture
def opened(context_pool: ContextPool, live_stand: Stand, live: LivePlans) -> Iterator[Opener]:
    """Opens a bench, in a browser with ``script`` run first; faults of scripts fail the test."""
    borrowed = ExitStack()
    benches: list[Bench] = []

    def open_bench(script: str = "", **options: Any) -> Bench:
        page = borrowed.enter_context(context_pool.borrow(**options)).new_page()
        if script:
            page.add_init_script(script)
        benches.append(Bench(page))
        page.goto(f"{live_stand.url}/questions/answered")
        return benches[-1]

    yield open_bench
    borrowed.close()
    assert [fault for bench in benches for fault in bench.faults] == []


def rate_range(bench: Bench) -> Any:
    return bench.knob("learning_rate").locator('[data-part="range"]')


def expect_trained(bench: Bench) -> None:
    expect(bench.part("live-words")).to_have_text(TRAINED)
    expect(bench.part("csv")).to_be_visible()


def native_outputs(**changes: Any) -> np.ndarray:
    """What this machine's kernel makes of the low-rate arm with ``changes``, for its 64 seeds."""
    return trained_outputs(rings_image(LOW_RATE | changes, 0, 64))


def read_table(bench: Bench) -> list[list[str]]:
    bench.open_table()
    expect(bench.part("rows").locator("tr").first).to_be_visible()
    rows = bench.part("rows").locator("tr")
    return rows.evaluate_all("all => all.map((row) => [...row.cells].map((c) => c.textContent))")


def test_nothing_is_fetched_before_a_knob_is_touched(opened: Opener, live: LivePlans) -> None:
    asked: list[str] = []
    bench = opened()
    bench.page.on("request", lambda request: asked.append(request.url))
    bench.page.wait_for_load_state("networkidle")
    bench.root.get_by_label("Log scale").check()
    bench.root.get_by_role("button", name="healthy run").click()
    bench.page.wait_for_timeout(200)
    assert (live.kernels, live.plans) == (0, [])
    assert not [url for url in asked if "live-" in url]
    rate_range(bench).focus()
    bench.page.wait_for_function(
        "() => performance.getEntriesByName(new URL('/float32.wasm', location).href).length"
    )
    bench.page.wait_for_load_state("networkidle")
    assert (live.kernels, len(live.plans)) == (1, 1)


def test_a_turned_knob_draws_the_curves_of_its_setting(opened: Opener, live: LivePlans) -> None:
    """Median and band are those that the server would draw, and no run is asked for."""
    bench = opened()
    bench.number("learning_rate").fill("0.7")
    expect_trained(bench)
    outputs = native_outputs(learning_rate=0.7)
    lines = [replica_quantile(outputs.T, share) for share in (0.5, 0.1, 0.9)]
    table = read_table(bench)
    assert len(table) == 61
    for x, row in enumerate(table):
        assert row[0] == str(x)
        shown = [float(text) for text in row[1:]]
        assert shown == pytest.approx([line[x] for line in lines], rel=1e-3)
    title = "Learning rate 0.7, from learning rate × 0.2, 64 seeds"
    expect(bench.part("kept").locator("li").first).to_contain_text(title)
    expect(bench.part("kept")).to_contain_text("A: learning rate × 0.2, 64 seeds, recorded")


def test_a_knob_that_was_turned_before_the_script_came_is_trained(
    chromium: Browser, live_stand: Stand, live: LivePlans
) -> None:
    page = chromium.new_page()
    held: list[Route] = []
    page.route("**/js/bench.js", lambda route: held.append(route))
    page.goto(f"{live_stand.url}/questions/answered", wait_until="commit")
    bench = Bench(page)
    bench.number("learning_rate").fill("0.7")
    held[0].continue_()
    expect_trained(bench)
    expect(bench.part("kept").locator("li").first).to_contain_text("Learning rate 0.7")
    page.close()
    assert bench.faults == []


def test_a_knob_turned_and_touched_at_once_fetches_one_plan(
    opened: Opener, live: LivePlans
) -> None:
    """Else workers that still compile the kernel would be given a second plan without it."""
    bench = opened()
    rate_range(bench).evaluate(
        """(range) => {
            range.value = String((Number(range.min) + Number(range.max)) / 2);
            range.dispatchEvent(new Event("input", { bubbles: true }));
            range.dispatchEvent(new PointerEvent("pointerdown", { bubbles: true }));
            range.dispatchEvent(new FocusEvent("focusin", { bubbles: true }));
        }"""
    )
    expect_trained(bench)
    assert (live.kernels, len(live.plans)) == (1, 1)


def test_workers_that_still_compile_the_kernel_take_the_next_plan(opened: Opener) -> None:
    bench = opened()
    trained = bench.page.evaluate(
        """async (plans) => {
            const script = document.querySelector('script[src$="bench.js"]').src;
            const { LiveTraining } = await import(script.replace("bench.js", "live-training.js"));
            const { readPlan } = await import(script.replace("bench.js", "live-plan.js"));
            const bytes = async (url) => (await fetch(url)).arrayBuffer();
            const [image, kernel] = await Promise.all([bytes(plans), bytes("/float32.wasm")]);
            const knobs = { learning_rate: 0.7, momentum: 0, hidden: 64, unit: 0 };
            const [older, newer] = [readPlan(image), readPlan(image)];
            return new Promise((resolve, reject) => {
                const training = new LiveTraining(new Map([["float32", kernel]]), {
                    onShares: (given, points) => {
                        if (points === newer.head.x.length) resolve([given.learning_rate, points]);
                    },
                    onFailure: reject,
                });
                training.usePlan(older);
                training.usePlan(newer);
                training.train(knobs);
            });
        }""",
        "/plans/t/simulation?learning_rate=0.06&momentum=0&hidden=64&unit=0&first_seed=0&replicas=40",
    )
    assert trained == [0.7, 61]


@pytest.mark.parametrize("cores", [1, 2, 8])
def test_the_browser_and_this_machine_have_the_same_bits(
    opened: Opener, live: LivePlans, live_stand: Stand, cores: int
) -> None:
    """Whatever was trained before, and however many workers share the blocks out."""
    cores_script = f"Object.defineProperty(navigator, 'hardwareConcurrency', {{value: {cores}}});"
    bench = opened(cores_script)
    bench.part("replicas").fill("40")
    for value in ("0.2", "5", "0.731"):
        bench.number("learning_rate").fill(value)
    bench.number("momentum").fill("0.9")
    expect(bench.part("live-words")).to_have_text(TRAINED)
    expect(bench.part("kept").locator("li").first).to_contain_text("momentum 0.9")
    expect(bench.part("csv")).to_be_visible()
    bench.part("live-check").click()
    outputs = trained_outputs(
        rings_image(LOW_RATE | {"learning_rate": 0.731, "momentum": 0.9}, 0, 40)
    )
    digest = hashlib.sha256(outputs.astype("<f8").tobytes()).hexdigest()
    expect(bench.part("live-words")).to_contain_text("to the last bit")
    expect(bench.part("live-words")).to_contain_text(digest[:12])
    assert [(run["replicas"], run["knobs"]["momentum"]) for run in live_stand.asked] == [(40, 0.9)]
    expect(bench.part("caption")).to_have_text("From the server.")


def test_a_plan_in_float64_has_the_same_bits_too(
    opened: Opener, live: LivePlans, live_stand: Stand
) -> None:
    live.dtype = "float64"
    bench = opened()
    bench.number("learning_rate").fill("0.7")
    expect_trained(bench)
    bench.part("live-check").click()
    expect(bench.part("live-words")).to_contain_text("to the last bit")


def test_what_a_browser_trains_is_what_the_server_trains(answered: Page) -> None:
    """The whole way, with a topic that comes along: plan, module, run, digest, and sentence."""
    bench = Bench(answered)
    bench.number("learning_rate").fill("0.5")
    expect(bench.part("live-words")).to_have_text(TRAINED)
    expect(bench.part("csv")).to_be_visible()
    bench.number("init_scale").fill("0.3")
    expect(bench.part("kept").locator("li").first).to_contain_text("scale of the first weights 0.3")
    expect(bench.part("csv")).to_be_visible()
    sentence = bench.part("caption").inner_text()
    assert "of 64" in sentence
    bench.part("live-check").click()
    expect(bench.part("live-words")).to_contain_text("to the last bit")
    expect(bench.part("caption")).to_have_text(sentence)
    assert bench.faults == []


def test_a_server_that_trained_something_else_is_told_apart(
    opened: Opener, live: LivePlans
) -> None:
    live.falsified = True
    bench = opened()
    bench.number("learning_rate").fill("0.7")
    expect_trained(bench)
    bench.part("live-check").click()
    expect(bench.part("live-words")).to_contain_text("differ from those trained here")


def test_where_no_digest_can_be_had_numbers_are_compared(opened: Opener, live: LivePlans) -> None:
    """As on a page that came over plain HTTP from another machine."""
    bench = opened("Object.defineProperty(Crypto.prototype, 'subtle', {value: undefined});")
    bench.number("learning_rate").fill("0.7")
    expect_trained(bench)
    bench.part("live-check").click()
    expect(bench.part("live-words")).to_contain_text("number by number")


def test_a_number_needs_no_request_and_a_structural_knob_another_plan(
    opened: Opener, live: LivePlans, live_stand: Stand
) -> None:
    bench = opened()
    for value in ("0.2", "0.4", "0.8"):
        bench.number("learning_rate").fill(value)
        expect(bench.part("kept").locator("li").first).to_contain_text(f"rate {value}")
        expect_trained(bench)
    assert len(live.plans) == 1
    bench.number("hidden").fill("8")
    expect(bench.part("kept").locator("li").first).to_contain_text("hidden units 8")
    expect_trained(bench)
    bench.number("hidden").fill("64")
    expect(bench.part("kept").locator("li").first).not_to_contain_text("hidden units")
    expect_trained(bench)
    assert [plan["hidden"] for plan in live.plans] == ["64", "8"]
    assert live.plans[1]["learning_rate"] == "0.3", "a mere number stands at its default"
    assert (live.kernels, live_stand.asked) == (1, [])


def test_use_is_reported_once_and_without_a_result(opened: Opener, live: LivePlans) -> None:
    bench = opened()
    posts: list[str | None] = []
    bench.page.on(
        "request", lambda sent: posts.append(sent.post_data) if sent.method == "POST" else None
    )
    for value in ("0.2", "0.4"):
        bench.number("learning_rate").fill(value)
        expect(bench.part("announce")).to_contain_text(f"rate {value}")
    assert posts == ["{}"]
    assert live.used == 1


def test_a_drag_draws_while_it_lasts_and_is_announced_once(opened: Opener) -> None:
    bench = opened()
    rate_range(bench).focus()
    bench.page.evaluate(
        """() => {
            window.said = [];
            window.drawn = 0;
            const part = (name) => document.querySelector(`#bench [data-part="${name}"]`);
            const note = () => window.said.push(part("announce").textContent);
            new MutationObserver(note).observe(part("announce"), { childList: true });
            const draws = new MutationObserver(() => { window.drawn += 1; });
            const changes = { attributes: true, childList: true, subtree: true };
            draws.observe(document.querySelector("#bench .marks"), changes);
            window.made = 0;
            const made = new MutationObserver((records) => {
                for (const { addedNodes } of records) window.made += addedNodes.length;
            });
            made.observe(document.querySelector("#bench .marks"), changes);
        }"""
    )
    bench.number("learning_rate").fill("0.2")
    expect_trained(bench)
    bench.root.get_by_label("Single runs").check()
    expect(bench.root.locator("path.replica")).to_have_count(64)
    drawn, said = bench.page.evaluate("() => [window.drawn, window.said.length]")
    made = bench.page.evaluate("() => window.made")
    for step in range(500, 620, 4):
        rate_range(bench).fill(str(step))
        bench.page.wait_for_timeout(25)
    during = bench.page.evaluate("() => window.drawn")
    assert during - drawn > 5, "curves move under the finger"
    assert bench.page.evaluate("() => window.made") == made, "lines that are there are moved"
    assert bench.page.evaluate("() => window.said.length") == said
    value = bench.number("learning_rate").input_value()
    expect(bench.part("announce")).to_contain_text(f"Learning rate {value}, from")
    told = r"\. \d+ of 64 .+\. The median goes from 0\.\d+ at epoch 0 to 0\.\d+ at epoch 60\.$"
    expect(bench.part("announce")).to_have_text(re.compile(told))
    assert bench.page.evaluate("() => window.said.length") == said + 1
    rate_range(bench).press("ArrowRight")
    value = bench.number("learning_rate").input_value()
    expect(bench.part("announce")).to_have_text(
        re.compile(f"^Learning rate {re.escape(value)}, from .+{told}")
    )


def test_who_wants_no_motion_sees_only_where_a_knob_rests(opened: Opener) -> None:
    bench = opened(reduced_motion="reduce")
    bench.number("learning_rate").fill("0.2")
    expect_trained(bench)
    before = bench.root.locator("path.median").get_attribute("d")
    for step in range(620, 700, 4):
        rate_range(bench).fill(str(step))
        bench.page.wait_for_timeout(20)
        assert bench.root.locator("path.median").get_attribute("d") == before
    expect(bench.root.locator("path.median")).not_to_have_attribute("d", before or "")


def test_single_runs_and_csv_are_made_here(
    opened: Opener, live: LivePlans, live_stand: Stand
) -> None:
    bench = opened()
    bench.number("learning_rate").fill("0.7")
    expect_trained(bench)
    bench.root.get_by_label("Single runs").check()
    expect(bench.root.locator("path.replica")).to_have_count(64)
    with bench.page.expect_download() as download:
        bench.part("csv").click()
    assert download.value.suggested_filename == "simulation-browser.csv"
    lines = download.value.path().read_text().splitlines()
    assert lines[0] == "seed,epoch,loss"
    outputs = native_outputs(learning_rate=0.7)
    expected = [f"{seed},{x}.0,{outputs[x, seed]!r}" for seed in range(64) for x in range(61)]
    assert lines[1:] == [line.replace("np.float64(", "").replace(")", "") for line in expected]
    assert live_stand.asked == []
    link = "#run=arm:low-rate,learning_rate:0.7,seeds:0:64"
    expect(bench.part("link")).to_have_attribute("href", link)


def test_numbers_are_written_as_python_writes_them(opened: Opener) -> None:
    values = [0.0, -0.0, 1.0, -2.5, 1e-4, 9.9e-5, 1e-7, 1e15, 1e16, 123456789.125, 5e-324, 1 / 3]
    values += [1.7976931348623157e308, float("inf"), float("-inf")]
    bench = opened()
    written = bench.page.evaluate(
        """async (texts) => {
            const script = document.querySelector('script[src$="bench.js"]').src;
            const { floatText } = await import(script.replace("bench.js", "live-curves.js"));
            return texts.map((text) => floatText(Number(text)));
        }""",
        [repr(value).replace("inf", "Infinity") for value in values],
    )
    assert written == [repr(value) for value in values]


def test_run_keeps_what_was_trained_here(opened: Opener, live_stand: Stand) -> None:
    """The server is sent knobs and seeds alone, and its curve takes the place of this one."""
    bench = opened()
    bench.number("learning_rate").fill("0.7")
    expect_trained(bench)
    bench.start()
    bench.finished()
    expect(bench.part("live-note")).to_be_hidden()
    expect(bench.part("csv")).to_have_attribute("href", "/runs/r.csv")
    (asked,) = live_stand.asked
    fields = {"topic", "simulation", "arm", "knobs", "replicas", "first_seed"}
    assert set(asked) == fields
    bench.number("learning_rate").fill("0.9")
    expect_trained(bench)
    expect(bench.part("kept")).to_contain_text("Learning rate 0.7, from learning rate × 0.2")


def test_an_arm_shows_its_record_and_not_what_was_trained_before(opened: Opener) -> None:
    bench = opened()
    bench.number("learning_rate").fill("0.7")
    expect_trained(bench)
    bench.root.get_by_role("button", name="healthy run").click()
    expect(bench.part("caption")).to_have_text("It falls at once.")
    bench.page.wait_for_timeout(700)
    expect(bench.part("caption")).to_have_text("It falls at once.")
    expect(bench.part("live-note")).to_be_hidden()


WORKERS = """
    window.workers = [];
    const Plain = window.Worker;
    window.Worker = class extends Plain {
        constructor(...given) { super(...given); window.workers.push(true); }
        terminate() { super.terminate(); window.workers.pop(); }
    };
"""
HIDE = """(hidden) => {
    Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
}"""


def worker_count(page: Page) -> int:
    count: int = page.evaluate("() => window.workers.length")
    return count


def test_a_hidden_page_ends_its_workers_and_a_change_starts_them_again(opened: Opener) -> None:
    bench = opened(WORKERS)
    bench.number("learning_rate").fill("0.7")
    expect_trained(bench)
    assert worker_count(bench.page) >= 1
    bench.page.evaluate(HIDE, True)
    assert worker_count(bench.page) == 0
    bench.page.evaluate(HIDE, False)
    bench.number("learning_rate").fill("0.8")
    expect(bench.part("kept").locator("li").first).to_contain_text("rate 0.8")
    assert worker_count(bench.page) >= 1


def test_workers_end_after_two_minutes_without_input(opened: Opener) -> None:
    bench = opened(WORKERS)
    bench.page.clock.install()
    bench.number("learning_rate").fill("0.7")
    bench.page.wait_for_function("() => window.workers.length")
    bench.page.clock.run_for(119_000)
    assert worker_count(bench.page) >= 1
    bench.page.clock.run_for(2_000)
    assert worker_count(bench.page) == 0


def test_training_here_can_be_switched_off(opened: Opener, live: LivePlans) -> None:
    bench = opened(WORKERS)
    bench.number("learning_rate").fill("0.7")
    expect_trained(bench)
    bench.root.get_by_label("Train here").uncheck()
    assert worker_count(bench.page) == 0
    bench.number("learning_rate").fill("0.9")
    bench.page.wait_for_timeout(300)
    expect(bench.part("live-note")).to_be_hidden()
    assert worker_count(bench.page) == 0
    bench.root.get_by_label("Train here").check()
    expect(bench.part("kept").locator("li").first).to_contain_text("rate 0.9")


def test_a_device_with_little_memory_trains_fewer_seeds_and_says_so(
    opened: Opener, live: LivePlans
) -> None:
    bench = opened("Object.defineProperty(navigator, 'deviceMemory', {value: 2});")
    bench.number("learning_rate").fill("0.7")
    expect(bench.part("live-words")).to_contain_text("16 of 64 seeds, as this device has little")
    assert live.plans[0]["replicas"] == "16"
    expect(bench.part("kept").locator("li").first).to_contain_text("16 seeds")


@pytest.mark.parametrize(
    "missing",
    [
        "delete window.WebAssembly;",
        "delete window.Worker;",
        "WebAssembly.validate = () => false;",  # as where there are no vectors
    ],
)
def test_without_what_training_takes_the_bench_is_as_it_was(
    opened: Opener, live: LivePlans, live_stand: Stand, missing: str
) -> None:
    bench = opened(missing)
    bench.number("learning_rate").fill("0.7")
    rate_range(bench).press("ArrowRight")
    bench.start()
    bench.finished()
    expect(bench.part("live-note")).to_be_hidden()
    assert (live.kernels, live.plans, len(live_stand.asked)) == (0, [], 1)


def test_what_has_no_plan_is_trained_by_the_server(
    opened: Opener, live: LivePlans, live_stand: Stand
) -> None:
    """A simulation that never has one leaves the bench as it is; one setting without is told."""
    live.refusal = "The training loop reads a weight."
    bench = opened()
    with bench.page.expect_response("**/plans/**"):
        bench.number("learning_rate").fill("0.7")
    bench.start()
    bench.finished()
    expect(bench.part("live-note")).to_be_hidden()
    live.refusal = None
    bench.page.reload()
    bench.number("learning_rate").fill("0.7")
    expect_trained(bench)
    live.refusal = "The plan is too large."
    bench.number("hidden").fill("256")
    expect(bench.part("live-words")).to_have_text("The server trains this setting: press Run.")
    expect(bench.part("live-check")).to_be_hidden()
    bench.start()
    bench.finished()
    assert len(live_stand.asked) == 2


def test_a_module_that_does_not_fit_the_plan_is_not_trained_with(
    opened: Opener, live: LivePlans, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("quizserver.kernel.recipe.source_version", lambda: "0" * 16)
    bench = opened()
    bench.number("learning_rate").fill("0.7")
    expect(bench.part("live-words")).to_contain_text("The server trains this setting")
    expect(bench.root.locator("path.median")).to_have_count(1)


def test_a_slow_training_is_drawn_as_it_goes_on(opened: Opener, live: LivePlans) -> None:
    live.points = 1000
    bench = opened("Object.defineProperty(navigator, 'hardwareConcurrency', {value: 2});")
    bench.part("replicas").fill("64")
    bench.number("hidden").fill("128")
    bench.page.wait_for_function(
        """() => {
            const rows = document.querySelector("#bench .kept-value")?.textContent ?? "";
            const epoch = Number(/epoch (\\d+):/.exec(rows)?.[1]);
            return epoch > 60 && epoch < 999;
        }"""
    )
    expect(bench.part("live-check")).to_be_hidden()
    bench.root.get_by_role("button", name="healthy run").click()


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 360)])
def test_axe_finds_nothing_beside_a_curve_trained_here(
    opened: Opener, scheme: str, width: int
) -> None:
    size = {"width": width, "height": 800}
    bench = opened(bypass_csp=True, color_scheme=scheme, viewport=size)
    bench.number("learning_rate").fill("0.7")
    expect_trained(bench)
    expect(bench.part("live-check")).to_be_visible()
    assert find_violations(bench.page) == []
    assert bench.page.evaluate("() => document.documentElement.scrollWidth") <= width


def test_the_policies_allow_the_module_in_the_worker_alone(
    opened: Opener, live_stand: Stand
) -> None:
    bench = opened()
    said: list[str] = []
    bench.page.on("console", lambda message: said.append(message.text))
    bench.number("learning_rate").fill("0.7")
    expect_trained(bench)
    assert [text for text in said if "Content Security Policy" in text] == []
    policies = bench.page.evaluate(
        """async () => {
            const script = document.querySelector('script[src$="bench.js"]').src;
            const addresses = [script.replace("bench.js", "live-worker.js"), script, location.href];
            const answers = await Promise.all(addresses.map((address) => fetch(address)));
            return answers.map((answer) => answer.headers.get("Content-Security-Policy"));
        }"""
    )
    assert ["wasm-unsafe-eval" in policy for policy in policies] == [True, False, False]
