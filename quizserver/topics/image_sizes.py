"""The width and height of an image, from the head of its file: a page keeps its place for it."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from quizserver.topics.assets import MEDIA_TYPES

HEAD_BYTES = 256 * 1024  # a JPEG's size stands behind its metadata and thumbnail
_MOST_PIXELS = 100_000  # of a side; a larger one is a broken head
_FULL_WIDTH = 1600  # CSS pixels; more than a page's text is wide

_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # SOF0 to SOF15
_JPEG_BARE = frozenset({0x01, *range(0xD0, 0xD9)})  # markers without a length
_TURNED = range(5, 9)  # orientations in EXIF that swap width and height
_ORIENTATION_TAG = 0x0112

_SVG_ROOT = re.compile(r"<(?:\w+:)?svg\b((?:[^<>\"']|\"[^\"]*\"|'[^']*')*)>")
_SVG_PROLOG = {"<!--": "-->", "<?": "?>", "<!": ">"}  # the longest first
_SVG_ATTRIBUTE = re.compile(r"(?:^|\s)(width|height|viewBox)\s*=\s*(?:\"([^\"]*)\"|'([^']*)')")
_LENGTH = re.compile(r"\+?(\d+(?:\.\d*)?|\.\d+)(?:[eE]([+-]?\d{1,2}))?(px|pt|pc|in|cm|mm)?")
_UNITS = {"px": 1.0, "pt": 4 / 3, "pc": 16.0, "in": 96.0, "cm": 96 / 2.54, "mm": 9.6 / 2.54}


class ImageSize(NamedTuple):
    """CSS pixels, as a browser shows the image where nothing limits it."""

    width: int
    height: int


NO_SIZE = ImageSize(0, 0)
"""Of a file whose head does not tell."""


def read_image_size(path: Path) -> ImageSize | None:
    """The size of the image at ``path``, or ``NO_SIZE``. None: the file can't be read."""
    try:
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
    except OSError:
        return None
    return image_size(head, MEDIA_TYPES[path.suffix.lower()]) or NO_SIZE


def image_size(head: bytes, media_type: str) -> ImageSize | None:
    """The size that ``head``, the first bytes of an image of this type, tells. Never raises.

    None where a browser may show another size than stands there, such as for a turned PNG.
    """
    read_size = _READERS.get(media_type)
    try:
        size = read_size(head) if read_size is not None else None
    except (struct.error, IndexError, OverflowError, ValueError):
        return None  # cut off, or no sizes at all
    is_possible = size is not None and all(0 < side <= _MOST_PIXELS for side in size)
    return size if is_possible else None


def _png_size(head: bytes) -> ImageSize | None:
    if not head.startswith(_PNG) or head[12:16] != b"IHDR" or b"eXIf" in head:
        return None
    return ImageSize(*struct.unpack_from(">II", head, 16))


def _gif_size(head: bytes) -> ImageSize | None:
    if not head.startswith((b"GIF87a", b"GIF89a")):
        return None
    return ImageSize(*struct.unpack_from("<HH", head, 6))


def _webp_size(head: bytes) -> ImageSize | None:
    if head[:4] != b"RIFF" or head[8:12] != b"WEBP":
        return None
    kind = head[12:16]
    if kind == b"VP8X":
        has_exif = head[20] & 0x08
        width, height = (int.from_bytes(head[at : at + 3], "little") + 1 for at in (24, 27))
        return None if has_exif or len(head) < 30 else ImageSize(width, height)
    if kind == b"VP8L" and head[20] == 0x2F:
        bits = struct.unpack_from("<I", head, 21)[0]
        return ImageSize((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
    if kind == b"VP8 " and head[23:26] == b"\x9d\x01\x2a":
        width, height = struct.unpack_from("<HH", head, 26)
        return ImageSize(width & 0x3FFF, height & 0x3FFF)
    return None


def _jpeg_size(head: bytes) -> ImageSize | None:
    is_turned = False
    for marker, segment in _jpeg_segments(head):
        if marker == 0xE1 and segment.startswith(b"Exif\0\0"):
            is_turned = _exif_orientation(segment[6:]) in _TURNED
        elif marker in _JPEG_FRAMES:
            height, width = struct.unpack_from(">HH", segment, 1)
            return ImageSize(height, width) if is_turned else ImageSize(width, height)
    return None


def _jpeg_segments(head: bytes) -> Iterator[tuple[int, bytes]]:
    """The markers up to the image's data, each with its content. Raises struct.error."""
    if not head.startswith(b"\xff\xd8"):
        return
    at = 2
    while head[at] == 0xFF:
        marker = head[at + 1]
        if marker == 0xFF:  # padding
            at += 1
        elif marker in _JPEG_BARE:
            at += 2
        elif marker == 0xDA:
            return
        else:
            length = struct.unpack_from(">H", head, at + 2)[0]
            yield marker, head[at + 4 : at + 2 + length]
            at += 2 + length


def _exif_orientation(tiff: bytes) -> int:
    """1 to 8; 1, upright, where the metadata does not say or cannot be read."""
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(tiff[:4])
    if order is None:
        return 1
    try:
        start = struct.unpack_from(f"{order}I", tiff, 4)[0]
        for entry in range(struct.unpack_from(f"{order}H", tiff, start)[0]):
            tag, _type, _count, value = struct.unpack_from(
                f"{order}HHIH", tiff, start + 2 + 12 * entry
            )
            if tag == _ORIENTATION_TAG:
                return int(value)
    except struct.error:
        pass
    return 1


def _svg_size(head: bytes) -> ImageSize | None:
    root = _svg_root(head.decode("utf-8", "replace"))
    if root is None:
        return None
    attributes = {
        match[1]: match[2] or match[3] or "" for match in _SVG_ATTRIBUTE.finditer(root[1])
    }
    width, height = _pixels(attributes.get("width")), _pixels(attributes.get("height"))
    box = [_pixels(part) for part in re.split(r"[\s,]+", attributes.get("viewBox", "").strip())[2:]]
    if width and height:
        return ImageSize(max(1, round(width)), max(1, round(height)))
    if 0 in (width, height) or len(box) != 2 or not box[0] or not box[1]:
        return None
    ratio = box[0] / box[1]
    if width is None and height is not None:
        width = height * ratio
    elif width is None:
        # Such an image has a shape and no size: it is as wide as the text around it.
        width = max(box[0], _FULL_WIDTH)
    return ImageSize(max(1, round(width)), max(1, round(width / ratio)))


def _svg_root(text: str) -> re.Match[str] | None:
    """The tag of the root element, behind comments and declarations."""
    at = 0
    while (start := text.find("<", at)) >= 0:
        opening = next(
            (opening for opening in _SVG_PROLOG if text.startswith(opening, start)), None
        )
        if opening is None:
            return _SVG_ROOT.match(text, start)
        at = text.find(_SVG_PROLOG[opening], start + len(opening))
        if at < 0:
            break
    return None


def _pixels(length: str | None) -> float | None:
    """CSS pixels of a length; None for one that depends on the page, as in per cent."""
    match = _LENGTH.fullmatch((length or "").strip())
    if match is None:
        return None
    return float(match[1]) * 10.0 ** int(match[2] or 0) * _UNITS[match[3] or "px"]


_READERS = {
    "image/png": _png_size,
    "image/jpeg": _jpeg_size,
    "image/gif": _gif_size,
    "image/webp": _webp_size,
    "image/svg+xml": _svg_size,
}
