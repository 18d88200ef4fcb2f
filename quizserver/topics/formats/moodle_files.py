"""The files that a question of a Moodle XML file holds in itself."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import unquote
from xml.etree.ElementTree import Element

from quizserver.topics.formats.model import RefusedError
from quizserver.topics.formats.pictures import LARGEST_PICTURE
from quizserver.topics.identity import digest, slug

_PLUGINFILE = "@@PLUGINFILE@@/"
_DATA = re.compile(r"data:image/(png|jpeg|gif|webp|svg\+xml);base64,(.*)", re.DOTALL)
_LINKED = re.compile(r"<a\b[^<>]*\bhref\s*=\s*[\"']?@@PLUGINFILE@@/([^\"'\s>]*)", re.IGNORECASE)
_AGAIN = "Export the question again from Moodle."


@dataclass
class Attached:
    """The images of one question, named after its ``slug``, by the paths that its texts use."""

    slug: str
    pictures: dict[str, bytes] = field(default_factory=dict)

    def relocate(self, element: Element, html: str) -> Callable[[str], str | None]:
        """Where the images of a text lie that an element holds.

        Raises RefusedError when the text links to a file in the element: only images come along.
        """
        linked = _LINKED.search(html)
        if linked:
            name = unquote(linked[1])[:80]
            message = f'This question links to a file in itself, "{name}"; only images come along.'
            raise RefusedError("attached-file", message, "Put it on the web, and link to it there.")
        own = {unquote(file.get("name", "")): file for file in element.findall("file")}
        return lambda url: self._relocated(url, own)

    def _relocated(self, url: str, own: dict[str, Element]) -> str | None:
        inline = _DATA.match(url)
        if inline:
            suffix = inline[1].replace("jpeg", "jpg").removesuffix("+xml")
            return self.keep(f"picture.{suffix}", inline[2])
        if not url.startswith(_PLUGINFILE):
            return url or None
        wanted = unquote(url.removeprefix(_PLUGINFILE).partition("?")[0])
        file = own.get(wanted)
        if file is None:
            file = own.get(wanted.rsplit("/", 1)[-1])
        if file is None:
            message = f'The image "{wanted[:80]}" is not in the file.'
            raise RefusedError("missing-image", message, _AGAIN)
        if file.get("encoding", "base64") != "base64":
            message = f'The image "{wanted[:80]}" is not in base64.'
            raise RefusedError("bad-image", message, _AGAIN)
        return self.keep(wanted, file.text or "")

    def keep(self, name: str, encoded: str) -> str:
        """The path beside the question's file for an image called ``name``, in base64.

        Raises RefusedError for one that is too large or is no base64.
        """
        encoded = re.sub(r"\s+", "", encoded)
        if len(encoded) > LARGEST_PICTURE * 4 // 3 + 4:
            message = f'The image "{name[:80]}" is larger than {LARGEST_PICTURE:,} bytes.'
            raise RefusedError("image-size", message, "Make it smaller.")
        try:
            data = base64.b64decode(encoded, validate=True)
        except (binascii.Error, ValueError):
            message = f'The image "{name[:80]}" cannot be decoded.'
            raise RefusedError("bad-image", message, _AGAIN) from None
        stem, dot, suffix = name.rpartition(".")
        ending = f".{suffix.lower()}"
        path = f"images/{self.slug}-{slug(stem) if dot else digest(name, 8)}{ending}"
        if self.pictures.get(path, data) != data:
            path = f"{path.removesuffix(ending)}-{digest(encoded, 8)}{ending}"
        self.pictures[path] = data
        return path
