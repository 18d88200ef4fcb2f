"""Uploaded images: detects their type, makes safe names, and stores them in the topic's folder.

The type is read from the bytes; the uploaded name is never trusted. Only types are accepted that
``topics.assets`` serves to learners.
"""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath
from xml.etree.ElementTree import ParseError

from defusedxml import DefusedXmlException, ElementTree

from quizserver import atomic_files
from quizserver.authoring.files import ContentError, is_safe_name
from quizserver.topics.slugs import slugify

_SIGNATURES = {
    b"\x89PNG\r\n\x1a\n": ".png",
    b"\xff\xd8\xff": ".jpg",
    b"GIF87a": ".gif",
    b"GIF89a": ".gif",
}
_NO_IMAGE = "This is no PNG, JPEG, WebP, GIF or SVG image."
_EXTERNAL_REFERENCE = "This SVG refers to something outside itself."
_NOT_PLAIN_SVG = "This SVG has definitions of its own. Save it as plain SVG, in UTF-8."
_SVG = "{http://www.w3.org/2000/svg}"
_ACTIVE_TAGS = {"script", "foreignObject", "iframe", "embed", "object", "handler", "listener"}
_EXTERNAL_URL = re.compile(r"@import|url\(\s*[\"']?(?!#|data:image/)", re.IGNORECASE)
_DOCTYPE_SUBSET = re.compile(rb"<!DOCTYPE[^>]*\[")
_STEM_LENGTH_MAX = 60
# The slug of a text without letters or digits.
_FALLBACK_SLUG = re.compile(r"^option-(?=[0-9a-f]{8}$)")


class ImageError(ValueError):
    """A file that is not accepted as an image; the message says why."""


class ImageExistsError(Exception):
    """There is an image of this name, and the upload did not ask to overwrite it."""

    def __init__(self, name: str) -> None:
        super().__init__(f"There is an image {name} already.")
        self.name = name


def detect_suffix(data: bytes) -> str:
    """The file suffix for the bytes of an image. Raises ImageError for anything else."""
    for signature, extension in _SIGNATURES.items():
        if data.startswith(signature):
            return extension
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return ".webp"
    if data.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"<":
        _check_svg(data)
        return ".svg"
    raise ImageError(_NO_IMAGE)


def _check_svg(data: bytes) -> None:
    """Raises ImageError for an SVG that does more than draw, or that can't be read."""
    # Drawing programs write a document type; a document type with entities is refused.
    if b"<!ENTITY" in data or _DOCTYPE_SUBSET.search(data) or b"\0" in data:
        raise ImageError(_NOT_PLAIN_SVG)
    try:
        data.decode("utf-8")  # what it is served as, whatever its declaration says
        root = ElementTree.fromstring(data)
    except UnicodeDecodeError:
        raise ImageError("This SVG is not in UTF-8. Save it in UTF-8.") from None
    except DefusedXmlException:
        raise ImageError(_NOT_PLAIN_SVG) from None
    except ParseError as error:
        raise ImageError(f"This SVG can't be read: {error}.") from None
    if root.tag not in (f"{_SVG}svg", "svg"):
        raise ImageError(_NO_IMAGE)
    for element in root.iter():
        tag = str(element.tag).rpartition("}")[2]
        if tag in _ACTIVE_TAGS:
            raise ImageError(f"This SVG holds a <{tag}>. An image may only draw.")
        for attribute, value in element.attrib.items():
            attribute_name = attribute.rpartition("}")[2].lower()
            if attribute_name.startswith("on"):
                raise ImageError(
                    f"This SVG holds an {attribute_name} handler. An image may only draw."
                )
            is_external = attribute_name == "href" and not value.strip().startswith(
                ("#", "data:image/")
            )
            if is_external or _EXTERNAL_URL.search(value):
                raise ImageError(_EXTERNAL_REFERENCE)
        if tag == "style" and _EXTERNAL_URL.search(element.text or ""):
            raise ImageError(_EXTERNAL_REFERENCE)


def safe_image_name(sent_name: str, extension: str) -> str:
    """The uploaded name reduced to letters, digits and hyphens, with the detected suffix."""
    stem = PurePosixPath(sent_name.replace("\\", "/")).stem[:_STEM_LENGTH_MAX]
    return f"{_FALLBACK_SLUG.sub('image-', slugify(stem))}{extension}"


def store_image(
    content: Path, topic: str, name: str, data: bytes, *, overwrite: bool = False
) -> Path:
    """Writes an image atomically into the topic's folder; ``name`` is from ``safe_image_name``.

    Raises ImageExistsError unless ``overwrite``, and ContentError when it can't be written.
    """
    folder = content.absolute() / topic
    if not is_safe_name(topic) or not is_safe_name(name.rpartition(".")[0]) or folder.is_symlink():
        raise ContentError("Images can't be put there.")
    path = folder / name
    if path.is_symlink():
        raise ContentError(f"{name} is a link; it is written where it leads, not here.")
    temporary: Path | None = None
    try:
        folder.mkdir(mode=0o755, exist_ok=True)
        temporary = atomic_files.write_temporary(path, data, 0o644)
        if overwrite:
            temporary.replace(path)
        else:
            path.hardlink_to(temporary)
    except FileExistsError:
        if path.read_bytes() == data:  # the same image, uploaded again
            return path
        raise ImageExistsError(name) from None
    except OSError as error:
        raise ContentError(f"{name} can't be written: {error.strerror or error}.") from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
    return path


def image_markdown(alt: str, name: str) -> str:
    """The markdown that embeds an image with the alternative text ``alt``."""
    alt_text = " ".join(alt.split())
    for character in ("\\", "[", "]"):
        alt_text = alt_text.replace(character, "\\" + character)
    return f"![{alt_text}]({name})"
