"""A real Chromium, the system's; a whole server to learn at; a stand for single components."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from quizserver.db.session import Database
from tests.browser.context_pool import ContextPool
from tests.browser.stand import Stand
from tests.browser.stand_server import StandServer
from tests.serve.server import Server, serving

# The headless shell first: the same engine, without a window for every visitor.
NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
QUIET = ("--disable-background-networking", "--disable-component-update", "--disable-sync")
# One process for all pages of a context, and none that is started for the next one in advance.
FEWER = ("--renderer-process-limit=1",)
RIGHT = ("regularisation", "low-rate", "local-minima")

# A machine that does other things as well is slow; what never comes about fails all the same.
expect.set_options(timeout=20_000)


@pytest.hookimpl(tryfirst=True)  # the groups are read by a hook of xdist's
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Two browsers: one at stands, one at whole servers and at scripts alone.

    A single group would be four tenths of the work of all tests in one process, for which a run
    waits in the end; in more groups, what is timed here would compete with its neighbours.
    """
    for item in items:
        if item.path.parent.name == "browser":
            item.add_marker(pytest.mark.browser)
            fixtures: set[str] = set(getattr(item, "fixturenames", ()))
            place = "stands" if fixtures & {"stand", "live_stand"} else "servers"
            item.add_marker(pytest.mark.xdist_group(f"browser at {place}"))


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """The browser that the system has; without any, the tests are skipped aloud."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        pytest.skip("no Chromium on this machine: install the package chromium-headless-shell")
    flags = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", *QUIET, *FEWER]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=flags)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def context_pool(chromium: Browser) -> Iterator[ContextPool]:
    """What visitors come with who have never been here: contexts that tests use one by one."""
    pool = ContextPool(chromium)
    yield pool
    pool.close()


@pytest.fixture(scope="session")
def data_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder of the one server with the topics that come along.

    A server costs more to start than most tests take, so those of a module add their own accounts
    and classes to it, with addresses that no other module uses.
    """
    return tmp_path_factory.mktemp("browser")


@pytest.fixture(scope="session")
def server(data_folder: Path) -> Iterator[Server]:
    """The whole server, with the topics that come along."""
    with serving(data_folder) as running:
        yield running


@pytest.fixture(scope="session")
def store(server: Server, data_folder: Path) -> Iterator[Database]:
    """What that server keeps of people."""
    database = Database(f"sqlite:///{data_folder / 'quizserver.sqlite3'}")
    yield database
    database.dispose()


@pytest.fixture
def context(context_pool: ContextPool, server: Server) -> Iterator[BrowserContext]:
    """A visitor who has never been here."""
    with context_pool.borrow(base_url=server.url, reduced_motion="reduce") as visitor:
        yield visitor


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """A page of that visitor; the test fails when the console tells of an error."""
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
    yield page
    assert errors == []


@pytest.fixture
def answered(page: Page) -> Page:
    """The page of a question that the visitor has just answered rightly."""
    page.goto("/questions/strange-loss")
    for option in RIGHT:
        page.check(f"input[value={option}]")
    page.get_by_role("button", name="Submit answer").click()
    page.wait_for_selector("#result")
    return page


@pytest.fixture(scope="session")
def stand_server() -> Iterator[StandServer]:
    server = StandServer(Stand())
    yield server
    server.close()


@pytest.fixture
def stand(stand_server: StandServer) -> Iterator[Stand]:
    """The pages' components with a run service that the test scripts."""
    with stand_server.show(Stand()) as stand:
        yield stand


@pytest.fixture
def sheet(context_pool: ContextPool) -> Iterator[Page]:
    """A page of a browser that knows of no server yet."""
    with context_pool.borrow(reduced_motion="reduce") as context:
        yield context.new_page()
