"""Moodle's categories, which are tags here."""

from __future__ import annotations


def tag_of(category: str) -> str:
    """The last part of a category's path; nothing for one that Moodle named by itself."""
    name = category.replace("//", "\0").split("/")[-1].replace("\0", "/").strip()
    own = name.startswith("$") or name.lower() in ("top", "default")
    return "" if own or name.lower().startswith("default for ") else name
