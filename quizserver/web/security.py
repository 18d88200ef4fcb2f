"""Security headers of every response, and the settings of cookies and sessions."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from flask import Flask
from flask.sessions import SecureCookieSessionInterface
from itsdangerous import SignatureExpired, Signer, TimestampSigner, URLSafeTimedSerializer
from werkzeug.wrappers import Response as BaseResponse

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

CONTENT_SECURITY_POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "font-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "form-action 'self'",
        "object-src 'none'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    ]
)
WORKER_POLICY = "; ".join(
    [
        "default-src 'none'",
        # WebAssembly modules may be compiled, and nothing else that scripts are otherwise denied.
        "script-src 'self' 'wasm-unsafe-eval'",
    ]
)
"""Of the worker that trains in the browser; it asks for nothing by itself but its modules."""
HSTS_SECONDS = 365 * 24 * 3600


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
    """Signs cookies with HMAC-SHA-256, and reads those that were signed before with HMAC-SHA-1.

    A guest's cookie is the only way to their work, so it is not thrown away; it is signed anew as
    soon as something in it changes.
    """

    digest_method = staticmethod(hashlib.sha256)
    _made: tuple[object, URLSafeTimedSerializer | None] | None = None

    def get_signing_serializer(self, app: Flask) -> URLSafeTimedSerializer | None:
        if self._made is None or self._made[0] != app.secret_key:
            self._made = app.secret_key, self._make_serializer(app)
        return self._made[1]

    def _make_serializer(self, app: Flask) -> URLSafeTimedSerializer | None:
        serializer = super().get_signing_serializer(app)
        if serializer is not None:
            serializer.signer = _ClockTolerantSigner
            older = {"key_derivation": self.key_derivation, "digest_method": hashlib.sha1}
            serializer.fallback_signers = [(_ClockTolerantSigner, older)]
        return serializer


class SecurityHeaders:
    """Adds the security headers to every response of ``application`` that does not set them itself.

    It stands outside of all other layers, so that a refusal by one of them has the headers too.
    """

    def __init__(
        self, application: WSGIApplication, *, https: bool, hsts_subdomains: bool = True
    ) -> None:
        self._application = application
        headers = {
            "Content-Security-Policy": CONTENT_SECURITY_POLICY,
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "same-origin",
            "Cross-Origin-Opener-Policy": "same-origin",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
            # Pages are personal: they depend on what the visitor has answered.
            "Cache-Control": "no-store",
        }
        if https:
            subdomains = "; includeSubDomains" if hsts_subdomains else ""
            headers["Strict-Transport-Security"] = f"max-age={HSTS_SECONDS}{subdomains}"
        self._headers = [(name.lower(), (name, value)) for name, value in headers.items()]

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        def start_with_headers(
            status: str, headers: list[tuple[str, str]], exc_info: Any = None, /
        ) -> Any:
            names = {name.lower() for name, _value in headers}
            pairs = headers + [item for name, item in self._headers if name not in names]
            if exc_info is None:
                return start_response(status, pairs)
            return start_response(status, pairs, exc_info)

        return self._application(environ, start_with_headers)


def install_sessions(app: Flask, *, https: bool) -> None:
    """Sets how cookies are signed and which flags they have."""
    # Also of the tokens in forms, whose library leaves no choice.
    Signer.default_digest_method = staticmethod(hashlib.sha256)
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


def clear_storage(response: BaseResponse) -> BaseResponse:
    """Asks the browser to empty what scripts have stored in it, as the session is over."""
    response.headers["Clear-Site-Data"] = '"storage"'
    return response
