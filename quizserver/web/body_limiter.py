"""Bounds how many requests may be sending their body at once.

A thread that waits for a body can do nothing else, and a client may send slowly. Without a bound a
few dozen slow senders would hold every thread; with it, pages are served meanwhile. A body usually
arrives within milliseconds, so when a whole class answers at once each request waits its turn.
"""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Iterable
from typing import Any

from quizserver.web.numbers import parse_whole_number

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
Application = Callable[[Environ, StartResponse], Iterable[bytes]]

WAIT_SECONDS = 2.0
"""Seconds that a request waits for a slot; it holds a thread as long as it waits."""
BUSY_MESSAGE = (
    b"The server is receiving too much at this moment. Go back and send it again in a few seconds."
)


class BodyLimiter:
    """Reads each body whole before it calls ``application``, ``max_concurrent`` bodies at a time.

    A request that gets no free slot within ``wait_seconds`` is answered 503. Bodies over
    ``bytes_max`` are left unread for the application to refuse.
    """

    def __init__(
        self,
        application: Application,
        *,
        max_concurrent: int,
        bytes_max: int,
        wait_seconds: float = WAIT_SECONDS,
    ) -> None:
        self._application = application
        self._slots = threading.BoundedSemaphore(max_concurrent)
        self._bytes_max = bytes_max
        self._wait_seconds = wait_seconds

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        length = _content_length(environ)
        if 0 < length <= self._bytes_max:
            if not self._slots.acquire(timeout=self._wait_seconds):
                headers = [("Content-Type", "text/plain; charset=utf-8"), ("Retry-After", "5")]
                start_response("503 Service Unavailable", headers)
                return [BUSY_MESSAGE]
            try:
                environ["wsgi.input"] = io.BytesIO(environ["wsgi.input"].read(length))
            finally:
                self._slots.release()
        return self._application(environ, start_response)


def _content_length(environ: Environ) -> int:
    return parse_whole_number(environ.get("CONTENT_LENGTH") or "0")
