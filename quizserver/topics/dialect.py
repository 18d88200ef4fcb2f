"""Makes Python-Markdown read lists and escapes as GitHub does.

Authors write lists as they do everywhere else: straight after a paragraph, and nested by two
spaces. Python-Markdown needs a blank line and four spaces, and takes other items for the paragraph.
"""

from __future__ import annotations

import re
from string import punctuation

from markdown import Extension, Markdown

from quizserver.topics.line_kinds import LineKind, indent_of, is_thematic_break
from quizserver.topics.markdown import MarkdownSlice

_ITEM = re.compile(r"^(?P<indent>[ \t]*)(?P<marker>[-*+]|\d{1,9}[.)])(?P<gap>[ \t]+)(?=\S)")


class GitHubEscapes(Extension):
    """A backslash escapes any of ASCII's signs."""

    def extendMarkdown(self, md: Markdown) -> None:  # noqa: N802 (the library's name)
        md.ESCAPED_CHARS = sorted({*md.ESCAPED_CHARS, *punctuation})


def adapt_lists(content: MarkdownSlice) -> str:
    """Markdown whose lists Python-Markdown reads as GitHub reads those of ``content``."""
    lines = [line.text.expandtabs(4) for line in content.lines]
    if not any(_ITEM.match(line) for line in lines):
        return "\n".join(lines)
    output: list[str] = []
    margins: list[int] = []  # where the content of each open list item begins
    for index, line in enumerate(lines):
        kind = content.lines[index].kind
        width = indent_of(line)
        is_item = kind is LineKind.PROSE and not is_thematic_break(line)
        item = _ITEM.match(line) if is_item else None
        blank_above = index == 0 or not lines[index - 1].strip()
        if not line.strip():
            output.append(line)
        elif item:
            while margins and width < margins[-1]:
                margins.pop()
            if not margins and width > 3:
                output.append(line)
                continue
            if not margins and not blank_above and not _ends_in_list(output):
                output.append("")
            marker = item["marker"].replace(")", ".")
            rest = line[item.end() :]
            output.append(" " * 4 * len(margins) + f"{marker} {rest}")
            margins.append(width + len(item["marker"]) + min(len(item["gap"]), 4))
        elif margins and width >= margins[0]:
            while width < margins[-1]:
                margins.pop()
            output.append(" " * 4 * len(margins) + " " * (width - margins[-1]) + line.lstrip())
        else:
            if blank_above or kind is not LineKind.PROSE:
                margins.clear()
            output.append(line)
    return "\n".join(output)


def _ends_in_list(output: list[str]) -> bool:
    return bool(output and _ITEM.match(output[-1]))
