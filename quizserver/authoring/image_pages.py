"""Taking an image in, and showing it to authors as it is at that moment."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing

from flask import Blueprint, abort, jsonify, make_response, request, send_file
from werkzeug.wrappers import Response as AnyResponse

from quizserver.accounts.model import Person
from quizserver.authoring import images
from quizserver.authoring.editor_pages import EditorPage
from quizserver.authoring.files import PageRef, is_safe_name, page_ref
from quizserver.authoring.forms import form_field
from quizserver.authoring.service import EditingService
from quizserver.settings import Settings
from quizserver.topics.assets import image_headers, image_in_folder


def add_image_routes(
    blueprint: Blueprint,
    *,
    editing: EditingService,
    editor: EditorPage,
    settings: Settings,
    current_author: Callable[[], Person],
) -> None:
    """Adds the page to the authors' blueprint, whose guard lets nobody else in."""

    @blueprint.post("/<topic>/images", endpoint="image")
    def upload_image(topic: str) -> AnyResponse:
        ref = page_ref(topic, form_field("name"))
        if (
            not is_safe_name(topic)
            or editing.load_page_state(ref, current_author()).status == "new"
        ):
            abort(404)
        try:
            data, file_name = _uploaded_image()
            image_name = images.safe_image_name(
                form_field("as") or file_name, images.detect_suffix(data)
            )
            overwrite = form_field("overwrite") == "1"
            images.store_image(settings.content, topic, image_name, data, overwrite=overwrite)
        except images.ImageError as error:
            return _upload_response(ref, 422, error=str(error))
        except images.ImageExistsError as error:
            message = f"{error} Send it under another name, or tick “Replace”."
            return _upload_response(ref, 409, error=message)
        editing.library.refresh()
        return _upload_response(
            ref, 200, name=image_name, markdown=images.image_markdown(form_field("alt"), image_name)
        )

    @blueprint.get("/<topic>/images/<path:name>", endpoint="image_file")
    def serve_image(topic: str, name: str) -> AnyResponse:
        """An image as it is now, also in a topic that learners don't see yet."""
        path = image_in_folder(settings.content / topic, name) if is_safe_name(topic) else None
        if path is None:
            abort(404)
        response = send_file(path, conditional=True, max_age=0)
        response.headers.update(image_headers(path))
        return response

    def _uploaded_image() -> tuple[bytes, str]:
        """The image and the name it came with. Raises ImageError."""
        if not form_field("alt").strip():
            raise images.ImageError("Say in words what is to be seen in the image.")
        upload = request.files.get("image")
        if upload is None or not upload.filename:
            raise images.ImageError("Choose an image.")
        with closing(upload):
            data = upload.read(settings.upload_kb * 1024 + 1)
        if len(data) > settings.upload_kb * 1024:
            raise images.ImageError(f"An image may have {settings.upload_kb:,} KiB.")
        return data, upload.filename

    def _upload_response(ref: PageRef, status: int, **result: str) -> AnyResponse:
        if request.headers.get("Accept") == "application/json":
            return make_response(jsonify(result), status)
        return editor.render_editor(
            editing.load_page_state(ref, current_author()), status=status, image=result
        )
