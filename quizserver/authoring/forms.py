"""What the authors' pages send: fields of forms, and what a script sends as JSON."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from flask import abort, request


def form_field(name: str) -> str:
    return request.form.get(name, "")


def parse_digest(value: object) -> str | None:
    """The digest that a page sent back; None for anything that is no digest."""
    is_digest = isinstance(value, str) and re.fullmatch(r"[0-9a-f]{64}", value)
    return str(value) if is_digest else None


def parse_draft_digests(fields: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """The digests of the file (``base``) and of the draft (``seen``) that the editor was opened
    with; None for one that was not there."""
    return parse_digest(fields.get("base")), parse_digest(fields.get("seen"))


def require_json_text() -> dict[str, Any]:
    """The JSON object that a script sent, with its ``text``; anything else is answered 400."""
    try:
        payload = request.get_json(silent=True)
    except RecursionError:  # brackets in brackets, thousands deep
        payload = None
    if not isinstance(payload, dict) or not isinstance(payload.get("text"), str):
        abort(400)
    return payload
