"""Refuses requests whose text no database can keep."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from flask import Flask, request
from werkzeug.exceptions import BadRequest, NotFound

NORMALISED_FIELDS = frozenset({"text"})
"""Fields of forms with an author's whole text: its views replace what can't be kept, so that the
text isn't lost."""


class UnstorableTextError(BadRequest):
    """A part of the request holds NUL or a lone surrogate, which PostgreSQL or UTF-8 can't hold."""


def install_text_guard(app: Flask) -> None:
    """Refuses each request with such text before its view is called, whatever the database."""
    # After the blueprints have set how much they take: this reads the form.
    app.before_request(require_storable_text)


def require_storable_text() -> None:
    """Raises UnstorableTextError when the path, the query or a form's field can't be kept.

    For a path its status is 404: no page has such an address.
    """
    if not is_storable(request.path):
        error = UnstorableTextError()
        error.code = NotFound.code
        raise error
    if not all(map(is_storable, _texts_of_request())):
        raise UnstorableTextError


def is_storable(text: str) -> bool:
    """Whether every database can hold the text: no NUL, and no half of a surrogate pair."""
    if "\0" in text:
        return False
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _texts_of_request() -> Iterator[str]:
    yield from _texts_of_fields(request.args.items(multi=True))
    yield from _texts_of_fields(
        (name, value)
        for name, value in request.form.items(multi=True)
        if name not in NORMALISED_FIELDS
    )
    for name, file in request.files.items(multi=True):
        yield from (name, file.filename or "")


def _texts_of_fields(fields: Iterable[tuple[Any, Any]]) -> Iterator[str]:
    for name, value in fields:
        yield from (name, value)
