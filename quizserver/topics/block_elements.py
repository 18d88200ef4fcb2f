"""The blocks of a text as elements for Python-Markdown, in place of its own parser of blocks.

Python-Markdown does what follows: everything inside the lines, footnotes, headings' ids, the HTML.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from xml.etree.ElementTree import Element, SubElement

from markdown import Extension, Markdown
from markdown.blockparser import BlockParser
from markdown.extensions.footnotes import FootnoteExtension
from markdown.postprocessors import RawHtmlPostprocessor
from markdown.util import AtomicString, code_escape
from pymdownx.highlight import Highlight

from quizserver.topics.blocks import (
    Block,
    BlockKind,
    parse_blocks,
    table_cells,
    take_definitions,
)
from quizserver.topics.inline_patterns import decode_entities
from quizserver.topics.markdown import fold_label

_NOTE = re.compile(r"\[!(?P<kind>note|tip|important|warning|caution)\][ \t]*$", re.IGNORECASE)
_TASK = re.compile(r"\[(?P<sign>[ xX])\][ \t]+(?=\S)")
_LANGUAGE = re.compile(r"\{?[ \t]*\.?(?P<language>[^\s{}=]+)(?=[\s}]|$)")
_HIGHLIGHTED = re.compile(r"\bhl_lines=[\"'](?P<lines>[\d\s-]{1,200})[\"']")
_MOST_HIGHLIGHTED = 1000
_ESCAPED = re.compile(r"\\([!-/:-@\[-`{-~])")


class GitHubBlocks(Extension):
    """Reads blocks as GitHub does."""

    def extendMarkdown(self, md: Markdown) -> None:  # noqa: N802 (the library's name)
        parser = _TreeParser(md)
        parser.blockprocessors = md.parser.blockprocessors  # for extensions that register theirs
        md.parser = parser
        md.preprocessors.deregister("html_block")
        md.postprocessors.register(_RawHtml(md), "raw_html", 30)


class _RawBlock(str):
    """A block of HTML, which is no paragraph, whatever it begins with."""


class _FootnoteText(str):
    """What the extension keeps of a footnote and gives back: its blocks."""

    block: Block

    def __new__(cls, block: Block) -> _FootnoteText:
        text = super().__new__(cls, "footnote")
        text.block = block
        return text


class _RawHtml(RawHtmlPostprocessor):
    def isblocklevel(self, html: str) -> bool:
        return isinstance(html, _RawBlock) or super().isblocklevel(html)

    def stash_to_string(self, text: str) -> str:
        return text if isinstance(text, _RawBlock) else str(text)


class _Document:
    """What Python-Markdown asks for the root of the tree."""

    def __init__(self, root: Element) -> None:
        self._root = root

    def getroot(self) -> Element:
        return self._root


class _TreeParser(BlockParser):
    """Makes elements of blocks."""

    def __init__(self, md: Markdown) -> None:
        super().__init__(md)
        self._highlight = Highlight(md, stripnl=False)

    def parseDocument(self, lines: Sequence[str]) -> _Document:  # type: ignore[override]  # noqa: N802
        """The tree of a text. Python-Markdown calls this and ``parseChunk``."""
        self.root = Element(self.md.doc_tag)
        self._add_children(self.root, parse_blocks(lines))
        return _Document(self.root)

    def parseChunk(self, parent: Element, text: str) -> None:  # noqa: N802
        """Adds the blocks of a text, or those of a footnote, to ``parent``."""
        if isinstance(text, _FootnoteText):
            self._add_children(parent, text.block)
        else:
            self._add_children(parent, parse_blocks(text.split("\n")))

    def _add_children(self, parent: Element, block: Block) -> None:
        for child in block.children:
            self._add_block(parent, child)

    def _add_block(self, parent: Element, block: Block) -> None:
        kind = block.kind
        if kind is BlockKind.PARAGRAPH:
            self._add_paragraph(parent, block)
        elif kind is BlockKind.HEADING:
            for definition in take_definitions(block):
                self._define(definition.label, definition.url, definition.title)
            heading = SubElement(parent, f"h{block.level}")
            heading.text = "\n".join(line.strip() for line in block.lines)
        elif kind is BlockKind.RULE:
            SubElement(parent, "hr")
        elif kind is BlockKind.QUOTE:
            self._add_quote(parent, block)
        elif kind is BlockKind.LIST:
            self._add_list(parent, block)
        elif kind is BlockKind.FENCED_CODE:
            self._add_raw(parent, self._highlighted_code(block))
        elif kind is BlockKind.INDENTED_CODE:
            code = SubElement(SubElement(parent, "pre"), "code")
            text = "\n".join(block.lines).strip("\n") if block.lines else ""
            code.text = AtomicString(code_escape(f"{text}\n"))
        elif kind is BlockKind.HTML:
            if block.lines:
                self._add_raw(parent, _RawBlock("\n".join(block.lines)))
        elif kind is BlockKind.TABLE:
            _add_table(parent, block.lines)
        elif kind is BlockKind.FOOTNOTE:
            self._add_footnote(block)

    def _add_raw(self, parent: Element, raw: str) -> None:
        SubElement(parent, "p").text = AtomicString(self.md.htmlStash.store(raw))

    def _add_paragraph(self, parent: Element, block: Block) -> None:
        for definition in take_definitions(block):
            self._define(definition.label, definition.url, definition.title)
        text = "\n".join(block.lines).rstrip()
        if text:
            SubElement(parent, "p").text = text

    def _define(self, label: str, url: str, title: str) -> None:
        address, words = (_ESCAPED.sub(r"\1", decode_entities(text)) for text in (url, title))
        self.md.references.setdefault(fold_label(label), (address, words))

    def _add_quote(self, parent: Element, block: Block) -> None:
        first = block.children[0] if block.children else None
        is_text = first is not None and first.kind is BlockKind.PARAGRAPH
        note = _NOTE.match(first.lines[0]) if first is not None and is_text else None
        if note is None or first is None or (len(block.children) == 1 and len(first.lines) == 1):
            self._add_children(SubElement(parent, "blockquote"), block)
            return
        kind = note["kind"].lower()
        element = SubElement(parent, "div", {"class": f"note-box note-{kind}"})
        title = SubElement(element, "p", {"class": "note-title"})
        title.text = AtomicString(kind.capitalize())
        del first.lines[0]
        self._add_children(element, block)

    def _add_list(self, parent: Element, block: Block) -> None:
        element = SubElement(parent, "ul" if block.start is None else "ol")
        if block.start not in (None, 1):
            element.set("start", str(block.start))
        is_loose = block.is_loose
        for item in block.children:
            self._add_item(element, item, is_loose=is_loose)

    def _add_item(self, parent: Element, block: Block, *, is_loose: bool) -> None:
        item = SubElement(parent, "li")
        self._add_children(item, block)
        first = item[0] if len(item) else None
        task = _TASK.match(first.text or "") if first is not None and first.tag == "p" else None
        if task and first is not None and not isinstance(first.text, AtomicString):
            box = Element("input", {"type": "checkbox", "disabled": ""})
            if task["sign"] != " ":
                box.set("checked", "")
            box.tail = f" {(first.text or '')[task.end() :]}"
            first.text = ""
            first.insert(0, box)
            item.set("class", "task-item")
        if not is_loose:
            _unwrap_paragraphs(item)

    def _highlighted_code(self, block: Block) -> str:
        language = _LANGUAGE.match(block.info)
        if not block.lines:
            return "<pre><code></code></pre>"
        marked = _HIGHLIGHTED.search(block.info)
        highlighted: str = self._highlight.highlight(
            "\n".join(block.lines) + "\n",
            language["language"] if language else "",
            "highlight",
            hl_lines=_line_numbers(marked["lines"]) if marked else None,
        )
        return highlighted

    def _add_footnote(self, block: Block) -> None:
        footnotes = next(
            e for e in self.md.registeredExtensions if isinstance(e, FootnoteExtension)
        )
        footnotes.setFootnote(block.info, _FootnoteText(block))


def _line_numbers(text: str) -> list[int]:
    """The numbers in a text such as ``1 4-6``."""
    numbers: list[int] = []
    for first, last in re.findall(r"(\d{1,5})(?:-(\d{1,5}))?", text):
        numbers += range(int(first), min(int(last or first), int(first) + _MOST_HIGHLIGHTED) + 1)
    return numbers


def _unwrap_paragraphs(item: Element) -> None:
    """Puts the text of an item's paragraphs into the item itself, as a list without gaps has it."""
    children = list(item)
    for child in children:
        item.remove(child)
    last: Element | None = None
    for child in children:
        is_text = child.tag == "p" and not isinstance(child.text, AtomicString)
        # The highlighter clears an indented block of code, with the text that would follow in it.
        is_text = is_text and (last is None or last.tag != "pre")
        if not is_text:
            item.append(child)
            last = child
            continue
        if last is None:
            item.text = (item.text or "") + (child.text or "")
        else:
            last.tail = (last.tail or "") + (child.text or "")
        for inner in list(child):
            item.append(inner)
            last = inner


def _add_table(parent: Element, lines: Sequence[str]) -> None:
    head, rule, *rows = lines
    alignments = [_alignment(cell) for cell in table_cells(rule)]
    table = SubElement(parent, "table")
    _add_row(SubElement(table, "thead"), "th", head, alignments)
    if rows:
        body = SubElement(table, "tbody")
        for row in rows:
            _add_row(body, "td", row, alignments)


def _alignment(cell: str) -> str:
    sides = (cell.startswith(":"), cell.endswith(":"))
    return {(True, True): "center", (True, False): "left", (False, True): "right"}.get(sides, "")


def _add_row(parent: Element, tag: str, row: str, alignments: Sequence[str]) -> None:
    element = SubElement(parent, "tr")
    cells = table_cells(row)
    for index, alignment in enumerate(alignments):
        cell = SubElement(element, tag)
        cell.text = cells[index] if index < len(cells) else ""
        if alignment:
            cell.set("align", alignment)
