"""Slow senders hold a bounded number of threads; other requests are served meanwhile."""

from __future__ import annotations

import io
import threading
from typing import Any

from quizserver.web.body_limiter import BodyLimiter


def send_request(application: BodyLimiter, body: Any = None, length: int = 0) -> tuple[str, bytes]:
    statuses: list[str] = []
    environ = {"CONTENT_LENGTH": str(length), "wsgi.input": body or io.BytesIO()}
    chunks = application(environ, lambda status, headers: statuses.append(status))
    return statuses[0], b"".join(chunks)


def echo_body(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    start_response("200 OK", [])
    return [environ["wsgi.input"].read()]


class SlowBody:
    """A body that does not arrive before ``released`` is set."""

    def __init__(self) -> None:
        self.read_started, self.released = threading.Event(), threading.Event()

    def read(self, length: int) -> bytes:
        self.read_started.set()
        self.released.wait(30)
        return b"x" * length


def test_a_body_arrives_whole():
    limiter = BodyLimiter(echo_body, max_concurrent=1, bytes_max=100)
    assert send_request(limiter, io.BytesIO(b"hello and more"), 5) == ("200 OK", b"hello")


def test_while_slow_senders_take_all_slots_other_bodies_get_503_and_pages_are_served():
    limiter = BodyLimiter(echo_body, max_concurrent=2, bytes_max=100, wait_seconds=0.05)
    slow_bodies = [SlowBody(), SlowBody()]
    answers: list[tuple[str, bytes]] = []
    threads = [
        threading.Thread(target=lambda body=body: answers.append(send_request(limiter, body, 3)))
        for body in slow_bodies
    ]
    for thread, body in zip(threads, slow_bodies, strict=True):
        thread.start()
        assert body.read_started.wait(10)
    status, message = send_request(limiter, io.BytesIO(b"abc"), 3)
    assert status.startswith("503")
    assert b"send it again" in message
    assert send_request(limiter)[0] == "200 OK"
    for body in slow_bodies:
        body.released.set()
    for thread in threads:
        thread.join(10)
    assert answers == [("200 OK", b"xxx")] * 2
    assert send_request(limiter, io.BytesIO(b"abc"), 3) == ("200 OK", b"abc")


def test_a_request_waits_for_its_turn_when_many_come_at_once():
    limiter = BodyLimiter(echo_body, max_concurrent=1, bytes_max=100, wait_seconds=30)
    first, answers = SlowBody(), []
    threads = [threading.Thread(target=lambda: answers.append(send_request(limiter, first, 3)))]
    threads[0].start()
    assert first.read_started.wait(10)
    for _ in range(3):
        threads.append(
            threading.Thread(
                target=lambda: answers.append(send_request(limiter, io.BytesIO(b"abc"), 3))
            )
        )
        threads[-1].start()
    first.released.set()
    for thread in threads:
        thread.join(30)
    assert sorted(answers) == [("200 OK", b"abc")] * 3 + [("200 OK", b"xxx")]


def test_a_body_that_is_too_large_is_left_for_the_application_to_refuse():
    limiter = BodyLimiter(echo_body, max_concurrent=1, bytes_max=2)
    assert send_request(limiter, io.BytesIO(b"abc"), 3) == ("200 OK", b"abc")
