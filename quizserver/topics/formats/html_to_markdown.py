"""Converts untrusted HTML to markdown: keeps content and structure, drops styling.

What markdown cannot express (a table with merged cells, superscripts) stays HTML, which our
markdown may contain and pages sanitise. Inside of it no markdown is read but formulas between
dollar signs, so images and emphasis stay elements there."""

from __future__ import annotations

import html as entities
import re
from collections.abc import Sequence
from itertools import pairwise

from quizserver.topics.formats.bank_formulas import (
    escape_text_with_formulas,
    formula_of_image,
    join_formula_lines,
    separate_formulas,
    split_formulas,
    write_formula,
)
from quizserver.topics.formats.embedded_images import ImageRelocator
from quizserver.topics.formats.escape import code_block, code_span, escape_inline, escape_line_start
from quizserver.topics.formats.html_tree import BLOCK_TAGS, HtmlNode, parse_untrusted_html
from quizserver.topics.formats.mathml import mathml_to_latex
from quizserver.topics.markdown import SectionName, section_name

_HTML_TAGS = {
    "sub",
    "sup",
    "kbd",
    "mark",
    "ins",
    "small",
    "u",
    "s",
    "q",
    "cite",
    "samp",
    "var",
    "abbr",
}
_EMPHASIS_SIGNS = {"strong": "**", "b": "**", "em": "*", "i": "*", "dfn": "*", "del": "~~"}
_EMPHASIS_SIGNS["strike"] = "~~"
_ELEMENTS = {"strike": "del", "tt": "code"}  # where pages show no element of that name
# Styles with a meaning, and the elements that have it.
_MEANINGFUL_STYLES = (
    (re.compile(r"vertical-align:\s*super"), "sup"),
    (re.compile(r"vertical-align:\s*sub"), "sub"),
    (re.compile(r"font-style:\s*italic"), "em"),
    (re.compile(r"font-weight:\s*(?:bold|[6-9]00)"), "strong"),
    (re.compile(r"text-decoration(?:-line)?:[^;]*underline"), "u"),
    (re.compile(r"text-decoration(?:-line)?:[^;]*line-through"), "del"),
)
_TAGGED_EMPHASIS = re.compile(r"\0(?P<tag>[a-z]+)\0(?P<core>[^\0]*)\0/\0")
_ALIGNMENT_RULES = {"left": ":---", "center": ":---:", "right": "---:"}
_LANGUAGE_CLASS = re.compile(r"(?:^|\s)lang(?:uage)?-([\w+#.-]+)")


def html_to_markdown(html: str, relocate: ImageRelocator, *, sections: bool = False) -> str:
    """Converts untrusted HTML to markdown. Raises UnsupportedQuestionError as the parser does.

    With ``sections`` the heading "References" begins a section of the question. Other headings with
    the name of a section become bold lines, since they would end the part that contains them.
    """
    writer = _MarkdownWriter(relocate, sections)
    return "\n\n".join(writer.convert_blocks(parse_untrusted_html(join_formula_lines(html))))


