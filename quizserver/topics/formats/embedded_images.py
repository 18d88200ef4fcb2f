"""The images that a question of a bank contains, in base64 or as files of a package."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import unquote_to_bytes

from quizserver.topics.formats.images import MAX_IMAGE_BYTES, path_with_true_suffix
from quizserver.topics.formats.model import UnsupportedQuestionError
from quizserver.topics.slugs import hex_digest, slugify

# Maps the address of an image to its path in the question's file; None drops the image.
ImageRelocator = Callable[[str], str | None]

_DATA_URL = re.compile(
    r"data:image/(?P<type>[\w.+-]+)(?P<parameters>(?:;[^;,]*)*?)(?P<base64>;base64)?,(?P<data>.*)",
    re.DOTALL | re.IGNORECASE,
)
_SUFFIXES = {"jpeg": "jpg", "pjpeg": "jpg", "svg+xml": "svg", "x-png": "png"}
_MARKDOWN_ADDRESS = re.compile(
    r"(?P<before>!\[[^\[\]]*\]\(\s*<?|<img\b[^<>]*?\bsrc\s*=\s*[\"']?)"
    r"(?P<url>data:image/[^\s\"'<>)]+|@@PLUGINFILE@@/[^\s\"'<>)]+)"
)


@dataclass
class EmbeddedImages:
    """The images that a question contains, by the paths that its texts link to.

    The paths begin with the question's ``slug``. ``mend_hint`` says what to do about an image that
    cannot be decoded.
    """

    slug: str
    mend_hint: str = "Put the picture in a file beside the bank, and name that file."
    by_path: dict[str, bytes] = field(default_factory=dict)

    def relocate_data_url(self, url: str) -> str | None:
        """The path of the image that a ``data:`` address holds; None for any other address."""
        match = _DATA_URL.match(url.strip())
        if match is None:
            return None
        media_type = match["type"].lower()
        name = f"picture.{_SUFFIXES.get(media_type, media_type)}"
        if match["base64"]:
            return self.add_base64(name, unquote_to_bytes(match["data"]).decode("latin-1"))
        return self.add_image(name, unquote_to_bytes(match["data"]))

    def add_base64(self, name: str, encoded: str) -> str:
        """Adds an image in base64 and returns its path relative to the topic's folder.

        Raises UnsupportedQuestionError for one that is too large or is not base64.
        """
        encoded = re.sub(r"\s+", "", encoded)
        if len(encoded) > MAX_IMAGE_BYTES * 4 // 3 + 4:
            raise image_too_large(name)
        try:
            data = base64.b64decode(encoded, validate=True)
        except (binascii.Error, ValueError):
            message = f'The image "{name[:80]}" cannot be decoded.'
            raise UnsupportedQuestionError("bad-image", message, self.mend_hint) from None
        return self.add_image(name, data)

    def add_image(self, name: str, data: bytes) -> str:
        """Adds an image and returns its path relative to the topic's folder."""
        stem, dot, suffix = path_with_true_suffix(name, data).rpartition(".")
        ending = f".{suffix.lower()}"
        path = f"images/{self.slug}-{slugify(stem) if dot else hex_digest(name, 8)}{ending}"
        if self.by_path.get(path, data) != data:
            digest = hex_digest(base64.b64encode(data).decode(), 8)
            path = f"{path.removesuffix(ending)}-{digest}{ending}"
        self.by_path[path] = data
        return path


def image_too_large(name: str) -> UnsupportedQuestionError:
    """The problem of an image that no topic takes."""
    message = f'The image "{name[:80]}" is larger than {MAX_IMAGE_BYTES:,} bytes.'
    return UnsupportedQuestionError("image-size", message, "Make it smaller.")


def relocate_markdown_images(text: str, relocate: ImageRelocator) -> str:
    """The markdown with the addresses of the images that its bank holds replaced by their paths."""
    if "data:image/" not in text and "@@PLUGINFILE@@" not in text:
        return text
    return _MARKDOWN_ADDRESS.sub(
        lambda match: match["before"] + (relocate(match["url"]) or match["url"]), text
    )
