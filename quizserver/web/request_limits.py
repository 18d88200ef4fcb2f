"""The limits on how often a client may send a request, and the headers that tell of them."""

from __future__ import annotations

from collections.abc import Callable

from flask import Flask, Response, g
from flask_limiter import Limiter

LIMIT_HEADERS = ("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset")


def create_limiter(app: Flask, key_func: Callable[[], str]) -> Limiter:
    """The limiter of an application's addresses; ``key_func`` names whom a limit counts.

    Its headers are on every response of a limited address but a 503. That has the Retry-After of
    whoever made it: the limit was not what stood in the way.
    """
    # Flask calls these in reverse order, and the limiter's own, which sets the headers, in between.
    app.after_request(_restore_retry_after)
    hooks = list(app.before_request_funcs.get(None, ()))
    limiter = Limiter(key_func, app=app, storage_uri="memory://")
    # Without the limiter's own, which looks for limits of the whole site before every request: all
    # limits are of an address, and checked when its view is called.
    app.before_request_funcs[None] = hooks
    app.after_request(_note_retry_after)
    return limiter


def _note_retry_after(response: Response) -> Response:
    if response.status_code == 503:
        g.retry_after_of_outage = response.headers.get("Retry-After")
    return response


def _restore_retry_after(response: Response) -> Response:
    if response.status_code == 503:
        for name in (*LIMIT_HEADERS, "Retry-After"):
            response.headers.pop(name, None)
        retry_after = g.pop("retry_after_of_outage", None)
        if retry_after is not None:
            response.headers["Retry-After"] = retry_after
    return response
