"""What stands inside the lines of a text: links, images, formulas, footnotes and raw HTML."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from quizserver.topics.formula_spans import Formula, find_formulas
from quizserver.topics.formulas import FormulaError, to_mathml
from quizserver.topics.html_tags import TagFate, UnkeptTag, find_kept_tags, find_unkept_tags
from quizserver.topics.line_kinds import hidden_text
from quizserver.topics.markdown import LabelDefinition, MarkdownSource, fold_label
from quizserver.topics.model import Diagnostic

_TARGET = re.compile(
    r"\]\([ \t]*(?:<(?P<angle>[^<>\n]*)>|(?P<bare>[^\s()<>]*(?:\([^\s()]*\)[^\s()<>]*)*))"
    r"(?:\s+(?:\"[^\"]*\"|'[^']*'))?[ \t]*\)"
)
# A quotation mark may begin the title of a link: beside a second one, or a bracket, it does.
_QUOTED = re.compile(r"\]\([ \t]*(?P<address>[^\s<'\")]*['\"][^\s()'\"]*[('\"])")
_RAW_LINK = re.compile(
    r"<(?P<tag>a|img)\b(?P<attributes>(?:[^<>\"']|\"[^\"]*\"|'[^']*')*)>", re.IGNORECASE
)
_ATTRIBUTE = re.compile(
    r"\b(?P<name>href|src|alt)\s*=\s*(?:\"(?P<a>[^\"]*)\"|'(?P<b>[^']*)'|(?P<c>[^\s\"'>]+))",
    re.IGNORECASE,
)
_BY_LABEL = re.compile(r"(?P<image>!?)\[(?P<text>[^\[\]]*)\] ?\[(?P<label>[^\[\]^]*)\]")
_FOOTNOTE_MARK = re.compile(r"\[\^(?P<label>[^\]\s]+)\]")
# The box of an option is no part of a link, though brackets may follow it: "- [x] [1, 2]".
_OPTION_BOX = re.compile(
    r"^(?P<lead>[ \t]*(?:[-*+]|\d{1,9}[.)])[ \t]+)(?P<box>\[[ xX]?\])(?=\s)", re.MULTILINE
)
_SHORTCUT = re.compile(r"\[(?P<label>[^\[\]]+)\]")
_EMPTY_ALT = re.compile(r"!\[[ \t]*\](?=[(\[])")
_BLANK_LINES = re.compile(r"\n(?:[ \t]*\n)+")
_BRACKET = re.compile(r"[\[\]]")


@dataclass(frozen=True, slots=True)
class Link:
    """A link ("href") or an image ("src") and where its address stands."""

    attribute: str
    url: str
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class InlineMarkup:
    """The formulas and links of a text, and its prose without the formulas."""

    source: MarkdownSource
    formulas: tuple[Formula, ...]
    links: tuple[Link, ...]
    searchable: str  # as long as the text; also without boxes and escaped signs


def parse_inline_markup(source: MarkdownSource) -> InlineMarkup:
    """What stands inside the lines of a scanned text."""
    formulas = tuple(find_formulas(source.text, source.prose))
    searchable = _hide_formulas(source.prose, formulas)
    return InlineMarkup(source, formulas, tuple(_find_links(source, searchable)), searchable)


def _hide_formulas(prose: str, formulas: Sequence[Formula]) -> str:
    parts, end = [], 0
    for formula in formulas:
        parts += [prose[end : formula.start], hidden_text(prose[formula.start : formula.end])]
        end = formula.end
    prose = "".join([*parts, prose[end:]])
    prose = _OPTION_BOX.sub(lambda match: match["lead"] + hidden_text(match["box"]), prose)
    return re.sub(r"\\[\[\]()!<>]", hidden_text("xx"), prose)


def _find_links(source: MarkdownSource, prose: str) -> Iterator[Link]:
    """Every link and image of a text that has an address."""
    openings = _matching_brackets(prose)
    for match in _find_in_paragraphs(_TARGET, prose):
        opening = openings.get(match.start())
        if opening is None:
            continue
        name = "src" if prose[opening - 1 : opening] == "!" else "href"
        group = "angle" if match["angle"] is not None else "bare"
        yield Link(name, match[group], *source.position_at(match.start(group)))
    for name, value, start in _raw_html_attributes(prose):
        if name != "alt":
            yield Link(name, value, *source.position_at(start))
    images = {
        fold_label(label_match["label"] or label_match["text"])
        for label_match in _find_in_paragraphs(_BY_LABEL, prose)
        if label_match["image"]
    }
    for definition in source.definitions:
        if definition.url is not None:
            name = "src" if definition.label in images else "href"
            yield Link(name, definition.url, definition.line, definition.url_column)


def _find_in_paragraphs(pattern: re.Pattern[str], prose: str) -> Iterator[re.Match[str]]:
    """The matches that lie in one paragraph.

    What begins in a paragraph ends there; searched for in the whole text, the end of each one that
    has none would take time that grows with the square of the text.
    """
    start = 0
    for blank in _BLANK_LINES.finditer(prose):
        yield from pattern.finditer(prose, start, blank.start())
        start = blank.end()
    yield from pattern.finditer(prose, start)


def _matching_brackets(prose: str) -> dict[int, int]:
    """Where the bracket stands that each closing bracket closes."""
    openings: dict[int, int] = {}
    open_brackets: list[int] = []
    for match in _BRACKET.finditer(prose):
        if match[0] == "[":
            open_brackets.append(match.start())
        elif open_brackets:
            openings[match.start()] = open_brackets.pop()
    return openings


def _raw_html_attributes(prose: str) -> Iterator[tuple[str, str, int]]:
    for tag in _find_in_paragraphs(_RAW_LINK, prose):
        attribute_names = ("href",) if tag["tag"].lower() == "a" else ("src", "alt")
        for match in _ATTRIBUTE.finditer(prose, tag.start("attributes"), tag.end("attributes")):
            if match["name"].lower() in attribute_names:
                group = next(g for g in "abc" if match[g] is not None)
                yield match["name"].lower(), match[group], match.start(group)


def check_inline_markup(markup: InlineMarkup) -> Iterator[Diagnostic]:
    """What is wrong with formulas, raw HTML, images' descriptions, footnotes and definitions."""
    source, prose = markup.source, markup.searchable
    yield from _check_formulas(markup)
    yield from _check_raw_html(prose, source)
    yield from _check_quotes(prose, source)
    yield from _check_alt_texts(prose, source)
    yield from _check_labels(prose, source)