class _MarkdownWriter:
    def __init__(self, relocate: ImageRelocator, sections: bool) -> None:
        self._relocate = relocate
        self._sections = sections

    def convert_blocks(self, node: HtmlNode) -> list[str]:
        """The markdown blocks of a container; inline content between blocks is a paragraph."""
        blocks: list[str] = []
        loose: list[HtmlNode | str] = []

        def flush_paragraph() -> None:
            line = self._convert_paragraph(loose)
            if line:
                blocks.append(line)
            loose.clear()

        for child in node.children:
            if isinstance(child, HtmlNode) and _contains_block(child):
                flush_paragraph()
                blocks.extend(self._convert_block(child))
            else:
                loose.append(child)
        flush_paragraph()
        return blocks

    def _convert_paragraph(self, children: Sequence[HtmlNode | str]) -> str:
        line = separate_formulas(self._convert_inline(children))
        line = re.sub(r"[ \t\n]+", " ", line).strip()
        line = re.sub(r"(?:\s*<br>)+$|^(?:<br>\s*)+", "", line).strip()
        while _TAGGED_EMPHASIS.search(line):  # from the inside out
            line = _TAGGED_EMPHASIS.sub(_write_emphasis, line)
        return escape_line_start(line)

    def _convert_block(self, node: HtmlNode) -> list[str]:
        tag = node.tag
        if tag == "pre":
            return [_convert_code(node)]
        if tag == "hr":
            return ["* * *"]
        if re.fullmatch("h[1-6]", tag):
            return self._convert_heading(node, int(tag[1]))
        if tag in ("ul", "ol"):
            return [self._convert_list(node)]
        if tag == "blockquote":
            inner = "\n\n".join(self.convert_blocks(node)).split("\n")
            return ["\n".join(f"> {line}".rstrip() for line in inner)] if any(inner) else []
        if _is_plain_table(node):
            return [self._convert_table(node)]
        if tag in ("table", "details", "dl"):
            return [self._raw_html(node).replace("\n", " ").strip()]
        return self.convert_blocks(node)

    def _convert_heading(self, node: HtmlNode, level: int) -> list[str]:
        line = self._convert_paragraph(node.children).replace("<br>", " ")
        if not line:
            return []
        name = section_name(node.text_content())
        if name is None:
            return [f"{'#' * max(3, level)} {line}"]
        if self._sections and name is SectionName.REFERENCES:
            return ["## References"]
        return [f"**{' '.join(escape_inline(node.text_content()).split())}**"]

    def _convert_list(self, node: HtmlNode) -> str:
        ordered = node.tag == "ol"
        first = node.attributes.get("start", "1")
        number = int(first) if re.fullmatch(r"\d{1,4}", first) else 1
        items: list[str] = []
        for child in node.children:
            if isinstance(child, str) and not child.strip():
                continue
            inner = (
                child
                if isinstance(child, HtmlNode) and child.tag == "li"
                else HtmlNode("", {}, [child])
            )
            marker = f"{number}. " if ordered else "- "
            number += 1
            blocks = self.convert_blocks(inner)
            text = blocks[0] if blocks else ""
            for before, block in pairwise(blocks):
                # A list after a blank line would swallow the items that follow it.
                is_tight = re.match(r"- |\d+\. ", block) and not before.endswith(("```", "|"))
                text += ("\n" if is_tight else "\n\n") + block
            lines = text.split("\n")
            rest = [f"    {line}" if line else "" for line in lines[1:]]
            items.append("\n".join([marker + lines[0], *rest]).rstrip())
        return "\n".join(items)

    def _convert_table(self, node: HtmlNode) -> str:
        rows = [
            [self._convert_paragraph(c.children) for c in _row_cells(row)]
            for row in _table_rows(node)
        ]
        alignments = [
            _ALIGNMENT_RULES.get(c.attributes.get("align", ""), "---")
            for c in _row_cells(_table_rows(node)[0])
        ]
        rows.insert(1, alignments)
        return "\n".join(f"| {' | '.join(cells)} |" for cells in rows)

    def _convert_inline(self, children: Sequence[HtmlNode | str]) -> str:
        return "".join(
            escape_text_with_formulas(child)
            if isinstance(child, str)
            else self._convert_element(child)
            for child in children
        )

    def _convert_element(self, node: HtmlNode) -> str:
        tag = node.tag
        if tag == "br":
            return "<br> "
        if tag == "img":
            return self._convert_image(node)
        if tag == "math":
            return _convert_math(node)
        if tag in ("code", "pre", "tt"):
            return code_span(node.text_content())
        inner = self._convert_inline(node.children)
        if tag == "span":
            return _write_style(inner, node.attributes.get("style", ""))
        if tag == "a":
            return self._convert_link(node, inner)
        if tag in _EMPHASIS_SIGNS:
            return _tag_emphasis(tag, inner)
        return f"<{tag}>{inner}</{tag}>" if tag in _HTML_TAGS and inner.strip() else inner

    def _convert_image(self, node: HtmlNode) -> str:
        latex = formula_of_image(node)
        if latex:
            return write_formula(latex)
        path = self._relocate(node.attributes.get("src", ""))
        if path is None:
            return ""
        if "alt" not in node.attributes or node.attributes["alt"].strip():
            alt = " ".join(escape_inline(node.attributes.get("alt", "")).split())
            return f"![{alt}]({_escape_address(path)})"
        return f'<img src="{entities.escape(path)}" alt="">'  # decoration, not described

    def _convert_link(self, node: HtmlNode, inner: str) -> str:
        href = node.attributes.get("href", "").strip()
        if not href or href.startswith("#") or not inner.strip():
            return inner
        return f"[{inner.strip()}]({_escape_address(href)})"

    def _raw_html(self, node: HtmlNode, *, code: bool = False) -> str:
        """An element as HTML on one line, its formulas as LaTeX between dollar signs.

        In ``code`` a newline is kept as a reference, and a dollar sign begins no formula.
        """
        if node.tag == "math":
            return _raw_formula(_convert_math(node))
        if node.tag == "img":
            return self._raw_image(node)
        if node.tag in ("br", "hr", "col"):
            return f"<{node.tag}>"
        code = code or node.tag in ("pre", "code", "samp", "kbd")
        inner_html = "".join(
            _raw_child_text(child, code=code)
            if isinstance(child, str)
            else self._raw_html(child, code=code)
            for child in node.children
        )
        inner_html = separate_formulas(inner_html)
        attributes = [
            f' {name}="{entities.escape(value)}"'
            for name, value in node.attributes.items()
            if name not in ("class", "style")
        ]
        for pattern, tag in _MEANINGFUL_STYLES if node.tag == "span" else ():
            if pattern.search(node.attributes.get("style", "").lower()):
                inner_html = f"<{tag}>{inner_html}</{tag}>"
        if node.tag == "span" and not attributes:
            return inner_html
        tag = _ELEMENTS.get(node.tag, node.tag)
        return f"<{tag}{''.join(attributes)}>{inner_html}</{tag}>"

    def _raw_image(self, node: HtmlNode) -> str:
        latex = formula_of_image(node)
        if latex:
            return _raw_formula(write_formula(latex))
        path = self._relocate(node.attributes.get("src", ""))
        if path is None:
            return ""
        alt = node.attributes.get("alt")
        alt_attribute = "" if alt is None else f' alt="{entities.escape(" ".join(alt.split()))}"'
        return f'<img src="{entities.escape(_escape_address(path))}"{alt_attribute}>'


