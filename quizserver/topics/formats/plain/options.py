"""Splits a question of a plain bank into stem, options and the lines that follow."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from quizserver.topics.formats.model import UnsupportedQuestionError
from quizserver.topics.formats.plain.split import TASK_BOX, BankSection, fence_after
from quizserver.topics.line_kinds import indent_of

REFERENCE_WORD = (
    r"(?:references?|refs?|sources?|docs?|documentation|links?|read more|see|more info|explanation|"
    r"r[eé]f[eé]ren[cz]\w*|riferiment\w*|fuentes?|quellen?|fonti?|nguồn|tham khảo|参考|来源|"
    r"источник\w*|посилання)"
)
LIST_MARKER = r"(?:[-*+]|\d{1,2}[.)])[ \t]+"
_LINK_LINE = re.compile(
    rf"^(?:{LIST_MARKER})?[*_(]*(?:{REFERENCE_WORD}[^\n\[\]]{{0,40}}?[:\-–]?[*_]*[ \t]*)?[*_]*"
    rf"(?:!?\[[^\[\]]*\]\([^()\s]*(?:\([^()\s]*\)[^()\s]*)*\)|<?https?://\S+?>?)[)*_.,;]*"
    rf"(?:[ \t,;|&]+(?:and[ \t]+)?(?:\[[^\[\]]*\]\([^()\s]*\)|<?https?://\S+>?)[)*_.,;]*)*$",
    re.IGNORECASE,
)
_EXPLANATION_START = re.compile(
    r"^[*_>\s]*(?:explanation|note|reason|why|answer|reference|source|hint)\b", re.IGNORECASE
)
_IMAGE_LINE = re.compile(r"^!\[[^\[\]]*\]\([^()]*\)$|^<img\b[^>]*>$", re.IGNORECASE)
LINK_DEFINITION = re.compile(r" {0,3}\[[^\[\]^]+\]:[ \t]*<?\S+")


@dataclass
class _LooseBlock:
    """Consecutive lines below an option that are not indented."""

    line: int
    lines: list[str]


@dataclass
class PlainOption:
    """An option as written. ``own_blocks`` are those blocks below it that belong to it."""

    line: int
    right: bool
    text: list[str]
    feedback: list[str] = field(default_factory=list)
    own_blocks: list[_LooseBlock] = field(default_factory=list)


def split_question(section: BankSection) -> tuple[list[str], list[PlainOption], list[str]]:
    """The lines above the options, the options, and the lines that follow them.

    Raises UnsupportedQuestionError when a paragraph between two options may belong to neither.
    """
    stem: list[str] = []
    options: list[PlainOption] = []
    blocks: list[_LooseBlock] = []  # below the last option
    explanation: list[str] = []  # lines between options that belong to none
    fence, margin, after_blank = "", 0, False
    for number, line in section.body:
        if not fence and LINK_DEFINITION.match(line):
            continue
        was_open, fence = bool(fence), fence_after(line, fence)
        box = None if was_open else TASK_BOX.match(line)
        if box and (not options or indent_of(line) < margin) and not _is_prose_link(line):
            if options:
                explanation += _assign_blocks(options[-1], blocks)
            options.append(PlainOption(number, bool(box["tick"]), [box["rest"].strip()]))
            margin, blocks, after_blank = indent_of(line) + 2, [], False
            opened_fence = fence_after(box["rest"].strip(), "")
            fence = opened_fence or fence
        elif not options:
            stem.append(line)
        elif not line.strip() and not was_open:
            after_blank = True
            (blocks[-1].lines if blocks else options[-1].text).append("")
        elif blocks and (was_open or not _begins_block(line, blocks[-1].lines, fence)):
            blocks[-1].lines.append(line)
        elif was_open or _continues_option(line, margin, after_blank, fence):
            options[-1].text.append(line)
        else:
            blocks.append(_LooseBlock(number, [line]))
    _refuse_two_lists(options)
    return stem, options, [*explanation, *_trailing_lines(options, blocks)]


def _is_prose_link(line: str) -> bool:
    return bool(re.match(r"^\s*(?:[-*+]\s+)?\[[ xX]?\][(\[]", line))


def _continues_option(line: str, margin: int, after_blank: bool, fence: str) -> bool:
    """Whether a line below an option is part of it, by its indentation."""
    if indent_of(line) >= margin:
        return True
    if fence or after_blank:
        return False
    return not is_link_line(line.strip()) and not re.match(r"\s*(?:>|#{1,6}\s|-{3}|\*{2}\w)", line)


def _begins_block(line: str, block: Sequence[str], fence: str) -> bool:
    """Whether ``line`` begins another block than ``block``."""
    return not block[-1].strip() or bool(fence and not fence_after(block[0], ""))


def _assign_blocks(option: PlainOption, blocks: Sequence[_LooseBlock]) -> list[str]:
    """Adds the blocks below an option to it; returns the lines that explain the question."""
    explanation: list[str] = []
    for block in blocks:
        first = block.lines[0].strip()
        if first.startswith(">"):
            option.feedback += [re.sub(r"^\s*> ?", "", line) for line in block.lines] + [""]
        elif (is_link_line(first) and not is_image_line(first)) or _EXPLANATION_START.match(first):
            explanation += [*block.lines, ""]
        else:
            option.text += ["", *dedent_lines(block.lines).split("\n")]
            option.own_blocks.append(block)
    return explanation


def _refuse_two_lists(options: Sequence[PlainOption]) -> None:
    """Raises UnsupportedQuestionError when only some options have a paragraph below them.

    It may be part of an option, or the text above a second list of options.
    """
    paragraph_lines = [
        [block.line for block in option.own_blocks if not _is_code_or_image(block)]
        for option in options[:-1]
    ]
    if any(paragraph_lines) and not all(paragraph_lines):
        message = "This paragraph stands between two options, and may belong to neither."
        hint = (
            "Indent it by two spaces if it is part of the option above; "
            "give a second list of options a heading of its own."
        )
        raise UnsupportedQuestionError(
            "two-lists", message, hint, next(lines[0] for lines in paragraph_lines if lines)
        )


def _trailing_lines(options: Sequence[PlainOption], blocks: Sequence[_LooseBlock]) -> list[str]:
    """The lines after the options.

    Code and images belong to the last option as far as other options have such blocks too.
    """
    most_blocks = max((len(option.own_blocks) for option in options[:-1]), default=0)
    own_count = 0
    while own_count < min(most_blocks, len(blocks)) and _is_code_or_image(blocks[own_count]):
        options[-1].text += ["", *dedent_lines(blocks[own_count].lines).split("\n")]
        own_count += 1
    return [line for block in blocks[own_count:] for line in (*block.lines, "")]


def _is_code_or_image(block: _LooseBlock) -> bool:
    return bool(fence_after(block.lines[0], "")) or is_image_line(block.lines[0].strip())


def is_link_line(line: str) -> bool:
    """Whether a line contains only links, perhaps with "Source:" before them."""
    return _LINK_LINE.match(line) is not None


def is_image_line(line: str) -> bool:
    """Whether a line contains only an image."""
    return _IMAGE_LINE.match(line) is not None


def dedent_lines(lines: Sequence[str]) -> str:
    """Joins lines without the indentation that all of them have."""
    expanded = [line.expandtabs(4) for line in lines]
    shared_indent = min((indent_of(line) for line in expanded if line.strip()), default=0)
    return "\n".join(line[shared_indent:].rstrip() for line in expanded).strip("\n")
