"""Numbers in the text that a request brings: written in the digits 0 to 9, and not too long."""

from __future__ import annotations

import math
import re

DIGITS_MAX = 10
"""Digits: no number that a page sends has more, and ``int`` refuses some thousands."""

WHOLE_NUMBER_PATTERN = rf"0|[1-9][0-9]{{0,{DIGITS_MAX - 1}}}"
_WHOLE_NUMBER = re.compile(WHOLE_NUMBER_PATTERN)


def parse_whole_number(text: str, *, default: int = 0, maximum: int = 10**DIGITS_MAX - 1) -> int:
    """The whole number that ``text`` writes, at most ``maximum``; ``default`` when it writes none.

    ``str.isdecimal`` and ``int`` take the digits of every script, and one number must not have
    several spellings: caches, logs and proxies would take them for different requests.
    """
    return min(int(text), maximum) if _WHOLE_NUMBER.fullmatch(text) else default


_DECIMAL = re.compile(r"-?[0-9]{1,17}(\.[0-9]{1,20})?(e[+-]?[0-9]{1,3})?")


def parse_decimal(text: str) -> float | None:
    """The finite number that ``text`` writes as Python does; None when it writes none."""
    if not _DECIMAL.fullmatch(text):
        return None
    value = float(text)
    return value if math.isfinite(value) else None
