"""What pages cost: processor time as a multiple of a bare page's, bytes, height, and the wait on a
slow line.

One web process answers quizserver's pages and the bare ones of ``bare_server``, one round after the
other; its processor time is read before and after each lot, so that the client costs nothing.
``pages_baseline.txt`` is its table before pages were made smaller.
"""

from __future__ import annotations

import gzip
import http.client
import os
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.parse
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.message import Message
from http.cookies import SimpleCookie
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from benchmarks.bare_server import QUESTION
from benchmarks.live import open_chromium
from benchmarks.measurement import Measurement
from benchmarks.whole_server import ROOT, cpu_seconds, process_tree
from quizserver.classes.store import set_class_topics
from quizserver.db.session import Database, insert_if_new
from quizserver.db.tables import attempt, class_, member, person, question_version, reveal, standing
from quizserver.settings import Settings
from quizserver.topics.library import Library
from quizserver.topics.model import Question
from tests.serve.server import LIMITS, field_value

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ViewportSize

ROUNDS, LOT = 9, 12
"""Lots of requests; a ratio is the median over the rounds."""
LEARNERS = 200
PHONE: ViewportSize = {"width": 360, "height": 740}
SLOW_LINE = {"latency": 400, "downloadThroughput": 50_000, "uploadThroughput": 50_000}  # bytes/s
SLOW_LOADS = 3
CPU = f"processor time of the web process, against a bare page, medians of {ROUNDS} × {LOT}"
SIZES = "a page's HTML, raw and as a browser gets it"
SCREEN = "in a browser"

# When the frame has been painted in which a recorded curve has a place in the page.
FIRST_CURVE = """() => {
  const isPlaced = (curve) => curve.getBoundingClientRect().width > 0;
  const look = () => {
    if (![...document.querySelectorAll("path.median")].some(isPlaced)) {
      requestAnimationFrame(look);
      return;
    }
    requestAnimationFrame(() => setTimeout(() => { window.firstCurveAt = Date.now(); }));
  };
  requestAnimationFrame(look);
}"""


def page_rows() -> Iterator[Measurement]:
    """Rows of processor time, of bytes and, where there is a Chromium, of what it shows."""
    with tempfile.TemporaryDirectory() as data, _web_process(Path(data)) as server:
        with closing(Library(Settings().content)) as library:
            topics = library.snapshot().topics
        learner = Client(server.url)
        for question in (*topics["strange-loss"].questions, *topics["noiseless"].questions):
            learner.answer(question)
        teacher = _fill_class(server, [q for topic in topics.values() for q in topic.questions])
        yield from _cpu_rows(server, learner, teacher)
        first = next(q for q in topics["strange-loss"].questions if q.id == QUESTION)
        yield _answer_row(server, first)
        yield from _size_rows(learner)
        yield from _screen_rows(server, learner, first)


@dataclass(frozen=True)
class WebServer:
    """The process ``pid`` and those below it, which answer at ``url``."""

    url: str
    pid: int
    settings: Settings

    def cpu_seconds(self) -> float:
        """Since they began."""
        return sum(cpu_seconds(pid) for pid in process_tree(self.pid))


@dataclass(frozen=True)
class Answer:
    """What the server sent: ``body`` as it was on the wire."""

    headers: Message
    body: bytes

    @property
    def text(self) -> str:
        """The page, decoded."""
        is_zipped = self.headers.get("Content-Encoding") == "gzip"
        return (gzip.decompress(self.body) if is_zipped else self.body).decode()


class Client:
    """A browser's session on one connection, without a cache."""

    def __init__(self, url: str) -> None:
        self._connection = http.client.HTTPConnection(urllib.parse.urlsplit(url).netloc, timeout=60)
        self.cookies: dict[str, str] = {}

    def request(self, path: str, form: Sequence[tuple[str, str]] | None = None) -> Answer:
        """Gets a page, or sends a form. Raises AssertionError for an error page."""
        headers = {
            "Accept-Encoding": "gzip",
            "Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items()),
        }
        if form is None:
            self._connection.request("GET", path, headers=headers)
        else:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
            self._connection.request("POST", path, urllib.parse.urlencode(form), headers)
        response = self._connection.getresponse()
        body = response.read()
        assert response.status < 400, (path, response.status)
        for header in response.headers.get_all("Set-Cookie", []):
            self.cookies |= {name: morsel.value for name, morsel in SimpleCookie(header).items()}
        return Answer(response.headers, body)

    def hidden_fields(self, path: str, *names: str) -> list[tuple[str, str]]:
        """The hidden fields of the form at ``path`` that have these names, and its token."""
        page = self.request(path).text
        return [(name, field_value(page, name)) for name in ("csrf_token", *names)]

    def answer(self, question: Question) -> None:
        self.request(*self.right_answer(question))

    def right_answer(self, question: Question) -> tuple[str, list[tuple[str, str]]]:
        """Where a right answer is sent, and what is sent."""
        fields = self.hidden_fields(f"/questions/{question.id}?again=1", "version", "number")
        fields += [("option", option) for option in question.right_ids]
        return f"/questions/{question.id}/answer", fields

    def sign_up(self, email: str) -> None:
        fields = self.hidden_fields("/sign-up")
        self.request("/sign-up", [*fields, ("email", email), ("password", "correct horse battery")])


