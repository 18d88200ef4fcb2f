"""The images of a bank: which may be brought along, and that they are what they say."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

from quizserver.topics.assets import MEDIA_TYPES, is_image
from quizserver.topics.formats.model import Files, Picture, RefusedError
from quizserver.topics.question import Draft

LARGEST_PICTURE = 5 * 1024 * 1024
_BEGINNINGS: Mapping[str, tuple[bytes, ...]] = {
    "image/png": (b"\x89PNG\r\n\x1a\n",),
    "image/jpeg": (b"\xff\xd8\xff",),
    "image/gif": (b"GIF87a", b"GIF89a"),
    "image/webp": (b"RIFF",),
}
_REMOTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:|//|/|#")


def collect(draft: Draft, inside: Mapping[str, bytes], files: Files) -> tuple[Picture, ...]:
    """The images that the question names: from the bank itself, else from ``files`` beside it.

    Raises RefusedError for one that is missing, too large, or of another type than it says.
    Images from elsewhere are left to the checker.
    """
    found: dict[str, Picture] = {}
    for reference in draft.references:
        url = reference.url.strip()
        if reference.name != "src" or not url or _REMOTE.match(url):
            continue
        path = relative_path(url)
        if path is None:
            message = f'The image "{url}" lies outside the bank\'s folder.'
            raise RefusedError("image-outside", message, "Copy it beside the bank.")
        data = inside[path] if path in inside else files(path)
        if data is None:
            message = f'There is no image "{path}" beside the bank.'
            raise RefusedError("missing-image", message, "Put it there, or take the image out.")
        found[path] = Picture(path, checked(path, data))
    return tuple(found.values())


def relative_path(url: str) -> str | None:
    """The path that a relative address names, if it stays inside the folder and is not hidden."""
    try:
        wanted = unquote(urlsplit(url).path, errors="strict")
    except ValueError:
        return None
    path = posixpath.normpath(wanted)
    parts = path.split("/")
    odd = any(part.startswith(".") or part.endswith(("~", ".tmp")) for part in parts)
    if odd or path.startswith("/") or re.search(r"[\\\x00-\x1f:]", path) or len(parts) > 5:
        return None
    return path


def checked(path: str, data: bytes) -> bytes:
    """``data``, if it may be served as what its name says. Raises RefusedError otherwise."""
    if not is_image(path):
        types = ", ".join(sorted(suffix[1:] for suffix in MEDIA_TYPES))
        message = f'"{path}" is not of a type that is served.'
        raise RefusedError("image-type", message, f"Served are images: {types}.")
    if len(data) > LARGEST_PICTURE:
        message = f'The image "{path}" holds {len(data):,} bytes.'
        raise RefusedError("image-size", message, f"Make it smaller than {LARGEST_PICTURE:,}.")
    kind = MEDIA_TYPES["." + path.rsplit(".", 1)[-1].lower()]
    beginnings = _BEGINNINGS.get(kind)
    good = data.startswith(beginnings) if beginnings else b"<svg" in data[:4096].lower()
    if not good or (kind == "image/webp" and data[8:12] != b"WEBP"):
        message = f'"{path}" does not hold what its name says.'
        raise RefusedError("image-type", message, "Save it in the format of its name.")
    return data


def beside(folder: Path) -> Files:
    """Reads images from ``folder`` and below, never through a way out of it."""

    def read(path: str) -> bytes | None:
        try:
            root = folder.resolve(strict=True)
            full = root.joinpath(*path.split("/")).resolve(strict=True)
            if not full.is_relative_to(root) or not full.is_file() or not is_image(full.name):
                return None
            if full.stat().st_size > LARGEST_PICTURE:
                message = f'The image "{path}" holds {full.stat().st_size:,} bytes.'
                hint = f"Make it smaller than {LARGEST_PICTURE:,}."
                raise RefusedError("image-size", message, hint)
            return full.read_bytes()
        except (OSError, ValueError, RuntimeError) as error:
            if isinstance(error, RefusedError):
                raise
            return None

    return read


def none(_path: str) -> bytes | None:
    """No files at all: for banks that stand alone."""
    return None