def _check_formulas(markup: InlineMarkup) -> Iterator[Diagnostic]:
    for formula in markup.formulas:
        try:
            to_mathml(formula.latex, display=formula.display)
        except FormulaError as error:
            message = f"The formula {_short_latex(formula.latex)} cannot be shown: {error}."
            hint = "Fix it, or write \\$ for a dollar sign."
            position = markup.source.position_at(formula.start)
            yield Diagnostic(*position, "bad-formula", message, hint)


def _short_latex(latex: str) -> str:
    line = " ".join(latex.split())
    return line if len(line) <= 40 else line[:39] + "…"


def _check_quotes(prose: str, source: MarkdownSource) -> Iterator[Diagnostic]:
    for match in _find_in_paragraphs(_QUOTED, prose):
        message = "A quotation mark in an address is read as the beginning of a title."
        hint = "Write %27 for an apostrophe, and %22 for a double quotation mark."
        yield Diagnostic(*source.position_at(match.start("address")), "bad-link", message, hint)


def _check_alt_texts(prose: str, source: MarkdownSource) -> Iterator[Diagnostic]:
    message = "This image has no description for those who cannot see it."
    hint = "Write it between the brackets: ![what the picture shows](picture.png)"
    for match in _find_in_paragraphs(_EMPTY_ALT, prose):
        yield Diagnostic(*source.position_at(match.start()), "no-alt-text", message, hint)
    for tag in _find_in_paragraphs(_RAW_LINK, prose):
        if tag["tag"].lower() != "img":
            continue
        span = (tag.start("attributes"), tag.end("attributes"))
        names = {m["name"].lower() for m in _ATTRIBUTE.finditer(prose, *span)}
        if "alt" not in names:
            yield Diagnostic(
                *source.position_at(tag.start()), "no-alt-text", message, 'Add alt="…".'
            )


