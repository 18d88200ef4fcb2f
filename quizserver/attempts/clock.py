"""How long an answer took: the moment at which its form was shown, sealed into the form.

A hint or an error keeps the moment; the page opened again has a new one, as the server keeps none.
"""

from __future__ import annotations

import hmac

# Whoever takes longer was not thinking about it all the while; nothing is said of them.
SECONDS_MAX = 24 * 3600


def seal(secret: bytes, visitor: str, question: str, number: int, moment: float) -> str:
    """The ``moment`` (Unix time in s) for a form: it holds for this visitor and attempt alone."""
    tenths = f"{10 * moment:.0f}"
    said = f"shown\0{visitor}\0{question}\0{number}\0{tenths}".encode()
    return f"{tenths}.{hmac.new(secret, said, 'sha256').hexdigest()[:32]}"


def moment_of(secret: bytes, visitor: str, question: str, number: int, text: str) -> float | None:
    """The moment (Unix time in s, to a tenth) that ``text`` says; None without its seal."""
    tenths = text.partition(".")[0]
    if not (tenths.isascii() and tenths.isdecimal() and len(tenths) < 16):
        return None
    moment = int(tenths) / 10
    right = seal(secret, visitor, question, number, moment)
    return moment if hmac.compare_digest(text.encode(), right.encode()) else None


def seconds_since(moment: float | None, now: float) -> float | None:
    """From ``moment`` to ``now`` in s, to a tenth; None when unknown or beyond ``SECONDS_MAX``."""
    if moment is None:
        return None
    passed = round(now - moment, 1)
    return max(0.0, passed) if -1 <= passed <= SECONDS_MAX else None
