"""The form that a request sent, to be offered again on the page of an error."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from flask import request
from flask_wtf.csrf import validate_csrf
from werkzeug.exceptions import HTTPException
from wtforms import ValidationError

_TOKEN = "csrf_token"
_PASSWORD = "password"


@dataclass(frozen=True, slots=True)
class SentForm:
    """The address that a form was sent to, and what was entered.

    ``texts`` are the fields of several lines, to be seen and copied, ``hidden`` all others. Of
    ``passwords``, which no page repeats, and ``files``, which none can, it has the names alone.
    """

    action: str
    hidden: tuple[tuple[str, str], ...]
    texts: tuple[tuple[str, str], ...]
    passwords: tuple[str, ...]
    files: tuple[str, ...]


def sent_form() -> SentForm | None:
    """The form of this request; None when it has none, or one that no page of this visitor sent.

    Another site could otherwise have its own fields shown here, with a button that sends them.
    """
    if request.method != "POST" or request.endpoint is None:
        return None
    try:
        fields, files = list(request.form.items(multi=True)), tuple(request.files)
        validate_csrf(request.form.get(_TOKEN))
    except (HTTPException, ValidationError):  # it can't be read, as it is too large; or is forged
        return None
    entered = [(name, value) for name, value in fields if name != _TOKEN and _PASSWORD not in name]
    address = urlsplit(request.url)
    return SentForm(
        action=f"{address.path}?{address.query}" if address.query else address.path,
        hidden=tuple(field for field in entered if "\n" not in field[1]),
        texts=tuple(field for field in entered if "\n" in field[1]),
        passwords=tuple(dict.fromkeys(name for name, _ in fields if _PASSWORD in name)),
        files=files,
    )
