"""Images that authors send: what they are, what they may be called, and into the topic's folder.

The type is read from the bytes, never believed from a name. What a reader's browser gets is decided
in ``topics.assets``; here only what that serves is let in.
"""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath
from xml.etree import ElementTree

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
_SVG = "{http://www.w3.org/2000/svg}"
_ACTIVE_TAGS = {"script", "foreignObject", "iframe", "embed", "object", "handler", "listener"}
_EXTERNAL_URL = re.compile(r"@import|url\(\s*[\"']?(?!#|data:image/)", re.IGNORECASE)
_DOCTYPE_SUBSET = re.compile(rb"<!DOCTYPE[^>]*\[")
_STEM_LENGTH_MAX = 60
_FALLBACK_SLUG = re.compile(
    r"^option-(?=[0-9a-f]{8}$)"
)  # what an id is made of without any letters


class ImageError(ValueError):
    """A file that is not taken; the message says why."""


class ImageExistsError(Exception):
    """An image of this name is there; nothing is overwritten without being asked."""

    def __init__(self, name: str) -> None:
        super().__init__(f"There is an image {name} already.")
        self.name = name


def detect_suffix(data: bytes) -> str:
    """The suffix that goes with the bytes of an image. Raises ImageError when it is none."""
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
    """An SVG that only draws. Raises ImageError when it is another one, or can't be read."""
    # Drawing programs name the document type; definitions of its own are another matter.
    if b"<!ENTITY" in data or _DOCTYPE_SUBSET.search(data) or b"\0" in data:
        raise ImageError("This SVG has definitions of its own. Save it as plain SVG, in UTF-8.")
    try:
        root = ElementTree.fromstring(data)
    except ElementTree.ParseError as error:
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
    """A name made of the sender's: letters, digits and hyphens, with the true suffix."""
    stem = PurePosixPath(sent_name.replace("\\", "/")).stem[:_STEM_LENGTH_MAX]
    return f"{_FALLBACK_SLUG.sub('image-', slugify(stem))}{extension}"


def store_image(
    content: Path, topic: str, name: str, data: bytes, *, overwrite: bool = False
) -> Path:
    """Writes an image into the topic's folder as a whole. ``name`` comes from ``safe_name``.

    Raises ThereAlreadyError unless it may ``overwrite``; ContentError when it can't be written.
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
        if path.read_bytes() == data:  # the same image, sent again
            return path
        raise ImageExistsError(name) from None
    except OSError as error:
        raise ContentError(f"{name} can't be written: {error.strerror or error}.") from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
    return path


def image_markdown(alt: str, name: str) -> str:
    """The markdown that shows an image; ``alt`` says what is to be seen in it."""
    alt_text = " ".join(alt.split())
    for character in ("\\", "[", "]"):
        alt_text = alt_text.replace(character, "\\" + character)
    return f"![{alt_text}]({name})"
