"""A text in the bytes of the file that it replaces: a small edit stays a small edit in git. Pure.

Pages are edited with LF and one newline at the end. What a file has instead, such as CRLF, a
byte-order mark or no newline at its end, is put back when it is written.
"""

from __future__ import annotations

import re
from codecs import BOM_UTF8
from collections import Counter

from quizserver.authoring.merge import alike

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")


def plain(text: str) -> str:
    """With LF alone, and a newline at the end unless it is empty."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text if text.endswith("\n") or not text else text + "\n"


def as_before(text: str, before: bytes) -> bytes:
    """The plain ``text`` as UTF-8 with the mark and the line ends of ``before``.

    The lines that both begin or end with keep the ends they had, others get the most frequent one;
    whether there is a newline at the end is the file's own habit.
    """
    mark = BOM_UTF8 if before.startswith(BOM_UTF8) else b""
    old = _LINE.findall(before.decode("utf-8-sig", "replace"))
    ends = [line[len(line.rstrip("\r\n")) :] for line in old]
    if not text or set(ends) <= {"\n"}:
        return mark + text.encode()
    usual = Counter(end for end in ends if end).most_common(1)
    other = usual[0][0] if usual else "\n"
    new = text.split("\n")[:-1]
    words = [line.rstrip("\r\n") for line in old]
    top = alike(words, new)
    foot = alike(words[top:][::-1], new[top:][::-1])
    between = [other] * (len(new) - top - foot)
    kept = [end or other for end in [*ends[:top], *between, *ends[len(ends) - foot :]]]
    written = _joined(new, kept, ends[-1])
    if plain(written) != text:  # a CR that was kept met an LF, or an empty last line needs its end
        written = _joined(new, [other] * len(new), other)
    return mark + written.encode()


def _joined(lines: list[str], ends: list[str], last: str) -> str:
    text = "".join(f"{line}{end}" for line, end in zip(lines, ends, strict=True))
    return text if last else text.removesuffix(ends[-1])
