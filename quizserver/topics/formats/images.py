"""Finds the images that come with a bank, and checks their type and size."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

from quizserver.topics.assets import MEDIA_TYPES, is_image
from quizserver.topics.formats.model import ImageFile, ImageLoader, UnsupportedQuestionError
from quizserver.topics.question import ParsedQuestion

MAX_IMAGE_BYTES = 5 * 1024 * 1024
_SIGNATURES: Mapping[str, tuple[bytes, ...]] = {
    "image/png": (b"\x89PNG\r\n\x1a\n",),
    "image/jpeg": (b"\xff\xd8\xff",),
    "image/gif": (b"GIF87a", b"GIF89a"),
    "image/webp": (b"RIFF",),
}
_ELSEWHERE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:|//|/|#")


class MisnamedImageError(Exception):
    """An image whose bytes are of another type than its name says: JPEGs are often named .png."""

    def __init__(self, url: str, path: str, data: bytes) -> None:
        super().__init__(f"{url} is {path}")
        self.url, self.path, self.data = url, path, data


def collect_images(
    parsed: ParsedQuestion, embedded: Mapping[str, bytes], load_image: ImageLoader
) -> tuple[ImageFile, ...]:
    """The images that a question links to: ``embedded`` in the bank, else read from beside it.

    Raises UnsupportedQuestionError for one that is missing, too large or no image, and
    MisnamedImageError for one that needs another suffix. Images on other servers are left to
    ``elsewhere``.
    """
    images: dict[str, ImageFile] = {}
    for reference in parsed.links:
        url = reference.url.strip()
        if reference.attribute != "src" or not url or _ELSEWHERE.match(url):
            continue
        path = safe_relative_path(url)
        if path is None:
            message = f'The image "{url}" lies outside the bank\'s folder.'
            raise UnsupportedQuestionError("image-outside", message, "Copy it beside the bank.")
        data = embedded[path] if path in embedded else load_image(path)
        if data is None:
            message = f'There is no image "{path}" beside the bank.'
            raise UnsupportedQuestionError(
                "missing-image", message, "Put it there, or take the image out."
            )
        named_path = path_with_true_suffix(path, data)
        if named_path != path:
            raise MisnamedImageError(url, named_path, data)
        images[path] = ImageFile(path, check_image_data(path, data))
    return tuple(images.values())


def path_with_true_suffix(path: str, data: bytes) -> str:
    """The path, with the suffix of the type that ``data`` has, if that can be told."""
    if not is_image(path):
        return path
    media_type = MEDIA_TYPES["." + path.rsplit(".", 1)[-1].lower()]
    true_type = next(
        (known for known, beginnings in _SIGNATURES.items() if data.startswith(beginnings)), None
    )
    if true_type in (None, media_type) or (true_type == "image/webp" and data[8:12] != b"WEBP"):
        return path
    suffix = {"image/jpeg": "jpg"}.get(true_type, true_type.partition("/")[2])
    return f"{path.rpartition('.')[0]}.{suffix}"


def safe_relative_path(url: str) -> str | None:
    """The path of a relative address; None when it leaves the folder or is hidden."""
    try:
        decoded = unquote(urlsplit(url).path, errors="strict")
    except ValueError:
        return None
    path = posixpath.normpath(decoded)
    parts = path.split("/")
    is_hidden = any(part.startswith(".") or part.endswith(("~", ".tmp")) for part in parts)
    if is_hidden or path.startswith("/") or re.search(r"[\\\x00-\x1f:]", path) or len(parts) > 5:
        return None
    return path


def check_image_data(path: str, data: bytes) -> bytes:
    """Returns ``data``. Raises UnsupportedQuestionError unless its type is that of its name."""
    if not is_image(path):
        types = ", ".join(sorted(suffix[1:] for suffix in MEDIA_TYPES))
        message = f'"{path}" is not of a type that is served.'
        raise UnsupportedQuestionError("image-type", message, f"Served are images: {types}.")
    if len(data) > MAX_IMAGE_BYTES:
        message = f'The image "{path}" holds {len(data):,} bytes.'
        raise UnsupportedQuestionError(
            "image-size", message, f"Make it smaller than {MAX_IMAGE_BYTES:,}."
        )
    media_type = MEDIA_TYPES["." + path.rsplit(".", 1)[-1].lower()]
    signatures = _SIGNATURES.get(media_type)
    matches = data.startswith(signatures) if signatures else b"<svg" in data[:4096].lower()
    if not matches or (media_type == "image/webp" and data[8:12] != b"WEBP"):
        message = f'"{path}" does not hold what its name says.'
        raise UnsupportedQuestionError("image-type", message, "Save it in the format of its name.")
    return data


def images_beside(folder: Path) -> ImageLoader:
    """Reads images from ``folder`` and below, and follows no link that leads out of it."""

    def load_image(path: str) -> bytes | None:
        try:
            root = folder.resolve(strict=True)
            file = root.joinpath(*path.split("/")).resolve(strict=True)
            if not file.is_relative_to(root) or not file.is_file() or not is_image(file.name):
                return None
            if file.stat().st_size > MAX_IMAGE_BYTES:
                message = f'The image "{path}" holds {file.stat().st_size:,} bytes.'
                hint = f"Make it smaller than {MAX_IMAGE_BYTES:,}."
                raise UnsupportedQuestionError("image-size", message, hint)
            return file.read_bytes()
        except (OSError, ValueError, RuntimeError):
            return None

    return load_image


def no_images(_path: str) -> bytes | None:
    """An ``ImageLoader`` without any images."""
    return None