def _convert_math(node: HtmlNode) -> str:
    latex = mathml_to_latex(node)
    return write_formula(latex, display=node.attributes.get("display") == "block") if latex else ""


def _raw_text(text: str) -> str:
    return entities.escape(text, quote=False)


def _raw_formula(formula: str) -> str:
    """A formula inside raw HTML, where it is read before any reference such as ``&lt;``."""
    return formula.replace("<", "\\lt ").replace(">", "\\gt ")


def _raw_child_text(text: str, *, code: bool) -> str:
    """A text inside raw HTML, where a backslash escapes nothing."""
    if code:
        return _raw_text(text).replace("$", "&#36;").replace("\n", "&#10;")
    return "".join(
        _raw_text(plain).replace("$", "&#36;") + _raw_formula(formula)
        for plain, formula in split_formulas(text)
    )


def _write_style(inner: str, style: str) -> str:
    """The content of a span inside the elements that mean what its style shows."""
    for pattern, tag in _MEANINGFUL_STYLES if inner.strip() else ():
        if pattern.search(style.lower()):
            is_sign = tag in _EMPHASIS_SIGNS
            inner = _tag_emphasis(tag, inner) if is_sign else f"<{tag}>{inner}</{tag}>"
    return inner


def _tag_emphasis(tag: str, inner: str) -> str:
    """Marks emphasis with NUL characters until what stands beside it is known."""
    core = inner.strip()
    if not core:
        return inner
    lead = inner[: len(inner) - len(inner.lstrip())]
    tail = inner[len(inner.rstrip()) :]
    return f"{lead}\0{tag}\0{core}\0/\0{tail}"


def _write_emphasis(match: re.Match[str]) -> str:
    """Markdown's signs where they are certainly parsed as emphasis, else the HTML element."""
    tag, core = match["tag"], match["core"]
    before = match.string[match.start() - 1 : match.start()]
    after = match.string[match.end() : match.end() + 1]
    is_separate = not re.match(r"[\w*~\0]", before) and not re.match(r"[\w*~\0]", after)
    if is_separate and re.fullmatch(r"\w|[\w(][^*_~<>\\`\0]*[\w).?!]", core):
        return f"{_EMPHASIS_SIGNS[tag]}{core}{_EMPHASIS_SIGNS[tag]}"
    return f"<{_ELEMENTS.get(tag, tag)}>{core}</{_ELEMENTS.get(tag, tag)}>"


def _convert_code(node: HtmlNode) -> str:
    inner = next((c for c in node.children if isinstance(c, HtmlNode) and c.tag == "code"), node)
    classes = f"{inner.attributes.get('class', '')} {node.attributes.get('class', '')}"
    language = _LANGUAGE_CLASS.search(classes)
    return code_block(node.text_content().expandtabs(4), language[1] if language else "")


def _escape_address(url: str) -> str:
    return url.replace(" ", "%20").replace("(", "%28").replace(")", "%29").replace("\\", "%5C")


def _contains_block(node: HtmlNode) -> bool:
    """Whether an element is a block, or contains one."""
    if node.tag in BLOCK_TAGS:
        return True
    return any(isinstance(child, HtmlNode) and _contains_block(child) for child in node.children)


def _table_rows(node: HtmlNode) -> list[HtmlNode]:
    """The rows of a table, including those of its sections."""
    rows: list[HtmlNode] = []
    for child in node.children:
        if isinstance(child, HtmlNode):
            rows.extend([child] if child.tag == "tr" else _table_rows(child))
    return rows


def _row_cells(row: HtmlNode) -> list[HtmlNode]:
    """The cells of a row."""
    return [child for child in row.children if isinstance(child, HtmlNode)]


def _is_plain_table(node: HtmlNode) -> bool:
    """Whether a table has a header row, equally many cells in each row, and no blocks in them."""
    rows = [_row_cells(row) for row in _table_rows(node)] if node.tag == "table" else []
    if not rows or not rows[0] or any(len(row) != len(rows[0]) for row in rows):
        return False
    cells = [cell for row in rows for cell in row]
    return all(cell.tag == "th" for cell in rows[0]) and not any(
        cell.attributes.keys() - {"align"}
        or "|" in cell.text_content()
        or any(isinstance(c, HtmlNode) and _contains_block(c) for c in cell.children)
        for cell in cells
    )
