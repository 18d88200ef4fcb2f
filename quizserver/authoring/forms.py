"""What the authors' pages send: fields of forms, and what a script sends as JSON."""

from __future__ import annotations

import re
from typing import Any

from flask import abort, request


def field(name: str) -> str:
    return request.form.get(name, "")


def mark(value: object) -> str | None:
    """The digest that a page was given, None for none; what is no digest is none."""
    given = isinstance(value, str) and re.fullmatch(r"[0-9a-f]{64}", value)
    return str(value) if given else None


def sent() -> dict[str, Any]:
    """The JSON object that a script sent, with its ``text``; anything else is answered 400."""
    body = request.get_json(silent=True)
    if not isinstance(body, dict) or not isinstance(body.get("text"), str):
        abort(400)
    return body
