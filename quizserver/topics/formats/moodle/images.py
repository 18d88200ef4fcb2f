"""The images that a question in Moodle XML contains, in base64."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import unquote
from xml.etree.ElementTree import Element

from quizserver.topics.formats.images import MAX_IMAGE_BYTES
from quizserver.topics.formats.model import UnsupportedQuestionError
from quizserver.topics.slugs import hex_digest, slugify

_PLUGIN_PREFIX = "@@PLUGINFILE@@/"
_DATA_URL = re.compile(r"data:image/(png|jpeg|gif|webp|svg\+xml);base64,(.*)", re.DOTALL)
_FILE_LINK = re.compile(r"<a\b[^<>]*\bhref\s*=\s*[\"']?@@PLUGINFILE@@/([^\"'\s>]*)", re.IGNORECASE)
_EXPORT_AGAIN = "Export the question again from Moodle."


@dataclass
class AttachedImages:
    """The images that a question contains, by the paths that its texts link to.

    The paths begin with the question's ``slug``.
    """

    slug: str
    by_path: dict[str, bytes] = field(default_factory=dict)

    def image_relocator(self, element: Element, html: str) -> Callable[[str], str | None]:
        """A function from the addresses of the images in ``html`` to their paths.

        Raises UnsupportedQuestionError when the text links to a file inside the element.
        """
        link = _FILE_LINK.search(html)
        if link:
            name = unquote(link[1])[:80]
            message = f'This question links to a file in itself, "{name}"; only images come along.'
            raise UnsupportedQuestionError(
                "attached-file", message, "Put it on the web, and link to it there."
            )
        files_by_name = {unquote(file.get("name", "")): file for file in element.findall("file")}
        return lambda url: self._relocate_url(url, files_by_name)

    def _relocate_url(self, url: str, files_by_name: dict[str, Element]) -> str | None:
        data_url = _DATA_URL.match(url)
        if data_url:
            suffix = data_url[1].replace("jpeg", "jpg").removesuffix("+xml")
            return self.add_image(f"picture.{suffix}", data_url[2])
        if not url.startswith(_PLUGIN_PREFIX):
            return url or None
        name = unquote(url.removeprefix(_PLUGIN_PREFIX).partition("?")[0])
        file = files_by_name.get(name)
        if file is None:
            file = files_by_name.get(name.rsplit("/", 1)[-1])
        if file is None:
            message = f'The image "{name[:80]}" is not in the file.'
            raise UnsupportedQuestionError("missing-image", message, _EXPORT_AGAIN)
        if file.get("encoding", "base64") != "base64":
            message = f'The image "{name[:80]}" is not in base64.'
            raise UnsupportedQuestionError("bad-image", message, _EXPORT_AGAIN)
        return self.add_image(name, file.text or "")

    def add_image(self, name: str, encoded: str) -> str:
        """Adds an image in base64 and returns its path relative to the topic's folder.

        Raises UnsupportedQuestionError for one that is too large or is not base64.
        """
        encoded = re.sub(r"\s+", "", encoded)
        if len(encoded) > MAX_IMAGE_BYTES * 4 // 3 + 4:
            message = f'The image "{name[:80]}" is larger than {MAX_IMAGE_BYTES:,} bytes.'
            raise UnsupportedQuestionError("image-size", message, "Make it smaller.")
        try:
            data = base64.b64decode(encoded, validate=True)
        except (binascii.Error, ValueError):
            message = f'The image "{name[:80]}" cannot be decoded.'
            raise UnsupportedQuestionError("bad-image", message, _EXPORT_AGAIN) from None
        stem, dot, suffix = name.rpartition(".")
        ending = f".{suffix.lower()}"
        path = f"images/{self.slug}-{slugify(stem) if dot else hex_digest(name, 8)}{ending}"
        if self.by_path.get(path, data) != data:
            path = f"{path.removesuffix(ending)}-{hex_digest(encoded, 8)}{ending}"
        self.by_path[path] = data
        return path
