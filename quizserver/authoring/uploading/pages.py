"""Taking an image in, and showing it to authors as it is at that moment."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing

from flask import Blueprint, abort, jsonify, make_response, request, send_file
from werkzeug.wrappers import Response as AnyResponse

from quizserver.accounts.model import Person
from quizserver.authoring import images
from quizserver.authoring.editing.pages import EditorPage
from quizserver.authoring.files import Place, is_name, place
from quizserver.authoring.forms import field
from quizserver.authoring.workshop import Workshop
from quizserver.settings import Settings
from quizserver.topics.assets import asset_headers, image_in


def add_uploads(
    blueprint: Blueprint,
    *,
    workshop: Workshop,
    editor: EditorPage,
    settings: Settings,
    author: Callable[[], Person],
) -> None:
    """Adds the page to the authors' blueprint, whose guard lets nobody else in."""

    @blueprint.post("/<topic>/images", endpoint="image")
    def image(topic: str) -> AnyResponse:
        where = place(topic, field("name"))
        if not is_name(topic) or workshop.work(where, author()).state == "new":
            abort(404)
        try:
            data, called = _sent()
            name = images.safe_name(field("as") or called, images.suffix(data))
            overwrite = field("overwrite") == "1"
            images.keep(settings.content, topic, name, data, overwrite=overwrite)
        except images.ImageError as error:
            return _answer(where, 422, error=str(error))
        except images.ThereAlreadyError as error:
            told = f"{error} Send it under another name, or tick “Replace”."
            return _answer(where, 409, error=told)
        workshop.library.refresh()
        return _answer(where, 200, name=name, markdown=images.reference(field("alt"), name))

    @blueprint.get("/<topic>/images/<path:name>", endpoint="image_file")
    def image_file(topic: str, name: str) -> AnyResponse:
        """An image as it is now, also in a topic that learners don't see yet."""
        path = image_in(settings.content / topic, name) if is_name(topic) else None
        if path is None:
            abort(404)
        response = send_file(path, conditional=True, max_age=0)
        response.headers.update(asset_headers(path))
        return response

    def _sent() -> tuple[bytes, str]:
        """The image and the name it came with. Raises ImageError."""
        if not field("alt").strip():
            raise images.ImageError("Say in words what is to be seen in the image.")
        sent = request.files.get("image")
        if sent is None or not sent.filename:
            raise images.ImageError("Choose an image.")
        with closing(sent):
            data = sent.read(settings.upload_kb * 1024 + 1)
        if len(data) > settings.upload_kb * 1024:
            raise images.ImageError(f"An image may have {settings.upload_kb:,} KiB.")
        return data, sent.filename

    def _answer(where: Place, status: int, **told: str) -> AnyResponse:
        if request.headers.get("Accept") == "application/json":
            return make_response(jsonify(told), status)
        return editor.show(workshop.work(where, author()), status=status, image=told)
