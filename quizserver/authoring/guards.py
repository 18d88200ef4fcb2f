"""Who may come in where pages are written, and what becomes of a text that comes too late."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, abort, current_app, jsonify, make_response, render_template, request
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException, NotFound
from werkzeug.wrappers import Response as AnyResponse

from quizserver.accounts.current import Current
from quizserver.authoring.files import ContentError, PlaceError
from quizserver.settings import Settings
from quizserver.web.errors import wants_json

EXTRA_KIB = 64
AWAY = "You are signed out, or may not write any more. Sign in in another tab, then save it again."


def guard(blueprint: Blueprint, *, current: Current, settings: Settings) -> None:
    """Lets in those who write, with more room for what they send; nobody else finds a page here."""

    @blueprint.url_value_preprocessor
    def more_room(_endpoint: str | None, _values: dict[str, Any] | None) -> None:
        # Before anything reads the form. Others have no use for it: they are turned away below.
        if request.method == "POST" and current.writes():
            request.max_content_length = (settings.upload_kb + EXTRA_KIB) * 1024
            request.max_form_memory_size = request.max_content_length

    @blueprint.before_request
    def authors_only() -> Any:
        if current.writes():
            return None
        if request.method != "POST":
            abort(404)
        return _turned_away(NotFound(), AWAY, 404)

    @blueprint.errorhandler(CSRFError)
    def another_session(error: CSRFError) -> Any:
        return _turned_away(error, AWAY, 400)

    @blueprint.errorhandler(PlaceError)
    def no_place(error: PlaceError) -> Any:
        return _turned_away(NotFound(), str(error), 404)

    @blueprint.errorhandler(ContentError)
    def no_content(error: ContentError) -> Any:
        page = render_template("authoring/trouble.html", message=str(error))
        return _turned_away(make_response(page, 409), str(error), 409)


def _turned_away(otherwise: HTTPException | AnyResponse, message: str, status: int) -> Any:
    """The answer to what could not be done. A text that was sent is given back in it.

    Without scripts nothing else may hold it any more.
    """
    text = request.form.get("text")
    if wants_json():
        return make_response(jsonify(error=message), status)
    if text:
        page = render_template("authoring/given_back.html", message=message, text=text)
        return make_response(page, status)
    if isinstance(otherwise, HTTPException):
        return current_app.handle_http_exception(otherwise)
    return otherwise
