"""Security headers of every response, and the settings of cookies and sessions."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from flask import Flask, Response, request
from flask.sessions import SecureCookieSessionInterface
from itsdangerous import SignatureExpired, TimestampSigner, URLSafeTimedSerializer

CONTENT_SECURITY_POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "font-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    ]
)


class _ClockTolerantSigner(TimestampSigner):
    """Accepts signatures with a time in the future, as another machine's clock may give them.

    The library's own signer refuses them: a cookie from a machine whose clock is a second ahead
    would be refused by the next machine, and once a clock was set back, guests would lose access to
    their work for good.
    """

    def unsign(self, value: Any, max_age: int | None = None, return_timestamp: bool = False) -> Any:
        payload, moment = super().unsign(value, return_timestamp=True)
        if max_age is not None and (datetime.now(UTC) - moment).total_seconds() > max_age:
            raise SignatureExpired("The signature is too old.", payload=payload)
        return (payload, moment) if return_timestamp else payload


class _SessionInterface(SecureCookieSessionInterface):
    def get_signing_serializer(self, app: Flask) -> URLSafeTimedSerializer | None:
        serializer = super().get_signing_serializer(app)
        if serializer is not None:
            serializer.signer = _ClockTolerantSigner
        return serializer


def install_security(app: Flask, *, https: bool) -> None:
    """Sets cookie flags and adds the security headers to every response of ``app``."""
    app.session_interface = _SessionInterface()
    app.config.update(
        SESSION_COOKIE_NAME="__Host-session" if https else "session",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=https,
        # A slow response must not set back a cookie that a faster one has changed meanwhile.
        SESSION_REFRESH_EACH_REQUEST=False,
        PERMANENT_SESSION_LIFETIME=timedelta(days=365),
        WTF_CSRF_TIME_LIMIT=None,  # a token lives as long as its session
    )

    app.after_request(partial(_add_headers, https=https))


def _add_headers(response: Response, *, https: bool) -> Response:
    headers = response.headers
    headers.setdefault("Content-Security-Policy", CONTENT_SECURITY_POLICY)
    headers.setdefault("X-Content-Type-Options", "nosniff")
    headers.setdefault("Referrer-Policy", "same-origin")
    headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
    headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
    headers.setdefault("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
    if https:
        headers.setdefault("Strict-Transport-Security", "max-age=31536000")
    if request.endpoint != "static_files":
        # Pages are personal: they depend on what the visitor has answered.
        headers.setdefault("Cache-Control", "no-store")
    return response
