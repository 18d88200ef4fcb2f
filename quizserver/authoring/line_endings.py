"""Line endings of pages: normalised for editing, restored when a file is written. Pure.

Pages are edited with LF and a newline at the end. A file may have CRLF, a byte-order mark or no
newline at its end instead; writing restores them, so that a small edit is a small diff in git.
"""

from __future__ import annotations

import re
from codecs import BOM_UTF8
from collections import Counter

from quizserver.authoring.merge import common_prefix_length

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")


def normalise_newlines(text: str) -> str:
    """The text with LF alone, and with a newline at the end unless it is empty."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text if text.endswith("\n") or not text else text + "\n"


def encode_like_original(text: str, original: bytes) -> bytes:
    """The normalised ``text`` as UTF-8, with the byte-order mark and line endings of ``original``.

    Lines of the common prefix and suffix keep their endings, others get the most frequent one. The
    last line ends with a newline only if it did in ``original``.
    """
    bom = BOM_UTF8 if original.startswith(BOM_UTF8) else b""
    old_lines = _LINE.findall(original.decode("utf-8-sig", "replace"))
    old_ends = [line[len(line.rstrip("\r\n")) :] for line in old_lines]
    if not text or set(old_ends) <= {"\n"}:
        return bom + text.encode()
    frequent_ends = Counter(end for end in old_ends if end).most_common(1)
    default_end = frequent_ends[0][0] if frequent_ends else "\n"
    new_lines = text.split("\n")[:-1]
    old_texts = [line.rstrip("\r\n") for line in old_lines]
    prefix = common_prefix_length(old_texts, new_lines)
    suffix = common_prefix_length(old_texts[prefix:][::-1], new_lines[prefix:][::-1])
    middle_ends = [default_end] * (len(new_lines) - prefix - suffix)
    new_ends = [
        end or default_end
        for end in [*old_ends[:prefix], *middle_ends, *old_ends[len(old_ends) - suffix :]]
    ]
    joined = _join_lines(new_lines, new_ends, old_ends[-1])
    # A preserved CR may have met an LF, or an empty last line may need its ending.
    if normalise_newlines(joined) != text:
        joined = _join_lines(new_lines, [default_end] * len(new_lines), default_end)
    return bom + joined.encode()


def _join_lines(lines: list[str], ends: list[str], last: str) -> str:
    text = "".join(f"{line}{end}" for line, end in zip(lines, ends, strict=True))
    return text if last else text.removesuffix(ends[-1])
