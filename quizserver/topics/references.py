"""Every link, image, formula and footnote of a text with its place, and what is wrong in itself."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from quizserver.topics.definitions import Definition, fold
from quizserver.topics.formulas import FormulaError, find_formulas, to_mathml
from quizserver.topics.raw_html import raw_html_flaws
from quizserver.topics.render import MOST_BRACKETS, tangles
from quizserver.topics.scan import hidden, scan
from quizserver.topics.text import Flaw, Positions

_TARGET = re.compile(
    r"\]\([ \t]*(?:<(?P<angle>[^<>\n]*)>|(?P<bare>[^\s()<>]*(?:\([^\s()]*\)[^\s()<>]*)*))"
    r"(?:\s+(?:\"[^\"]*\"|'[^']*'))?[ \t]*\)"
)
# A quotation mark may begin the title of a link: beside a second one, or a bracket, it does.
_QUOTED = re.compile(r"\]\([ \t]*(?P<address>[^\s<'\")]*['\"][^\s()'\"]*[('\"])")
_RAW = re.compile(
    r"<(?P<tag>a|img)\b(?P<attributes>(?:[^<>\"']|\"[^\"]*\"|'[^']*')*)>", re.IGNORECASE
)
_ATTRIBUTE = re.compile(
    r"\b(?P<name>href|src|alt)\s*=\s*(?:\"(?P<a>[^\"]*)\"|'(?P<b>[^']*)'|(?P<c>[^\s\"'>]+))",
    re.IGNORECASE,
)
_BY_LABEL = re.compile(r"(?P<image>!?)\[(?P<text>[^\[\]]*)\] ?\[(?P<label>[^\[\]^]*)\]")
_NOTE = re.compile(r"\[\^(?P<label>[^\]\s]+)\]")
# The box of an option is no part of a link, though brackets may follow it: "- [x] [1, 2]".
_OPTION_BOX = re.compile(
    r"^(?P<lead>[ \t]*(?:[-*+]|\d{1,9}[.)])[ \t]+)(?P<box>\[[ xX]?\])(?=\s)", re.MULTILINE
)
_SHORTCUT = re.compile(r"\[(?P<label>[^\[\]]+)\]")


@dataclass(frozen=True, slots=True)
class Reference:
    """A link ("href") or an image ("src") and where its address stands."""

    name: str
    url: str
    line: int
    column: int


def _searchable(text: str) -> tuple[str, Positions]:
    prose = scan(text).prose()
    parts, end = [], 0
    for formula in find_formulas(text, prose):
        parts += [prose[end : formula.start], hidden(prose[formula.start : formula.end])]
        end = formula.end
    prose = "".join([*parts, prose[end:]])
    prose = _OPTION_BOX.sub(lambda match: match["lead"] + hidden(match["box"]), prose)
    return re.sub(r"\\[\[\]()!<>]", hidden("xx"), prose), Positions(text)


def references(text: str, definitions: Sequence[Definition]) -> list[Reference]:
    """Every link and image of ``text`` that has an address."""
    prose, positions = _searchable(text)
    found: list[Reference] = []
    for match in _TARGET.finditer(prose):
        opening = _opening(prose, match.start())
        if opening is None:
            continue
        name = "src" if prose[opening - 1 : opening] == "!" else "href"
        group = "angle" if match["angle"] is not None else "bare"
        found.append(Reference(name, match[group], *positions.of(match.start(group))))
    for name, value, start in _raw(prose):
        if name != "alt":
            found.append(Reference(name, value, *positions.of(start)))
    images = {fold(m["label"] or m["text"]) for m in _BY_LABEL.finditer(prose) if m["image"]}
    for definition in definitions:
        if definition.url is not None:
            name = "src" if definition.label in images else "href"
            at = (definition.line, definition.url_column)
            found.append(Reference(name, definition.url, *at))
    return found


def _opening(prose: str, closing: int) -> int | None:
    """Where the bracket stands that ``prose[closing]`` closes."""
    depth = 0
    for index in range(closing, max(-1, closing - 2000), -1):
        depth += {"]": 1, "[": -1}.get(prose[index], 0)
        if depth == 0:
            return index
    return None


def _raw(prose: str) -> Iterator[tuple[str, str, int]]:
    for tag in _RAW.finditer(prose):
        wanted = ("href",) if tag["tag"].lower() == "a" else ("src", "alt")
        for match in _ATTRIBUTE.finditer(prose, tag.start("attributes"), tag.end("attributes")):
            if match["name"].lower() in wanted:
                group = next(g for g in "abc" if match[g] is not None)
                yield match["name"].lower(), match[group], match.start(group)


def reference_flaws(text: str, definitions: Sequence[Definition]) -> Iterator[Flaw]:
    """What is wrong with formulas, raw HTML, images' descriptions, footnotes and definitions."""
    for offset, _ in tangles(text):
        message = f"This paragraph holds more than {MOST_BRACKETS} brackets; they are left out."
        place = Positions(text).of(offset)
        yield Flaw(*place, "tangle", message, "Split it, or put it into a code block.")
    yield from _formula_flaws(text)
    prose, positions = _searchable(text)
    yield from raw_html_flaws(prose, positions)
    yield from _quote_flaws(prose, positions)
    yield from _alt_flaws(prose, positions)
    yield from _label_flaws(prose, positions, definitions)


