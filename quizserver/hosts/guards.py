"""Keeps a machine with another secret key from answering: its pages would sign people out."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Flask, Response, make_response, request

from quizserver.hosts.health_pages import HEALTH_ENDPOINTS
from quizserver.hosts.host import Host

WRONG_KEY_TEXT = (
    "503 This machine can't serve you just now: it was started with other settings than the rest of"
    " this site. Try again in a moment. Nothing was lost.\n"
)
RETRY_SECONDS = 5


@dataclass(frozen=True, slots=True)
class KeyGuard:
    """Refuses every request while the key is wrong, but those for health and static files.

    The session's cookie, which this machine can't read, is neither read nor set: a page would
    replace it by one that the other machines can't read.
    """

    host: Host

    def refuse_request(self) -> Response | None:
        if not self.host.has_wrong_key or request.endpoint in HEALTH_ENDPOINTS | {"static_files"}:
            return None
        response = make_response(WRONG_KEY_TEXT, 503)
        response.mimetype = "text/plain"
        response.headers["Retry-After"] = str(RETRY_SECONDS)
        return response


def install_key_guard(app: Flask, host: Host) -> None:
    """Puts the guard before everything else that looks at a request."""
    app.before_request_funcs.setdefault(None, []).insert(0, KeyGuard(host).refuse_request)
