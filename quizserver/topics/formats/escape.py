"""Plain text as markdown that shows exactly that text."""

from __future__ import annotations

import re

_ALWAYS = re.compile(r"[\\`*\[\]$]")
_ENTITY = {"<": "&lt;", "&": "&amp;"}
_UNDERSCORE = re.compile(r"_(?![^\W_])|(?<![^\W_])_")  # inside a word it means nothing
_BRACE = re.compile(r"\{(?=:?[ ]*[#.\w])")
_TILDES = re.compile(r"~(?=~)|(?<=~)~")
_STARTS = (
    (re.compile(r"^([-+])(?=\s|$|[-+])"), r"\\\1"),
    (re.compile(r"^(\d{1,9})([.)])(?=\s|$)"), r"\1\\\2"),
    (re.compile(r"^#"), r"\\#"),
    (re.compile(r"^>"), "&gt;"),
    (re.compile(r"^:(?=\s)"), "&#58;"),
    (re.compile(r"^=(?==*\s*$)"), "&#61;"),
    (re.compile(r"^~(?=~~)"), r"\\~"),
    (re.compile(r"^---"), r"\\---"),
)


def escaped(text: str) -> str:
    """``text`` for the middle of a line: no character of it means anything to markdown."""
    text = _ALWAYS.sub(r"\\\g<0>", text)
    text = re.sub(r"[<&]", lambda match: _ENTITY[match[0]], text)
    text = _BRACE.sub("&#123;", text)
    text = _TILDES.sub(r"\\~", text)
    return _UNDERSCORE.sub(r"\\_", text)


def at_start(line: str) -> str:
    """``line`` (already escaped) for the start of a line, where more has a meaning."""
    for pattern, written in _STARTS:
        line = pattern.sub(written, line)
    return line


def paragraph(text: str) -> str:
    """Plain text, its line breaks kept, as markdown."""
    blocks = re.split(r"\n[ \t]*\n", text.strip("\n"))
    lines = [[at_start(escaped(line.strip())) for line in block.split("\n")] for block in blocks]
    return "\n\n".join("<br>\n".join(block) for block in lines).strip()


def one_line(text: str) -> str:
    """Plain text as markdown on one line, for a heading or a title."""
    line = at_start(escaped(" ".join(text.split())))
    return re.sub(r"(?<=\s)(?=#+$)", r"\\", line)  # or it would close the heading


def code_span(text: str) -> str:
    """A code span of ``text``, whatever backticks are in it."""
    inner = " ".join(text.split("\n"))
    if not inner.strip():
        return escaped(inner)
    longest = max((len(run) for run in re.findall("`+", inner)), default=0)
    fence = "`" * (longest + 1)
    pad = " " if inner.startswith("`") or inner.endswith("`") else ""
    return f"{fence}{pad}{inner}{pad}{fence}"


def code_block(text: str, language: str = "") -> str:
    """A fenced block of ``text``, its fence longer than any in it."""
    runs = re.findall("`{3,}", text)
    fence = "`" * max([3, *(len(run) + 1 for run in runs)])
    return f"{fence}{language}\n{text.strip(chr(10))}\n{fence}"
