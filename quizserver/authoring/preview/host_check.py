"""Refuses requests to a preview under another host's name: it shows keys to all who reach it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

ALLOWED_HOSTS = ("127.0.0.1", "localhost")
_REFUSAL_BODY = b"This preview answers under 127.0.0.1 and localhost only.\n"


class HostCheck:
    """Refuses requests under another host's name.

    A web page elsewhere can make its own name resolve to this machine (DNS rebinding), so that the
    browser takes the preview for a part of it; but the browser then sends that name as the host.
    """

    def __init__(self, application: WSGIApplication) -> None:
        self._application = application

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        host = str(environ.get("HTTP_HOST", "")).partition(":")[0].lower()
        if host in ALLOWED_HOSTS:
            return self._application(environ, start_response)
        headers = [("Content-Type", "text/plain"), ("Content-Length", str(len(_REFUSAL_BODY)))]
        start_response("400 Bad Request", headers)
        return [_REFUSAL_BODY]
