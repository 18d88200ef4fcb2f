"""What the authors' pages send: fields of forms, and what a script sends as JSON."""

from __future__ import annotations

import re
from typing import Any

from flask import abort, request


def form_field(name: str) -> str:
    return request.form.get(name, "")


def parse_digest(value: object) -> str | None:
    """The digest that a page was given, None for none; what is no digest is none."""
    is_digest = isinstance(value, str) and re.fullmatch(r"[0-9a-f]{64}", value)
    return str(value) if is_digest else None


def require_json_text() -> dict[str, Any]:
    """The JSON object that a script sent, with its ``text``; anything else is answered 400."""
    payload = request.get_json(silent=True)
    if not isinstance(payload, dict) or not isinstance(payload.get("text"), str):
        abort(400)
    return payload