def _formula_flaws(text: str) -> Iterator[Flaw]:
    positions = Positions(text)
    for formula in find_formulas(text, scan(text).prose()):
        try:
            to_mathml(formula.latex, display=formula.display)
        except FormulaError as error:
            message = f"The formula {_short(formula.latex)} cannot be shown: {error}."
            hint = "Mend it, or write \\$ for a dollar sign."
            yield Flaw(*positions.of(formula.start), "bad-formula", message, hint)


def _short(latex: str) -> str:
    line = " ".join(latex.split())
    return line if len(line) <= 40 else line[:39] + "…"


def _quote_flaws(prose: str, positions: Positions) -> Iterator[Flaw]:
    for match in _QUOTED.finditer(prose):
        message = "A quotation mark in an address is read as the beginning of a title."
        hint = "Write %27 for an apostrophe, and %22 for a double quotation mark."
        yield Flaw(*positions.of(match.start("address")), "bad-link", message, hint)


def _alt_flaws(prose: str, positions: Positions) -> Iterator[Flaw]:
    message = "This image has no description for those who cannot see it."
    hint = "Write it between the brackets: ![what the picture shows](picture.png)"
    for match in re.finditer(r"!\[[ \t]*\](?=[(\[])", prose):
        yield Flaw(*positions.of(match.start()), "no-alt-text", message, hint)
    for tag in _RAW.finditer(prose):
        if tag["tag"].lower() != "img":
            continue
        span = (tag.start("attributes"), tag.end("attributes"))
        names = {m["name"].lower() for m in _ATTRIBUTE.finditer(prose, *span)}
        if "alt" not in names:
            yield Flaw(*positions.of(tag.start()), "no-alt-text", message, 'Add alt="…".')


def _label_flaws(
    prose: str, positions: Positions, definitions: Sequence[Definition]
) -> Iterator[Flaw]:
    defined: dict[str, Definition] = {}
    for definition in definitions:
        if definition.label in defined:
            message = f"[{definition.label}] is defined twice (first in line "
            message += f"{defined[definition.label].line})."
            at = (definition.line, definition.column)
            yield Flaw(*at, "duplicate-definition", message, "Delete one of them.")
        defined.setdefault(definition.label, definition)
    starts = {(definition.line, definition.column) for definition in definitions}
    used: set[str] = set()
    for match in _SHORTCUT.finditer(prose):
        if positions.of(match.start()) not in starts:
            used.add(fold(match["label"]))
    for match in _NOTE.finditer(prose):
        label = fold("^" + match["label"])
        if label not in defined:
            message = f"There is no footnote [^{match['label']}]."
            hint = f"Add a line: [^{match['label']}]: …"
            yield Flaw(*positions.of(match.start()), "undefined-footnote", message, hint)
    for match in _BY_LABEL.finditer(prose):
        label = fold(match["label"] or match["text"])
        used.add(label)
        if label not in defined and positions.of(match.start()) not in starts:
            message = f"There is no link definition [{label}]."
            hint = f"Add a line: [{label}]: https://…"
            yield Flaw(*positions.of(match.start()), "undefined-reference", message, hint)
    for label, definition in defined.items():
        if label not in used:
            what = "footnote" if label.startswith("^") else "link definition"
            message = f"The {what} [{label}] is never used."
            at = (definition.line, definition.column)
            yield Flaw(*at, "unused-definition", message, "Use it, or delete it.")
