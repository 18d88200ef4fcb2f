"""Slow senders hold a bounded number of threads; everybody else is served meanwhile."""

from __future__ import annotations

import io
import threading
from typing import Any

from quizserver.web.body_limiter import BodyLimiter


def ask(gate: BodyLimiter, body: Any = None, length: int = 0) -> tuple[str, bytes]:
    told: list[str] = []
    environ = {"CONTENT_LENGTH": str(length), "wsgi.input": body or io.BytesIO()}
    said = gate(environ, lambda status, headers: told.append(status))
    return told[0], b"".join(said)


def echo(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    start_response("200 OK", [])
    return [environ["wsgi.input"].read()]


class Slow:
    """A body that does not arrive until it is let go."""

    def __init__(self) -> None:
        self.asked, self.go = threading.Event(), threading.Event()

    def read(self, length: int) -> bytes:
        self.asked.set()
        self.go.wait(30)
        return b"x" * length


def test_a_body_arrives_whole():
    gate = BodyLimiter(echo, max_concurrent=1, bytes_max=100)
    assert ask(gate, io.BytesIO(b"hello and more"), 5) == ("200 OK", b"hello")


def test_when_all_places_are_taken_by_slow_senders_others_are_told_and_pages_are_served():
    gate = BodyLimiter(echo, max_concurrent=2, bytes_max=100, wait_seconds=0.05)
    slow = [Slow(), Slow()]
    answers: list[tuple[str, bytes]] = []
    threads = [
        threading.Thread(target=lambda body=body: answers.append(ask(gate, body, 3)))
        for body in slow
    ]
    for thread, body in zip(threads, slow, strict=True):
        thread.start()
        assert body.asked.wait(10)
    status, said = ask(gate, io.BytesIO(b"abc"), 3)
    assert status.startswith("503")
    assert b"send it again" in said
    assert ask(gate)[0] == "200 OK"
    for body in slow:
        body.go.set()
    for thread in threads:
        thread.join(10)
    assert answers == [("200 OK", b"xxx")] * 2
    assert ask(gate, io.BytesIO(b"abc"), 3) == ("200 OK", b"abc")


def test_a_request_waits_for_its_turn_when_many_come_at_once():
    gate = BodyLimiter(echo, max_concurrent=1, bytes_max=100, wait_seconds=30)
    first, answers = Slow(), []
    threads = [threading.Thread(target=lambda: answers.append(ask(gate, first, 3)))]
    threads[0].start()
    assert first.asked.wait(10)
    for _ in range(3):
        threads.append(
            threading.Thread(target=lambda: answers.append(ask(gate, io.BytesIO(b"abc"), 3)))
        )
        threads[-1].start()
    first.go.set()
    for thread in threads:
        thread.join(30)
    assert sorted(answers) == [("200 OK", b"abc")] * 3 + [("200 OK", b"xxx")]


def test_a_body_that_is_too_large_is_left_for_the_application_to_refuse():
    gate = BodyLimiter(echo, max_concurrent=1, bytes_max=2)
    assert ask(gate, io.BytesIO(b"abc"), 3) == ("200 OK", b"abc")
