"""Images that authors send: what they are, what they may be called, and into the topic's folder.

The type is read from the bytes, never believed from a name. What a reader's browser gets is decided
in ``topics.assets``; here only what that serves is let in.
"""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath
from xml.etree import ElementTree

from quizserver.authoring import disk
from quizserver.authoring.files import ContentError, is_name
from quizserver.topics.identity import slug

_STARTS = {
    b"\x89PNG\r\n\x1a\n": ".png",
    b"\xff\xd8\xff": ".jpg",
    b"GIF87a": ".gif",
    b"GIF89a": ".gif",
}
_NO_IMAGE = "This is no PNG, JPEG, WebP, GIF or SVG image."
_REFERS = "This SVG refers to something outside itself."
_SVG = "{http://www.w3.org/2000/svg}"
_ACTIVE = {"script", "foreignObject", "iframe", "embed", "object", "handler", "listener"}
_OUTSIDE = re.compile(r"@import|url\(\s*[\"']?(?!#|data:image/)", re.IGNORECASE)
_DEFINING = re.compile(rb"<!DOCTYPE[^>]*\[")
_LONGEST = 60
_NAMELESS = re.compile(r"^option-(?=[0-9a-f]{8}$)")  # what an id is made of without any letters


class ImageError(ValueError):
    """A file that is not taken; the message says why."""


class ThereAlreadyError(Exception):
    """An image of this name is there; nothing is overwritten without being asked."""

    def __init__(self, name: str) -> None:
        super().__init__(f"There is an image {name} already.")
        self.name = name


def suffix(data: bytes) -> str:
    """The suffix that goes with the bytes of an image. Raises ImageError when it is none."""
    for start, found in _STARTS.items():
        if data.startswith(start):
            return found
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return ".webp"
    if data.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"<":
        _check_svg(data)
        return ".svg"
    raise ImageError(_NO_IMAGE)


def _check_svg(data: bytes) -> None:
    """An SVG that only draws. Raises ImageError when it is another one, or can't be read."""
    # Drawing programs name the document type; definitions of its own are another matter.
    if b"<!ENTITY" in data or _DEFINING.search(data) or b"\0" in data:
        raise ImageError("This SVG has definitions of its own. Save it as plain SVG, in UTF-8.")
    try:
        root = ElementTree.fromstring(data)
    except ElementTree.ParseError as error:
        raise ImageError(f"This SVG can't be read: {error}.") from None
    if root.tag not in (f"{_SVG}svg", "svg"):
        raise ImageError(_NO_IMAGE)
    for element in root.iter():
        name = str(element.tag).rpartition("}")[2]
        if name in _ACTIVE:
            raise ImageError(f"This SVG holds a <{name}>. An image may only draw.")
        for attribute, value in element.attrib.items():
            plain = attribute.rpartition("}")[2].lower()
            if plain.startswith("on"):
                raise ImageError(f"This SVG holds an {plain} handler. An image may only draw.")
            outside = plain == "href" and not value.strip().startswith(("#", "data:image/"))
            if outside or _OUTSIDE.search(value):
                raise ImageError(_REFERS)
        if name == "style" and _OUTSIDE.search(element.text or ""):
            raise ImageError(_REFERS)


def safe_name(given: str, found: str) -> str:
    """A name made of the sender's: letters, digits and hyphens, with the true suffix."""
    stem = PurePosixPath(given.replace("\\", "/")).stem[:_LONGEST]
    return f"{_NAMELESS.sub('image-', slug(stem))}{found}"


def keep(content: Path, topic: str, name: str, data: bytes, *, overwrite: bool = False) -> Path:
    """Writes an image into the topic's folder as a whole. ``name`` comes from ``safe_name``.

    Raises ThereAlreadyError unless it may ``overwrite``; ContentError when it can't be written.
    """
    folder = content.absolute() / topic
    if not is_name(topic) or not is_name(name.rpartition(".")[0]) or folder.is_symlink():
        raise ContentError("Images can't be put there.")
    path = folder / name
    if path.is_symlink():
        raise ContentError(f"{name} is a link; it is written where it leads, not here.")
    new: Path | None = None
    try:
        folder.mkdir(mode=0o755, exist_ok=True)
        new = disk.temporary(path, data, 0o644)
        if overwrite:
            new.replace(path)
        else:
            path.hardlink_to(new)
    except FileExistsError:
        if path.read_bytes() == data:  # the same image, sent again
            return path
        raise ThereAlreadyError(name) from None
    except OSError as error:
        raise ContentError(f"{name} can't be written: {error.strerror or error}.") from error
    finally:
        if new is not None:
            new.unlink(missing_ok=True)
    return path


def reference(alt: str, name: str) -> str:
    """The markdown that shows an image; ``alt`` says what is to be seen in it."""
    words = " ".join(alt.split())
    for mark in ("\\", "[", "]"):
        words = words.replace(mark, "\\" + mark)
    return f"![{words}]({name})"
