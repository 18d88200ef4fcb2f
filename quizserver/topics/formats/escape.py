"""Escapes text so that markdown (or XML) shows it as its author meant it.

Plain text is escaped entirely. In the markdown of a bank, only those tags and dollar signs are
escaped that were meant as text."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping

from quizserver.topics.formula_spans import find_formulas
from quizserver.topics.line_kinds import hidden_text
from quizserver.topics.markdown import fold_label, scan_markdown
from quizserver.topics.sanitise import ALLOWED_TAGS, word_set

_ALWAYS = re.compile(r"[\\`*\[\]$]")
_ENTITY = {"<": "&lt;", "&": "&amp;"}
_UNDERSCORE = re.compile(r"_(?![^\W_])|(?<![^\W_])_")  # inside a word it means nothing
_BRACE = re.compile(r"\{(?=:?[ ]*[#.\w])")
_TILDES = re.compile(r"~(?=~)|(?<=~)~")
# Not after a backslash, and not around an address: [words](<a b.png>)
_TAG_OR_BRACKET = re.compile(
    r"(?<!\\)(?<!\]\()(?<!\]: )<"
    r"(?:(?P<close>/?)(?P<name>[A-Za-z][A-Za-z0-9-]*)(?=[\s/>])|[!?](?=\w|\[))"
)
_BRACKET_CHAIN = re.compile(r"(?:(?<![\\\]!])|(?<=\[[ xX]\] ))(?:\[[^\[\]\n]*\][ ]?){2,}(?![(\[:])")
_BRACKETS = re.compile(r"\[(?P<text>[^\[\]\n]*)\]")
_TASK_MARK = re.compile(r"^[ \t]*(?:(?:[-*+]|\d{1,3}[.)])[ \t]*)?$")
_FOOTNOTE_MARK = re.compile(r"(?<![\\\]])\[\^(?P<label>[^\[\]\s]+)\](?!:)")
_NEEDS_NO_END = word_set("br hr img")
_SPACE_BREAK = re.compile(r"(?<=[^\s|]) {2,}(?=\n[ \t]*(?![-*+>#|=\[]|\d+[.)]|`{3}|~{3})\S)")
_BLOCK_START = re.compile(r"^(?:>|#{1,6}(?=\s|$)|([-*_])(?:[ \t]*\1){2,}[ \t]*$)")
_UNWRITABLE_IN_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_LINE_STARTS = (
    (re.compile(r"^([-+])(?=\s|$|[-+])"), r"\\\1"),
    (re.compile(r"^(\d{1,9})([.)])(?=\s|$)"), r"\1\\\2"),
    (re.compile(r"^#"), r"\\#"),
    (re.compile(r"^>"), "&gt;"),
    (re.compile(r"^:(?=\s)"), "&#58;"),
    (re.compile(r"^=(?==*\s*$)"), "&#61;"),
    (re.compile(r"^~(?=~~)"), r"\\~"),
    (re.compile(r"^---"), r"\\---"),
)


def escape_inline(text: str) -> str:
    """Escapes ``text`` for the middle of a line, where no character may mean anything."""
    text = _ALWAYS.sub(r"\\\g<0>", text)
    text = re.sub(r"[<&]", lambda match: _ENTITY[match[0]], text)
    text = _BRACE.sub("&#123;", text)
    text = _TILDES.sub(r"\\~", text)
    return _UNDERSCORE.sub(r"\\_", text)


def escape_line_start(line: str) -> str:
    """Escapes what has a meaning only at the start of a line; ``line`` is escaped otherwise."""
    for pattern, replacement in _LINE_STARTS:
        line = pattern.sub(replacement, line)
    return line


def escape_paragraphs(text: str) -> str:
    """Converts plain text to markdown that keeps its line breaks."""
    blocks = re.split(r"\n[ \t]*\n", text.strip("\n"))
    lines = [
        [escape_line_start(escape_inline(line.strip())) for line in block.split("\n")]
        for block in blocks
    ]
    return "\n\n".join("<br>\n".join(block) for block in lines).strip()


def escape_one_line(text: str) -> str:
    """Converts plain text to markdown on one line, for a heading or a title."""
    line = escape_line_start(escape_inline(" ".join(text.split())))
    return re.sub(r"(?<=\s)(?=#+$)", r"\\", line)  # it would close the heading


def code_span(text: str) -> str:
    """A code span of ``text``, which may contain backticks."""
    inner = " ".join(text.split("\n"))
    if not inner.strip():
        return escape_inline(inner)
    longest = max((len(run) for run in re.findall("`+", inner)), default=0)
    fence = "`" * (longest + 1)
    pad = " " if inner.startswith("`") or inner.endswith("`") else ""
    return f"{fence}{pad}{inner}{pad}{fence}"


def code_block(text: str, language: str = "") -> str:
    """A fenced block of ``text``, with a fence longer than any in it."""
    runs = re.findall("`{3,}", text)
    fence = "`" * max([3, *(len(run) + 1 for run in runs)])
    return f"{fence}{language}\n{text.strip(chr(10))}\n{fence}"


def escape_literal_signs(text: str, labels: Collection[str] = ()) -> str:
    """Escapes the tags, dollar signs and brackets in a bank's markdown that were meant as text.

    A tag that pages are cleaned of (``<head>``, ``List<String>``) would not be shown, and one
    without a partner ("the <b> tag") stands for itself. Dollar signs before words (``$a,$b``) are
    variables and not a formula. Two spaces that break a line within a paragraph become a backslash,
    since editors strip them. Brackets in a row (``[1] [2]``) are a link only if one of the
    ``labels`` (folded) stands in them, and ``[^1]`` is a footnote only then. The number of lines
    does not change, and code is not changed.
    """
    if not re.search(r"[<$]|  \n|\][ ]?\[|\[\^", text):
        return text
    prose = scan_markdown(text, front_matter=False).prose
    replacements: dict[tuple[int, int], str] = {}
    pieces, end = [], 0
    for formula in find_formulas(text, prose):
        if not formula.display and re.match(r"[^\W\d]|\{", text[formula.end : formula.end + 1]):
            replacements[formula.start, formula.start + 1] = "\\$"
        else:
            pieces += [prose[end : formula.start], hidden_text(prose[formula.start : formula.end])]
            end = formula.end
    prose = "".join([*pieces, prose[end:]])
    replacements |= {(start, start + 1): "&lt;" for start in _literal_tag_starts(prose)}
    replacements |= {match.span(): "\\" for match in _SPACE_BREAK.finditer(prose)}
    replacements |= {(start, start): "\\" for start in _literal_bracket_starts(prose, labels)}
    return _replace_spans(text, replacements)


def _replace_spans(text: str, replacements: Mapping[tuple[int, int], str]) -> str:
    pieces, end = [], 0
    for (first, after), replacement in sorted(replacements.items()):
        pieces += [text[end:first], replacement]
        end = after
    return "".join([*pieces, text[end:]])


def _literal_bracket_starts(prose: str, labels: Collection[str]) -> Iterator[int]:
    """The brackets that would begin a link by a label, or a footnote, of which there is none."""
    for match in _FOOTNOTE_MARK.finditer(prose):
        if fold_label(f"^{match['label']}") not in labels:
            yield match.start()
    for chain in _BRACKET_CHAIN.finditer(prose):
        before = prose[prose.rfind("\n", 0, chain.start()) + 1 : chain.start()]
        brackets = list(_BRACKETS.finditer(chain[0]))
        if _TASK_MARK.match(before) and brackets[0]["text"].strip() in ("", "x", "X", "✓", "✔"):
            del brackets[0]
        index = 0
        while index + 1 < len(brackets):
            label = brackets[index + 1]["text"] or brackets[index]["text"]
            if fold_label(label) in labels:
                index += 2
                continue
            if not brackets[index]["text"].startswith("^"):
                yield chain.start() + brackets[index].start()
            index += 1


def _literal_tag_starts(prose: str) -> list[int]:
    tags = list(_TAG_OR_BRACKET.finditer(prose))
    opened = {tag["name"].lower() for tag in tags if tag["name"] and not tag["close"]}
    closed = {tag["name"].lower() for tag in tags if tag["close"]}
    displayed = ALLOWED_TAGS & (_NEEDS_NO_END | (opened & closed))
    return [tag.start() for tag in tags if (tag["name"] or "").lower() not in displayed]


def escape_option_line(line: str) -> str:
    """Escapes a ``>``, ``#`` or ``---`` with which the text of an option begins."""
    if not _BLOCK_START.match(line):
        return line
    return f"&gt;{line[1:]}" if line.startswith(">") else f"\\{line}"


def replace_unwritable(text: str, replacement: str = "\ufffd") -> str:
    """``text`` with the characters replaced that XML cannot contain, not even as references."""
    return _UNWRITABLE_IN_XML.sub(replacement, text)