@contextmanager
def _web_process(data: Path) -> Iterator[WebServer]:
    """quizserver's web process with the bare pages in it."""
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        port = free.getsockname()[1]
    settings = Settings(data=data, port=port)
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.bare_server"],
        cwd=ROOT,
        env=os.environ | settings.to_environment() | LIMITS,
        start_new_session=True,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        _wait_until_ready(url)
        yield WebServer(url, process.pid, settings)
    finally:
        process.terminate()
        process.wait(30)


def _wait_until_ready(url: str) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            Client(url).request("/bare/")
            return
        except OSError:
            assert time.monotonic() < deadline, "the web process did not start"
            time.sleep(0.1)


def _fill_class(server: WebServer, questions: Sequence[Question]) -> Client:
    """The client of an instructor in whose class everybody has answered everything once."""
    teacher = Client(server.url)
    teacher.sign_up("teacher@example.org")
    draw, now = random.Random(5), datetime.now(UTC) - timedelta(days=30)
    database = Database(server.settings.data_url)
    with database.write() as session:
        teacher_id = session.scalar(
            sa.select(person.c.id).where(person.c.email == "teacher@example.org")
        )
        session.execute(
            sa.update(person).where(person.c.id == teacher_id).values(role="instructor")
        )
        session.execute(sa.insert(class_).values(id=1, title="Two hundred", created_at=now))
        for question in questions:
            insert_if_new(
                session,
                question_version,
                question=question.id,
                version=question.version,
                source=question.source,
                first_answered_at=now,
            )
        ids = range(1000, 1000 + LEARNERS)
        session.execute(
            sa.insert(person),
            [{"id": n, "visitor": f"v{n}", "email": f"{n}@example.org", "password_hash": "x",
              "created_at": now} for n in ids],
        )  # fmt: skip
        joined = {"class_id": 1, "joined_at": now, "state_since": now}
        rows = [{"person_id": n, "role": "learner", "name": f"Learner {n}"} | joined for n in ids]
        rows.append({"person_id": teacher_id, "role": "instructor", "name": "Teacher"} | joined)
        session.execute(sa.insert(member), rows)
        answers = [_drawn_answer(draw, n, question, now) for n in ids for question in questions]
        session.execute(sa.insert(attempt), answers)
        session.execute(sa.insert(standing), [_standing_of(answer) for answer in answers])
        session.execute(
            sa.insert(reveal), [_reveal_of(answer) for answer in answers if answer["right"]]
        )
        topics = dict.fromkeys(question.topic for question in questions)
        set_class_topics(session, 1, [(topic, None) for topic in topics])
    database.dispose()
    while "Refresh" in teacher.request("/classes/1/items").headers:
        time.sleep(0.5)  # the page says how far its figures are
    return teacher


def _drawn_answer(
    draw: random.Random, learner: int, question: Question, now: datetime
) -> dict[str, Any]:
    options = list(question.option_ids)
    right = draw.random() < 0.6
    chosen = sorted(question.right_ids) if right else draw.sample(options, 1)
    right = set(chosen) == question.right_ids
    return {
        "person_id": learner,
        "question": question.id,
        "version": question.version,
        "number": 1,
        "shown": options,
        "chosen": chosen,
        "right": right,
        "mark": float(right),
        "answered_at": now + timedelta(seconds=draw.randrange(10**6)),
    }


def _reveal_of(answer: dict[str, Any]) -> dict[str, Any]:
    person_and_question = {name: answer[name] for name in ("person_id", "question")}
    return person_and_question | {"revealed_at": answer["answered_at"], "why": "right"}


def _standing_of(answer: dict[str, Any]) -> dict[str, Any]:
    mark, moment = answer["mark"], answer["answered_at"]
    marks = {"first_mark": mark, "best_mark": mark, "latest_mark": mark}
    moments = {"first_at": moment, "latest_at": moment}
    return (
        {name: answer[name] for name in ("person_id", "question")}
        | {"attempts": 1}
        | marks
        | moments
    )


