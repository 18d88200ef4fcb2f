"""The files that a question in Moodle XML contains."""

from __future__ import annotations

import re
from urllib.parse import unquote
from xml.etree.ElementTree import Element

from quizserver.topics.formats.embedded_images import EmbeddedImages, ImageRelocator
from quizserver.topics.formats.model import UnsupportedQuestionError

PLUGIN_PREFIX = "@@PLUGINFILE@@/"
EXPORT_AGAIN = "Export the question again from Moodle."
_FILE_LINK = re.compile(r"<a\b[^<>]*\bhref\s*=\s*[\"']?@@PLUGINFILE@@/([^\"'\s>]*)", re.IGNORECASE)


def element_relocator(images: EmbeddedImages, element: Element, html: str) -> ImageRelocator:
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
    return lambda url: _relocate_url(url, images, files_by_name)


def _relocate_url(
    url: str, images: EmbeddedImages, files_by_name: dict[str, Element]
) -> str | None:
    in_address = images.relocate_data_url(url)
    if in_address is not None:
        return in_address
    if not url.startswith(PLUGIN_PREFIX):
        return url or None
    name = unquote(url.removeprefix(PLUGIN_PREFIX).partition("?")[0])
    file = files_by_name.get(name)
    if file is None:
        file = files_by_name.get(name.rsplit("/", 1)[-1])
    if file is None:
        message = f'The image "{name[:80]}" is not in the file.'
        raise UnsupportedQuestionError("missing-image", message, EXPORT_AGAIN)
    if file.get("encoding", "base64") != "base64":
        message = f'The image "{name[:80]}" is not in base64.'
        raise UnsupportedQuestionError("bad-image", message, EXPORT_AGAIN)
    return images.add_base64(name, file.text or "")
