"""Uploads of images, and the images of a topic as authors see them."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass

from flask import abort, jsonify, make_response, request, send_file
from werkzeug.wrappers import Response as AnyResponse

from quizserver.accounts.current_user import CurrentUser
from quizserver.authoring import images
from quizserver.authoring.editor_pages import EditorRenderer
from quizserver.authoring.files import PageRef, is_safe_name, page_ref
from quizserver.authoring.forms import form_field
from quizserver.authoring.guards import current_author
from quizserver.authoring.service import EditingService
from quizserver.settings import Settings
from quizserver.topics.assets import image_headers, image_in_folder


@dataclass(frozen=True, slots=True)
class ImagePages:
    """The views that store an uploaded image and show an image to authors."""

    editing: EditingService
    editor: EditorRenderer
    settings: Settings
    current: CurrentUser

    def upload_image(self, topic: str) -> AnyResponse:
        ref = page_ref(topic, form_field("name"))
        if (
            not is_safe_name(topic)
            or self.editing.load_page_state(ref, current_author(self.current)).status == "new"
        ):
            abort(404)
        try:
            data, file_name = self._uploaded_image()
            image_name = images.safe_image_name(
                form_field("as") or file_name, images.detect_suffix(data)
            )
            overwrite = form_field("overwrite") == "1"
            images.store_image(self.settings.content, topic, image_name, data, overwrite=overwrite)
        except images.ImageError as error:
            return self._upload_response(ref, 422, error=str(error))
        except images.ImageExistsError as error:
            message = f"{error} Send it under another name, or tick “Replace”."
            return self._upload_response(ref, 409, error=message)
        self.editing.library.refresh()
        return self._upload_response(
            ref, 200, name=image_name, markdown=images.image_markdown(form_field("alt"), image_name)
        )

    def serve_image(self, topic: str, name: str) -> AnyResponse:
        """The image as it is now, also in a topic that learners don't see yet."""
        path = image_in_folder(self.settings.content / topic, name) if is_safe_name(topic) else None
        if path is None:
            abort(404)
        response = send_file(path, conditional=True, max_age=0)
        response.headers.update(image_headers(path))
        return response

    def _uploaded_image(self) -> tuple[bytes, str]:
        """The bytes of the uploaded image and its file name. Raises ImageError."""
        if not form_field("alt").strip():
            raise images.ImageError("Say in words what is to be seen in the image.")
        upload = request.files.get("image")
        if upload is None or not upload.filename:
            raise images.ImageError("Choose an image.")
        with closing(upload):
            data = upload.read(self.settings.upload_kb * 1024 + 1)
        if len(data) > self.settings.upload_kb * 1024:
            raise images.ImageError(f"An image may have {self.settings.upload_kb:,} KiB.")
        return data, upload.filename

    def _upload_response(self, ref: PageRef, status: int, **result: str) -> AnyResponse:
        if request.headers.get("Accept") == "application/json":
            return make_response(jsonify(result), status)
        return self.editor.render_editor(
            self.editing.load_page_state(ref, current_author(self.current)),
            status=status,
            image=result,
        )
