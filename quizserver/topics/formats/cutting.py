"""A question of a plain bank cut apart: what is asked, the options, and what follows them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from quizserver.topics.formats.bank import BOX, Part, after_line
from quizserver.topics.formats.model import RefusedError
from quizserver.topics.scan import indent_of

WORD = (
    r"(?:references?|refs?|sources?|docs?|documentation|links?|read more|see|more info|explanation|"
    r"r[eé]f[eé]ren[cz]\w*|riferiment\w*|fuentes?|quellen?|fonti?|nguồn|tham khảo|参考|来源|"
    r"источник\w*|посилання)"
)
MARKER = r"(?:[-*+]|\d{1,2}[.)])[ \t]+"
_LINKS = re.compile(
    rf"^(?:{MARKER})?[*_(]*(?:{WORD}[^\n\[\]]{{0,40}}?[:\-–]?[*_]*[ \t]*)?[*_]*"
    rf"(?:!?\[[^\[\]]*\]\([^()\s]*(?:\([^()\s]*\)[^()\s]*)*\)|<?https?://\S+?>?)[)*_.,;]*"
    rf"(?:[ \t,;|&]+(?:and[ \t]+)?(?:\[[^\[\]]*\]\([^()\s]*\)|<?https?://\S+>?)[)*_.,;]*)*$",
    re.IGNORECASE,
)
_EXPLAINS = re.compile(
    r"^[*_>\s]*(?:explanation|note|reason|why|answer|reference|source|hint)\b", re.IGNORECASE
)
_PICTURE = re.compile(r"^!\[[^\[\]]*\]\([^()]*\)$|^<img\b[^>]*>$", re.IGNORECASE)
DEFINITION = re.compile(r" {0,3}\[[^\[\]^]+\]:[ \t]*<?\S+")


@dataclass
class _Block:
    """Lines below an option that are not indented, and stand together."""

    line: int
    lines: list[str]


@dataclass
class Option:
    """An option as it is written; ``text`` and ``feedback`` are its lines."""

    line: int
    right: bool
    text: list[str]
    feedback: list[str] = field(default_factory=list)
    taken: list[_Block] = field(default_factory=list)  # of the blocks below it, those that are its


def cut(part: Part) -> tuple[list[str], list[Option], list[str]]:
    """The lines above the options, the options, and what follows them.

    Raises RefusedError when a paragraph between the options may belong to one, or to none.
    """
    stem: list[str] = []
    options: list[Option] = []
    blocks: list[_Block] = []  # below the last option
    explaining: list[str] = []  # what stands between options but is no part of one
    fence, margin, apart = "", 0, False
    for number, line in part.body:
        if not fence and DEFINITION.match(line):
            continue
        was_open, fence = bool(fence), after_line(line, fence)
        box = None if was_open else BOX.match(line)
        if box and (not options or indent_of(line) < margin) and not _is_prose_link(line):
            if options:
                explaining += _settle(options[-1], blocks)
            options.append(Option(number, bool(box["mark"]), [box["rest"].strip()]))
            margin, blocks, apart = indent_of(line) + 2, [], False
            opened = after_line(box["rest"].strip(), "")
            fence = opened or fence
        elif not options:
            stem.append(line)
        elif not line.strip() and not was_open:
            apart = True
            (blocks[-1].lines if blocks else options[-1].text).append("")
        elif blocks and (was_open or not _begins_block(line, blocks[-1].lines, fence)):
            blocks[-1].lines.append(line)
        elif was_open or _belongs(line, margin, apart, fence):
            options[-1].text.append(line)
        else:
            blocks.append(_Block(number, [line]))
    _refuse_two_lists(options)
    return stem, options, [*explaining, *_last(options, blocks)]


def _is_prose_link(line: str) -> bool:
    return bool(re.match(r"^\s*(?:[-*+]\s+)?\[[ xX]?\][(\[]", line))


def _belongs(line: str, margin: int, apart: bool, fence: str) -> bool:
    """Whether a line below an option is part of it, by how it stands."""
    if indent_of(line) >= margin:
        return True
    if fence or apart:
        return False
    return not is_links(line.strip()) and not re.match(r"\s*(?:>|#{1,6}\s|-{3}|\*{2}\w)", line)


def _begins_block(line: str, block: Sequence[str], fence: str) -> bool:
    """Whether ``line`` begins another block than the one whose lines are given."""
    return not block[-1].strip() or bool(fence and not after_line(block[0], ""))


def _settle(option: Option, blocks: Sequence[_Block]) -> list[str]:
    """Gives an option what stands between it and the next; returns what explains instead."""
    explaining: list[str] = []
    for block in blocks:
        first = block.lines[0].strip()
        if first.startswith(">"):
            option.feedback += [re.sub(r"^\s*> ?", "", line) for line in block.lines] + [""]
        elif (is_links(first) and not is_picture(first)) or _EXPLAINS.match(first):
            explaining += [*block.lines, ""]
        else:
            option.text += ["", *dedented(block.lines).split("\n")]
            option.taken.append(block)
    return explaining


def _refuse_two_lists(options: Sequence[Option]) -> None:
    """A paragraph below some options alone: theirs, or the text above a second list of options?"""
    apart = [
        [block.line for block in option.taken if not _is_code_or_picture(block)]
        for option in options[:-1]
    ]
    if any(apart) and not all(apart):
        message = "This paragraph stands between two options, and may belong to neither."
        hint = (
            "Indent it by two spaces if it is part of the option above; "
            "give a second list of options a heading of its own."
        )
        raise RefusedError("two-lists", message, hint, next(lines[0] for lines in apart if lines))


def _last(options: Sequence[Option], blocks: Sequence[_Block]) -> list[str]:
    """What follows the options; code or images go to the last one when the others have theirs."""
    most = max((len(option.taken) for option in options[:-1]), default=0)
    own = 0
    while own < min(most, len(blocks)) and _is_code_or_picture(blocks[own]):
        options[-1].text += ["", *dedented(blocks[own].lines).split("\n")]
        own += 1
    return [line for block in blocks[own:] for line in (*block.lines, "")]


def _is_code_or_picture(block: _Block) -> bool:
    return bool(after_line(block.lines[0], "")) or is_picture(block.lines[0].strip())


def is_links(line: str) -> bool:
    """Whether a line holds nothing but links, perhaps with "Source:" before them."""
    return _LINKS.match(line) is not None


def is_picture(line: str) -> bool:
    """Whether a line holds an image and nothing else."""
    return _PICTURE.match(line) is not None


def dedented(lines: Sequence[str]) -> str:
    """Lines with the indentation taken off that all of them have."""
    expanded = [line.expandtabs(4) for line in lines]
    shared = min((indent_of(line) for line in expanded if line.strip()), default=0)
    return "\n".join(line[shared:].rstrip() for line in expanded).strip("\n")