def _check_labels(prose: str, source: MarkdownSource) -> Iterator[Diagnostic]:
    defined: dict[str, LabelDefinition] = {}
    for definition in source.definitions:
        if definition.label in defined:
            message = f"[{definition.label}] is defined twice (first in line "
            message += f"{defined[definition.label].line})."
            position = (definition.line, definition.column)
            yield Diagnostic(*position, "duplicate-definition", message, "Delete one of them.")
        defined.setdefault(definition.label, definition)
    starts = {(definition.line, definition.column) for definition in source.definitions}
    used_labels: set[str] = set()
    for match in _find_in_paragraphs(_SHORTCUT, prose):
        if source.position_at(match.start()) not in starts:
            used_labels.add(fold_label(match["label"]))
    for match in _find_in_paragraphs(_FOOTNOTE_MARK, prose):
        label = fold_label("^" + match["label"])
        if label not in defined:
            message = f"There is no footnote [^{match['label']}]."
            hint = f"Add a line: [^{match['label']}]: …"
            yield Diagnostic(
                *source.position_at(match.start()), "undefined-footnote", message, hint
            )
    for match in _find_in_paragraphs(_BY_LABEL, prose):
        label = fold_label(match["label"] or match["text"])
        used_labels.add(label)
        if label not in defined and source.position_at(match.start()) not in starts:
            message = f"There is no link definition [{label}]."
            hint = f"Add a line: [{label}]: https://…"
            yield Diagnostic(
                *source.position_at(match.start()), "undefined-reference", message, hint
            )
    for label, definition in defined.items():
        if label not in used_labels:
            noun = "footnote" if label.startswith("^") else "link definition"
            message = f"The {noun} [{label}] is never used."
            position = (definition.line, definition.column)
            yield Diagnostic(*position, "unused-definition", message, "Use it, or delete it.")


# An address may stand between < and > too: [words](<with spaces.png>)
_BEFORE_ADDRESS = ("](", "]: ")
_UNSAFE_ATTRIBUTE = re.compile(r"\s(?P<name>style|on[a-z]+)\s*=", re.IGNORECASE)


def _check_raw_html(prose: str, source: MarkdownSource) -> Iterator[Diagnostic]:
    """A warning for each tag of ``prose`` that is left out of the page, has no end, or loses its
    style or its script."""
    for tag in find_unkept_tags(prose):
        is_address = prose.endswith(_BEFORE_ADDRESS, 0, tag.start)
        if is_address or tag.is_closing or tag.fate is TagFate.SHOWN:
            continue
        code, message, hint = _tag_problem(tag)
        yield Diagnostic(*source.position_at(tag.start), code, message, hint)
    for match in find_kept_tags(prose):
        for attribute in _UNSAFE_ATTRIBUTE.finditer(match["attributes"]):
            start = match.start("attributes") + attribute.start("name")
            name = match["name"].lower()
            message = f'The attribute "{attribute["name"]}" of <{name}> is left out of the page.'
            yield Diagnostic(*source.position_at(start), "dropped-html", message, "Delete it.")


def _tag_problem(tag: UnkeptTag) -> tuple[str, str, str]:
    """Code, message and hint of a tag that is not kept."""
    name = tag.name.lower()
    if tag.fate is TagFate.UNCLOSED:
        message = f"<{name}> has no end, so it is shown as text."
        hint = f"Add </{name}>, or write `<{name}>` if the word is meant."
        return "unclosed-html", message, hint
    if tag.fate is TagFate.DROPPED:
        message = f"<{name}> is left out of the page, with everything in it."
        return "dropped-html", message, "Delete it, or write it as `code`."
    if tag.fate is TagFate.EMPTY:
        message = f"<{name}> is left out of the page."
        return "dropped-html", message, "Delete it, or link to what it would show."
    message = f"<{tag.name}> is taken for an HTML tag and left out of the page."
    hint = f"Write `<{tag.name}>` or &lt;{tag.name}&gt; to show it, or delete it."
    return "dropped-html", message, hint
