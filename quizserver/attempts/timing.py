"""How long an answer took: the moment at which its form was shown, sealed into the form.

A hint or an error keeps the moment; the page opened again has a new one, as the server keeps none.
"""

from __future__ import annotations

import hmac

# Whoever takes longer was not thinking about it all the while; nothing is said of them.
SECONDS_MAX = 24 * 3600


def sign_opened_at(secret: bytes, visitor: str, question: str, number: int, moment: float) -> str:
    """The ``moment`` (Unix time in s) for a form: it holds for this visitor and attempt alone."""
    tenths = f"{10 * moment:.0f}"
    message = f"shown\0{visitor}\0{question}\0{number}\0{tenths}".encode()
    return f"{tenths}.{hmac.new(secret, message, 'sha256').hexdigest()[:32]}"


def read_opened_at(
    secret: bytes, visitor: str, question: str, number: int, token: str
) -> float | None:
    """The moment (Unix time in s, to a tenth) that ``text`` says; None without its seal."""
    tenths = token.partition(".")[0]
    if not (tenths.isascii() and tenths.isdecimal() and len(tenths) < 16):
        return None
    moment = int(tenths) / 10
    expected = sign_opened_at(secret, visitor, question, number, moment)
    return moment if hmac.compare_digest(token.encode(), expected.encode()) else None


def elapsed_seconds(moment: float | None, now: float) -> float | None:
    """From ``moment`` to ``now`` in s, to a tenth; None when unknown or beyond ``SECONDS_MAX``."""
    if moment is None:
        return None
    elapsed = round(now - moment, 1)
    return max(0.0, elapsed) if -1 <= elapsed <= SECONDS_MAX else None
