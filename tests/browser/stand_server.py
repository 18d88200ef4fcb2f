"""The address of the stands, one after the other."""

from __future__ import annotations

import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from werkzeug.local import LocalProxy
from werkzeug.serving import ThreadedWSGIServer

from tests.browser.stand import Stand, application


class StandServer(ThreadedWSGIServer):
    """One address for the stands of many tests, one stand at a time.

    A browser keeps the scripts of one address compiled, and all stands share an application.
    """

    daemon_threads = True

    def __init__(self, stand: Stand) -> None:
        self._stand = stand
        self._active = 0
        self._changed = threading.Condition()
        served: Any = LocalProxy(lambda: self._stand)
        super().__init__("127.0.0.1", 0, application(served))
        self.url = stand.url = f"http://127.0.0.1:{self.server_port}"
        self._thread = threading.Thread(target=self.serve_forever, daemon=True)
        self._thread.start()

    @contextmanager
    def show(self, stand: Stand) -> Iterator[Stand]:
        """Serves a stand once all requests to the one before have ended, whose pages are closed."""
        self._wait_until_idle()
        stand.url = self.url
        self._stand = stand
        try:
            yield stand
        finally:
            stand.stopped.set()

    def _wait_until_idle(self) -> None:
        # What was sent before this has been accepted before it.
        urllib.request.urlopen(f"{self.url}/home").close()
        with self._changed:
            assert self._changed.wait_for(lambda: self._active == 0, 30), "a request does not end"

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._changed:
            self._active += 1
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            with self._changed:
                self._active -= 1
                self._changed.notify_all()

    def close(self) -> None:
        self._stand.stopped.set()
        self.shutdown()
        self._thread.join(5)
        self.server_close()
