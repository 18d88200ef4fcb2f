"""The images beside a topic's files: which may be served, and under which headers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from quizserver.topics.model import Snapshot

MEDIA_TYPES: Mapping[str, str] = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".gif": "image/gif",
    ".webp": "image/webp",
    ".svg": "image/svg+xml",
}


def is_image(path: str) -> bool:
    """Whether a file of this name may be served from a topic's folder."""
    return PurePosixPath(path).suffix.lower() in MEDIA_TYPES


def asset(snapshot: Snapshot, topic: str, relative: str) -> Path | None:
    """The image at ``relative`` (forward slashes) in ``topic``'s folder, or None."""
    found = snapshot.topics.get(topic)
    return image_in(found.folder, relative) if found is not None else None


def image_in(folder: Path, relative: str) -> Path | None:
    """The image at ``relative`` (forward slashes) in ``folder``, or None.

    Never a file outside the folder (also not through ``..`` or a symbolic link), never a hidden
    one, never another type than those of MEDIA_TYPES: markdown, Python and evidence hold the key.
    """
    if not is_image(relative) or "\\" in relative or "\0" in relative:
        return None
    parts = relative.split("/")
    if any(part in ("", ".", "..") or part.startswith(".") for part in parts):
        return None
    try:
        folder = folder.resolve(strict=True)
        path = folder.joinpath(*parts).resolve(strict=True)
        inside = path.is_relative_to(folder) and path.is_file()
    except (OSError, ValueError, RuntimeError):
        return None
    return path if inside and is_image(path.name) else None


def asset_headers(path: Path) -> dict[str, str]:
    """Response headers for an asset. An SVG opened by itself may run no script and load nothing."""
    policy = "sandbox; default-src 'none'; style-src 'unsafe-inline'"
    return {
        "Content-Type": MEDIA_TYPES[path.suffix.lower()],
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": policy,
    }
