"""What of a markdown text can be seen: white space counts in code, and nowhere else."""

from __future__ import annotations

import re

from quizserver.topics.line_kinds import CODE_KINDS, HIDDEN_CHARACTER
from quizserver.topics.markdown import MarkdownSlice, scan_fragment

# Without any of these, no code of the text holds white space that single spaces would not show.
_WHITE_SPACE_IN_CODE = re.compile(r"`{3}|~{3}|^(?: {4}|[ ]*\t)|`(?s:.*)[ \t]{2}", re.MULTILINE)
_RUNS = re.compile(rf"{HIDDEN_CHARACTER}+|[^{HIDDEN_CHARACTER}]+")


def significant_text(content: str | MarkdownSlice) -> str:
    """The text with single spaces outside of code, for comparing texts as a reader sees them."""
    if isinstance(content, str) and not _WHITE_SPACE_IN_CODE.search(content):
        return " ".join(content.split())
    lines = scan_fragment(content) if isinstance(content, str) else content
    if not lines.lines:
        return ""
    code_texts: list[str] = []
    pieces: list[str] = []

    def add_code(text: str) -> None:
        pieces.append(f"\0{len(code_texts)}\0")
        code_texts.append(text)

    for line, prose in zip(lines.lines, lines.prose.split("\n"), strict=True):
        if line.kind in CODE_KINDS:
            add_code(f"{line.text.rstrip()}\n")
            continue
        position = 0
        for run in _RUNS.findall(prose):
            text = line.text[position : position + len(run)]
            position += len(run)
            if run[0] == HIDDEN_CHARACTER:
                add_code(text)
            else:
                pieces.append(text)
        pieces.append("\n")
    collapsed = " ".join("".join(pieces).split())
    return re.sub("\0(\\d+)\0", lambda match: code_texts[int(match[1])], collapsed)
