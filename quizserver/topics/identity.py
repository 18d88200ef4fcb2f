"""Ids that last: slugs derived from text, what an id may look like, and "did you mean"."""

from __future__ import annotations

import difflib
import hashlib
import re
import unicodedata
from collections.abc import Iterable

ID = re.compile(r"[a-z0-9]+(?:[-_][a-z0-9]+)*")
ID_RULE = "lower-case letters a-z and digits, in groups joined by a single - or _, at most 80 long"
LONGEST_ID = 80
_LONGEST_SLUG = 60


def is_id(text: str) -> bool:
    """Whether ``text`` may stand in an address and in the database for good."""
    return len(text) <= LONGEST_ID and ID.fullmatch(text) is not None


def digest(text: str, length: int = 16) -> str:
    """The first ``length`` hexadecimal digits of the SHA-256 of ``text``."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:length]


def slug(text: str) -> str:
    """An id derived from ``text`` alone; different texts very nearly always give different ids.

    Where letters had to be dropped (another script, or a long text), a digest of the whole text
    keeps the result distinct.
    """
    plain = " ".join(text.split())
    letters = unicodedata.normalize("NFKD", plain)
    ascii_only = "".join(c for c in letters if c.isascii()).lower()
    words = re.findall(r"[a-z0-9]+", ascii_only.replace("'", ""))
    lost = any(c.isalnum() and not c.isascii() for c in letters)
    joined = "-".join(words)
    if not lost and joined and len(joined) <= _LONGEST_SLUG:
        return joined
    kept: list[str] = []
    for word in words:
        if len("-".join([*kept, word])) > _LONGEST_SLUG - 16:
            break
        kept.append(word)
    return "-".join([*(kept or ["option"]), digest(plain, 8)])


def humanise(identifier: str) -> str:
    """A title made of an id or a file's name: ``strange-loss`` becomes ``Strange loss``."""
    words = " ".join(re.split(r"[-_\s]+", identifier)).strip()
    return words[:1].upper() + words[1:]


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """``Did you mean "…"?`` with the nearest known word, else the whole list, else nothing."""
    names = sorted(set(known))
    lower = {name.lower(): name for name in reversed(names)}
    near = difflib.get_close_matches(word.lower(), list(lower), n=1, cutoff=0.6)
    if near:
        return f'Did you mean "{lower[near[0]]}"?'
    if not names:
        return ""
    shown = ", ".join(names[:12]) + (", …" if len(names) > 12 else "")
    return f"Known: {shown}."
