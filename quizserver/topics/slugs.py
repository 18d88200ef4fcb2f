"""Lasting ids: which texts are ids, slugs derived from texts, suggestions for misspelt ones."""

from __future__ import annotations

import difflib
import hashlib
import re
import unicodedata
from collections.abc import Iterable

ID_PATTERN = re.compile(r"[a-z0-9]+(?:[-_][a-z0-9]+)*")
ID_RULE = "lower-case letters a-z and digits, in groups joined by a single - or _, at most 80 long"
LONGEST_ID = 80
_LONGEST_SLUG = 60


def is_id(text: str) -> bool:
    """Whether ``text`` may be an id: it stands in addresses and in the database for good."""
    return len(text) <= LONGEST_ID and ID_PATTERN.fullmatch(text) is not None


def hex_digest(text: str, length: int = 16) -> str:
    """The first ``length`` hexadecimal digits of the SHA-256 of ``text``."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:length]


def slugify(text: str) -> str:
    """An id derived from ``text`` alone; different texts very nearly always give different ids.

    Where letters had to be dropped (another script, or a long text), a digest of the whole text
    keeps the result distinct.
    """
    normalised = " ".join(text.split())
    letters = unicodedata.normalize("NFKD", normalised)
    ascii_only = letters.encode("ascii", "ignore").decode("ascii").lower()
    words = re.findall(r"[a-z0-9]+", ascii_only.replace("'", ""))
    has_lost_letters = not letters.isascii() and any(
        c.isalnum() and not c.isascii() for c in letters
    )
    joined = "-".join(words)
    if not has_lost_letters and joined and len(joined) <= _LONGEST_SLUG:
        return joined
    fitting_words: list[str] = []
    for word in words:
        if len("-".join([*fitting_words, word])) > _LONGEST_SLUG - 16:
            break
        fitting_words.append(word)
    return "-".join([*(fitting_words or ["option"]), hex_digest(normalised, 8)])


def humanise_id(identifier: str) -> str:
    """A title made of an id or a file's name: ``strange-loss`` becomes ``Strange loss``."""
    words = " ".join(re.split(r"[-_\s]+", identifier)).strip()
    return words[:1].upper() + words[1:]


def did_you_mean(word: str, known_words: Iterable[str]) -> str:
    """``Did you mean "…"?`` with the nearest known word, else the whole list, else nothing."""
    names = sorted(set(known_words))
    by_lower_case = {name.lower(): name for name in reversed(names)}
    matches = difflib.get_close_matches(word.lower(), list(by_lower_case), n=1, cutoff=0.6)
    if matches:
        return f'Did you mean "{by_lower_case[matches[0]]}"?'
    if not names:
        return ""
    listed = ", ".join(names[:12]) + (", …" if len(names) > 12 else "")
    return f"Known: {listed}."
