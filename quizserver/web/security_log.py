"""Security events in the server's log: who was let in and who was refused, one line each.

A line has the event, the client's address, the account's number where it is known, and the request;
never a password, a token, the code of a class or an email address. The audit log is another thing:
it records what was done to others and is kept in the database.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from typing import Literal, NoReturn, get_args

from flask import Flask, Response, abort, g, request
from flask_wtf.csrf import CSRFError, CSRFProtect

SecurityEvent = Literal[
    "sign-in",
    "sign-in-refused",
    "sign-up",
    "sign-up-refused",
    "sign-out",
    "session-ended",
    "password-changed",
    "password-refused",
    "account-deleted",
    "access-refused",
    "form-refused",
    "limit-reached",
    "request-too-large",
]
SECURITY_EVENTS: tuple[str, ...] = get_args(SecurityEvent)
# A refusal with one of these codes is logged wherever it comes from.
_EVENT_BY_STATUS: Mapping[int, SecurityEvent] = {
    403: "access-refused",
    413: "request-too-large",
    429: "limit-reached",
}

log = logging.getLogger("quizserver.security")
log.setLevel(logging.INFO)


def log_security_event(event: SecurityEvent, *, account_id: int | None = None) -> None:
    """Writes a line for an event of the current request; a refusal is a warning."""
    account = g.get("security_account_id") if account_id is None else account_id
    refused = event.endswith("-refused") or event in _EVENT_BY_STATUS.values()
    log.log(
        logging.WARNING if refused else logging.INFO,
        "%s client=%s account=%s request=%s",
        event,
        request.remote_addr,
        account if account is not None else "-",
        json.dumps(f"{request.method} {_path_without_code()}"),
    )


def _path_without_code() -> str:
    """The path of the request; the code of a class lets somebody in, and the log is kept."""
    code = (request.view_args or {}).get("code")
    return request.path.replace(code, "***") if code else request.path


def note_account(account_id: int) -> None:
    """Remembers whose request this is, for the events that it may lead to."""
    g.security_account_id = account_id


def refuse_as_missing() -> NoReturn:
    """Ends the request with 404, as what it asks for is not open to its sender, and logs that."""
    log_security_event("access-refused")
    abort(404)


def install_security_log(app: Flask) -> None:
    """Logs refusals that have a status of their own, and refuses forms without a token."""
    # Checked below in place of the library's own hook, which tells nobody.
    app.config["WTF_CSRF_CHECK_DEFAULT"] = False
    protection = CSRFProtect(app)

    @app.before_request
    def check_form_token() -> None:
        if request.endpoint is None:
            return
        try:
            protection.protect()
        except CSRFError:
            log_security_event("form-refused")
            raise

    @app.after_request
    def log_refusal(response: Response) -> Response:
        event = _EVENT_BY_STATUS.get(response.status_code)
        if event is not None:
            log_security_event(event)
        return response
