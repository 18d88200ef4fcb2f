"""A GIFT text cut into questions, and its escaped characters."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

_ESCAPE = re.compile(r"\\([:#={}~\\n])")
_HIDDEN = "\ufffc"
_MARKS = re.compile(r"\[(id|tag):((?:[^\]\\]|\\.)*)\]")


@dataclass
class Block:
    """Lines that stand together, comments blanked, and what the comments above them said."""

    line: int
    lines: list[str] = field(default_factory=list)
    id: str | None = None
    tags: list[str] = field(default_factory=list)


def _apart(text: str) -> Iterator[Block]:
    """What stands between blank lines, comments left out."""
    block = Block(1)
    for number, line in enumerate([*text.split("\n"), ""], 1):
        bare = line.strip()
        if bare.startswith("//"):
            for kind, value in _MARKS.findall(bare):
                if kind == "id":
                    block.id = unescape(value)
                else:
                    block.tags.append(unescape(value))
            if block.lines:
                block.lines.append("")
        elif bare:
            if not block.lines:
                block.line = number
            block.lines.append(line)
        elif block.lines:
            yield block
            block = Block(number)


def blocks(text: str) -> Iterator[Block]:
    """The questions of a GIFT text; answers that a blank line cuts in two are put together."""
    found = list(_apart(text))
    index = 0
    while index < len(found):
        block = found[index]
        end = index + 1
        if _braces(block)[-1:] == "{":
            for ahead in range(index + 1, min(index + 50, len(found))):
                braces = _braces(found[ahead])
                if found[ahead].lines[0].lstrip().startswith(("::", "$CATEGORY:")):
                    break
                if braces:
                    end = ahead + 1 if braces.startswith("}") else end
                    break
        for other in found[index + 1 : end]:
            block.lines += ["", *other.lines]
        yield block
        index = end


def _braces(block: Block) -> str:
    return re.sub(r"[^{}]", "", mask("\n".join(block.lines)))


def mask(text: str) -> str:
    """``text`` with escaped characters hidden, one sign for one, so that offsets stay true."""
    return _ESCAPE.sub(_HIDDEN * 2, text)


def unescape(text: str) -> str:
    """``text`` with the characters that its backslashes stand before, ends stripped."""
    return _ESCAPE.sub(lambda m: "\n" if m[1] == "n" else m[1], text).strip()
