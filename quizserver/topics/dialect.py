"""Where Python-Markdown reads a text otherwise than GitHub does, and what makes it read alike.

Authors write lists as they do everywhere else: straight after a paragraph, and nested by two
spaces. Python-Markdown wants a blank line and four spaces, and gives them to a paragraph otherwise.
"""

from __future__ import annotations

import re
from string import punctuation

from markdown import Extension, Markdown
from markdown.preprocessors import Preprocessor

from quizserver.topics.markdown import LineKind, indent_of, is_thematic_break, scan_markdown

_ITEM = re.compile(r"^(?P<indent>[ \t]*)(?P<marker>[-*+]|\d{1,9}[.)])(?P<gap>[ \t]+)(?=\S)")


class GitHubDialect(Extension):
    """Lists as GitHub reads them, and a backslash before any of ASCII's signs."""

    def extendMarkdown(self, md: Markdown) -> None:  # noqa: N802 (the library's name)
        md.ESCAPED_CHARS = sorted({*md.ESCAPED_CHARS, *punctuation})
        # After the white space is normalised (30), before code and raw HTML are taken out (25).
        md.preprocessors.register(_ListPreprocessor(md), "github-lists", 28)


class _ListPreprocessor(Preprocessor):
    def run(self, lines: list[str]) -> list[str]:
        if not any(_ITEM.match(line) for line in lines):
            return lines
        kinds = scan_markdown("\n".join(lines), front_matter=False).kinds
        output: list[str] = []
        margins: list[int] = []  # where the content of each open list item begins
        for index, (line, kind) in enumerate(zip(lines, kinds, strict=True)):
            width = indent_of(line)
            item = (
                _ITEM.match(line)
                if kind is LineKind.PROSE and not is_thematic_break(line)
                else None
            )
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
        return output


def _ends_in_list(output: list[str]) -> bool:
    return bool(output and _ITEM.match(output[-1]))
