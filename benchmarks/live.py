"""A bench that trains in the browser: from a move of a knob to the picture, and its costs.

A real server and a real Chromium, with the page's own policy. Where there is no Chromium, or no
playwright, which is a development dependency, nothing is measured.
"""

from __future__ import annotations

import os
import re
import shutil
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.measurement import Measurement
from benchmarks.whole_server import RunningServer, running_server

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

GROUP = "training in the browser, strange loss, 64 seeds"
CHROMIUM = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking")
MOVES = 100
DRAG_SECONDS = 10
# Positions of the learning rate's range, from 0.05 to 100: each gives another rate of two digits,
# as a move to the same rate draws nothing.
RATES = {f"{0.05 * 2000 ** (step / 1000):.2g}": step for step in range(300, 680)}
STEPS = list(RATES.values())[:MOVES]
RIGHT_ANSWER = ("regularisation", "low-rate", "local-minima")
MAP = {"x": "learning_rate", "y": "init_scale", "shape": "plateau-then-drop"}
# The browser says when a text reached the screen: one that comes in one frame with whole curves.
MOVE = """(step) => new Promise((resolve) => {
  const range = document.querySelector('#bench [data-knob="learning_rate"] [data-part="range"]');
  const check = document.querySelector('#bench [data-part="live-check"]');
  const marks = document.querySelector("#bench .marks");
  const sign = Object.assign(document.createElement("span"), { textContent: "drawn" });
  sign.setAttribute("elementtiming", `move ${step}`);
  sign.style.cssText = "position: fixed; inset: 0 auto auto 0";
  let started = 0;
  const screen = new PerformanceObserver((list) => {
    const shown = list.getEntries().find((entry) => entry.identifier === `move ${step}`);
    if (!shown) return;
    screen.disconnect();
    sign.remove();
    resolve(shown.renderTime - started);
  });
  screen.observe({ type: "element" });
  const observer = new MutationObserver(() => {
    if (check.hidden) return;
    observer.disconnect();
    document.body.append(sign);
  });
  observer.observe(marks, { childList: true, subtree: true, attributes: true });
  started = performance.now();
  range.value = String(step);
  range.dispatchEvent(new Event("input", { bubbles: true }));
})"""


def live_rows() -> Iterator[Measurement]:
    """Rows of moves, of the server's processor time, and of the bytes that were loaded."""
    with open_chromium() as browser:
        if browser is None:
            return
        with tempfile.TemporaryDirectory() as data, running_server(Path(data)) as server:
            for cores, aim in ((4, 0.060), (2, 0.090)):
                yield from _move_rows(browser, server, cores, aim)
            yield _drag_row(browser, server)
            yield _map_row(browser, server)


@contextmanager
def open_chromium() -> Iterator[Browser | None]:
    """A Chromium; None where there is none, or no playwright, a development dependency."""
    path = next(filter(None, map(shutil.which, CHROMIUM)), None)
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        path = None
    if path is None:
        yield None
        return
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=[*FLAGS])
        yield browser
        browser.close()


def _move_rows(
    browser: Browser, server: RunningServer, cores: int, aim: float
) -> Iterator[Measurement]:
    workers = f"{cores // 2} worker{'s' * (cores > 2)}"
    with _open_bench(browser, server, cores) as (page, addresses):
        seconds = sorted(page.evaluate(MOVE, step) / 1000 for step in STEPS)
        share = f"median of {MOVES} moves {1000 * statistics.median(seconds):.0f} ms"
        what = f"a move to all curves on screen, p95, {workers}"
        yield Measurement(GROUP, what, seconds[int(0.95 * MOVES)], aim=aim, note=share)
        if cores == 2:
            loaded = sum(_compressed_bytes(page, address) for address in addresses) / 1000
            what = "loaded for it, compressed"
            yield Measurement(GROUP, what, amount=loaded, unit="KB", aim=60)


def _drag_row(browser: Browser, server: RunningServer) -> Measurement:
    with _open_bench(browser, server, 4) as (page, _):
        time.sleep(2)  # what opening the page has begun comes to its end
        before, moves = _processor_seconds(server), 0
        ends = time.monotonic() + DRAG_SECONDS
        while time.monotonic() < ends:
            page.evaluate(MOVE, STEPS[moves % len(STEPS)])
            moves += 1
        used = _processor_seconds(server) - before
    what = f"the server's processor time in {DRAG_SECONDS} s of dragging"
    return Measurement(GROUP, what, used, aim=0.05, note=f"{moves} settings trained")


def _map_row(browser: Browser, server: RunningServer) -> Measurement:
    """The same map twice: in the browser, and then by the server, which stores it."""
    with _open_bench(browser, server, 4) as (page, _):
        page.locator('#bench [data-part="map"] > summary').click()  # the maps come then
        here = _map_seconds(page)
        page.locator('#bench [data-part="live-toggle"]').uncheck()
        there = _map_seconds(page)
    what = "a phase map of 24 x 24 x 8 replicas, 2 workers"
    return Measurement(GROUP, what, here, note=f"by the server, as the page sees it, {there:.1f} s")


def _map_seconds(page: Page) -> float:
    """From the press of the button to a whole map of the strange loss."""
    bench = page.locator("#bench")
    for name, value in MAP.items():
        bench.locator(f'[data-part="map-{name}"]').select_option(value)
    started = time.perf_counter()
    bench.locator('[data-part="map-compute"]').click()
    bench.locator('[data-part="map-status"]', has_text=re.compile(r"^\d+ of")).wait_for()
    bench.locator('[data-part="map-status"]', has_text="Done.").wait_for(timeout=300_000)
    return time.perf_counter() - started


def _compressed_bytes(page: Page, address: str) -> int:
    """Of the answer as it is sent. A browser does not say it of what its workers load."""
    answer = page.context.request.get(address, headers={"Accept-Encoding": "gzip"})
    return int(answer.headers["content-length"])


@contextmanager
def _open_bench(
    browser: Browser, server: RunningServer, cores: int
) -> Iterator[tuple[Page, set[str]]]:
    """The bench of an answered question on a machine with so many cores, after its first curves.

    The set has the addresses of all that the bench needed for them.
    """
    context = browser.new_context(base_url=server.url, viewport={"width": 1280, "height": 1000})
    cores_script = f"Object.defineProperty(navigator, 'hardwareConcurrency', {{value: {cores}}})"
    context.add_init_script(cores_script)
    page = context.new_page()
    page.goto("/questions/strange-loss")
    for option in RIGHT_ANSWER:
        page.check(f"input[value={option}]")
    page.get_by_role("button", name="Submit answer").click()
    page.wait_for_selector("#result")
    while not page.locator("#bench").count():  # its simulation is still being read
        time.sleep(1)
        page.reload()
    # Single runs can be asked for once the recorded curves are there.
    page.locator('#bench [data-part="replica-lines"]:enabled').check()
    addresses: set[str] = set()
    needed = re.compile(r"/kernel/|/plans/.*\?|/js/live-")

    def note_address(request) -> None:  # type: ignore[no-untyped-def]
        if needed.search(request.url):
            addresses.add(request.url)

    page.on("requestfinished", note_address)
    page.evaluate(MOVE, 700)
    page.wait_for_timeout(1500)  # also for the workers' compilers
    yield page, addresses
    context.close()


def _processor_seconds(server: RunningServer) -> float:
    """Of all processes of the server, since they began."""
    ticks = 0
    for process in server.process_ids():
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")
