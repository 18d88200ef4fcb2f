"""Random join codes that are easy to read aloud; compared in constant time."""

from __future__ import annotations

import hmac
import re
import secrets

# Without characters that look or sound like another (0 O, 1 I L, 2 Z, 5 S, 8 B, U V), and without
# vowels, so that no code spells a word.
ALPHABET = "CDFGHJKMNPQRTVWXY34679"
LENGTH = 9  # 22^9, a million million: 40 random bits
GROUP = 3


def generate_code() -> str:
    """A new code as it is stored: capitals and digits without separators."""
    return "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))


def normalise_code(text: str) -> str | None:
    """The stored form of a typed code; None when it can't be a code.

    Lower case, spaces and hyphens make no difference.
    """
    stripped = re.sub(r"[\s\-\u2010-\u2015]", "", text).upper()
    is_valid = len(stripped) == LENGTH and all(character in ALPHABET for character in stripped)
    return stripped if is_valid else None


def format_code(code: str) -> str:
    """The code in groups of three, as people read and write it."""
    return "-".join(code[start : start + GROUP] for start in range(0, len(code), GROUP))


def codes_match(code: str, other: str) -> bool:
    """Whether two codes are equal, in a time that does not depend on where they differ."""
    return hmac.compare_digest(code.encode(), other.encode())