def _cpu_rows(server: WebServer, learner: Client, teacher: Client) -> Iterator[Measurement]:
    pages = (
        ("answered page of the strange loss", learner, f"/questions/{QUESTION}", 2.5),
        ("lesson on noiseless data, all answered", learner, "/topics/noiseless", 4.0),
        ("question before the answer", Client(server.url), f"/questions/{QUESTION}", 1.7),
        (f"items of a class of {LEARNERS}", teacher, "/classes/1/items", 3.0),
        (f"what to teach a class of {LEARNERS}", teacher, "/classes/1/teach", 3.0),
    )
    bare = Client(server.url)
    seconds: dict[str, list[float]] = {what: [] for what, *_ in pages}
    bare_seconds = []
    for _ in range(ROUNDS):
        bare_seconds.append(_lot_seconds(server, bare, "/bare/"))
        for what, client, path, _aim in pages:
            seconds[what].append(_lot_seconds(server, client, path))
    yield Measurement(CPU, "bare page", statistics.median(bare_seconds), amount=1.0, unit="×")
    for what, _client, _path, aim in pages:
        yield _times_row(CPU, what, seconds[what], bare_seconds, aim)


def _lot_seconds(server: WebServer, client: Client, path: str) -> float:
    """Processor seconds of one request, of a lot of them."""
    client.request(path)
    before = server.cpu_seconds()
    for _ in range(LOT):
        client.request(path)
    return (server.cpu_seconds() - before) / LOT


def _answer_row(server: WebServer, question: Question) -> Measurement:
    """A right answer, again and again, against a bare one."""
    bare, seconds, bare_seconds = Client(server.url), [], []
    for _ in range(ROUNDS):
        learner, spent, bare_spent = Client(server.url), 0.0, 0.0
        for _ in range(LOT):
            path, form = learner.right_answer(question)
            before = server.cpu_seconds()
            learner.request(path, form)
            middle = server.cpu_seconds()
            bare.request("/bare/answer", [item for item in form if item[0] == "option"])
            spent += middle - before
            bare_spent += server.cpu_seconds() - middle
        seconds.append(spent / LOT)
        bare_seconds.append(bare_spent / LOT)
    return _times_row(CPU, "an answer, against a bare one", seconds, bare_seconds, 1.7)


def _times_row(
    group: str, what: str, seconds: list[float], bare_seconds: list[float], aim: float
) -> Measurement:
    # The median of each round's own ratio: load that comes and goes counts least so.
    pairs = zip(seconds, bare_seconds, strict=True)
    ratio = statistics.median(spent / base for spent, base in pairs)
    return Measurement(group, what, statistics.median(seconds), amount=ratio, unit="×", aim=aim)


def _size_rows(learner: Client) -> Iterator[Measurement]:
    for what, path, raw_aim, wire_aim in (
        ("answered page of the strange loss", f"/questions/{QUESTION}", 45, 12),
        ("lesson on noiseless data, all answered", "/topics/noiseless", 90, 20),
    ):
        answer = learner.request(path)
        raw = len(answer.text.encode()) / 1000
        yield Measurement(SIZES, f"{what}, raw", amount=raw, unit="KB", aim=raw_aim)
        wire = len(answer.body) / 1000
        yield Measurement(SIZES, f"{what}, on the wire", amount=wire, unit="KB", aim=wire_aim)


def _screen_rows(server: WebServer, learner: Client, question: Question) -> Iterator[Measurement]:
    with open_chromium() as browser:
        if browser is None:
            return
        height = _page_height(browser, server, learner)
        size = f"{PHONE['width']} × {PHONE['height']}"
        what = f"height of the answered page, folded, {size}"
        yield Measurement(SCREEN, what, amount=height, unit="px", aim=4500)
        waits = [_first_curve_seconds(browser, server, question) for _ in range(SLOW_LOADS)]
        what = "400 kbit/s, 400 ms, nothing cached: from Submit to the first recorded curve"
        yield Measurement(SCREEN, what, statistics.median(waits), aim=6.0)


def _page_height(browser: Browser, server: WebServer, learner: Client) -> int:
    context = browser.new_context(base_url=server.url, viewport=PHONE)
    cookies = learner.cookies.items()
    context.add_cookies([{"name": n, "value": v, "url": server.url} for n, v in cookies])
    page = context.new_page()
    page.goto(f"/questions/{QUESTION}", wait_until="networkidle")
    height: int = page.evaluate("document.documentElement.scrollHeight")
    context.close()
    return height


def _first_curve_seconds(browser: Browser, server: WebServer, question: Question) -> float:
    context = browser.new_context(base_url=server.url, viewport=PHONE)
    page = context.new_page()
    page.goto(f"/questions/{question.id}", wait_until="networkidle")
    for option in question.right_ids:
        page.check(f"input[value={option}]")
    page.add_init_script(f"({FIRST_CURVE})()")
    line = context.new_cdp_session(page)
    line.send("Network.enable")
    line.send("Network.setCacheDisabled", {"cacheDisabled": True})
    line.send("Network.emulateNetworkConditions", {"offline": False, **SLOW_LINE})
    started = time.time()
    page.get_by_role("button", name="Submit answer").click(no_wait_after=True)
    page.wait_for_selector("#result", timeout=120_000)
    while (painted := page.evaluate("window.firstCurveAt")) is None:
        time.sleep(0.05)
    context.close()
    return float(painted) / 1000 - started
