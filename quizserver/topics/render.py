"""Markdown to safe HTML: code, tables, footnotes, formulas; the only way text reaches a page.

The order makes it safe: formulas are taken out and leave plain words behind, Python-Markdown makes
HTML, the sanitiser keeps what its allow list names, and only then do the formulas come back, as
MathML built from an allow list of its own.
"""

from __future__ import annotations

import hashlib
import html
import re
import threading
from collections.abc import Iterator, Sequence
from typing import Any

from markdown import Extension, Markdown

from quizserver.topics.dialect import Dialect
from quizserver.topics.formulas import FormulaError, find_formulas, to_mathml
from quizserver.topics.sanitise import Rewrite, sanitise
from quizserver.topics.scan import scan

_EXTENSIONS: list[str | Extension] = [
    "tables",
    "footnotes",
    "attr_list",
    "sane_lists",
    "def_list",
    "pymdownx.highlight",
    "pymdownx.superfences",
    "pymdownx.betterem",
    "pymdownx.saneheaders",
    "pymdownx.tilde",
    Dialect(),
]
_SETTINGS: dict[str, dict[str, Any]] = {
    "tables": {"use_align_attribute": True},
    "footnotes": {"SEPARATOR": "-", "BACKLINK_TITLE": "Back to the text of note {}"},
    "pymdownx.highlight": {"use_pygments": True, "noclasses": False, "guess_lang": False},
    "pymdownx.tilde": {"subscript": False},
    "toc": {"permalink": False},
}
MOST_BRACKETS = 1000

_PARAGRAPH = re.compile(r"(?:[^\n]*\S[^\n]*(?:\n|$))+")
_ONE_PARAGRAPH = re.compile(r"<p>((?:(?!</?p\b).)*)</p>", re.DOTALL)
_MATH = re.compile(r'<math [^>]*alttext="([^"]*)">.*?</math>', re.DOTALL)
_BLOCK_END = re.compile(r"</(?:p|li|h[1-6]|tr|pre|div|dt|dd)>|<br>")
_converters = threading.local()


def render(text: str, *, prefix: str, rewrite: Rewrite) -> str:
    """Safe HTML of ``text``. ``prefix`` begins every id; ``rewrite`` gives links their address.

    Never raises: what Python-Markdown cannot convert is shown as plain text.
    """
    return render_parts([text], prefix=prefix, rewrite=rewrite, headings=False)[0]


def render_parts(
    parts: Sequence[str], *, prefix: str, rewrite: Rewrite, headings: bool = True
) -> list[str]:
    """Like ``render``, of one document in several parts: they share footnotes and headings' ids."""
    mark = "zq" + _key("\0".join(parts))
    formulas: list[tuple[str, str]] = []
    prepared = [_without_formulas(_untangled(part), mark, formulas) for part in parts]
    cut = f"{mark}cut"
    source = f"\n\n{cut}\n\n".join(prepared)
    try:
        converted = _converter(headings).reset().convert(source)
    except Exception:  # a page with plain text is better than none, whatever the parser stumbled on
        converted = f"<p>{cut}</p>".join(f"<pre>{html.escape(part)}</pre>" for part in prepared)
    pieces = converted.split(f"<p>{cut}</p>")
    if len(pieces) != len(parts):  # a cut was swallowed by raw HTML: keep the parts apart
        pieces = [_converter(headings).reset().convert(part) for part in prepared]
    safe = (sanitise(piece, prefix=prefix, rewrite=rewrite) for piece in pieces)
    return [_with_formulas(piece, mark, formulas) for piece in safe]


def tangles(text: str) -> Iterator[tuple[int, str]]:
    """The paragraphs (offset, text) that Python-Markdown would take minutes for.

    Its time grows with the square of the brackets in a paragraph; no honest one has a thousand.
    """
    if text.count("[") + text.count("<") > MOST_BRACKETS:
        for match in _PARAGRAPH.finditer(text):
            if match[0].count("[") + match[0].count("<") > MOST_BRACKETS:
                yield match.start(), match[0]


def _untangled(text: str) -> str:
    for _, paragraph in tangles(text):
        text = text.replace(paragraph, re.sub(r"[\[<]", " ", paragraph))
    return text


def unwrap(rendered: str) -> str:
    """``rendered`` without its ``<p>``, when it is a single paragraph."""
    match = _ONE_PARAGRAPH.fullmatch(rendered.strip())
    return match[1] if match else rendered


def plain(rendered: str) -> str:
    """The text of rendered HTML on one line, formulas as LaTeX, images as their description."""
    text = _MATH.sub(lambda match: match[1], rendered)
    text = re.sub(r'<img [^>]*alt="([^"]*)"[^>]*>', r"\1", text)
    text = re.sub(r"<[^>]*>", "", _BLOCK_END.sub(" ", text))
    return " ".join(html.unescape(text).split())


def _converter(headings: bool) -> Markdown:
    """This thread's converter: they are costly to make, and hold state while they work."""
    name = f"headings_{headings}"
    if not hasattr(_converters, name):
        extensions = [*_EXTENSIONS, "toc"] if headings else _EXTENSIONS
        settings = {key: value for key, value in _SETTINGS.items() if headings or key != "toc"}
        converter = Markdown(
            extensions=extensions, extension_configs=settings, output_format="html"
        )
        setattr(_converters, name, converter)
    found: Markdown = getattr(_converters, name)
    return found


def _key(text: str) -> str:
    """A word that cannot stand in ``text``: nobody writes a text that holds its own digest."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:20]


def _without_formulas(text: str, mark: str, formulas: list[tuple[str, str]]) -> str:
    if "$" not in text:
        return text
    out: list[str] = []
    at = 0
    for formula in find_formulas(text, scan(text, front_matter=False).prose()):
        written = text[formula.start : formula.end]
        out.append(f"{text[at : formula.start]}{mark}n{len(formulas)}z")
        formulas.append((written, _mathml(formula.latex, formula.display)))
        at = formula.end
    return "".join([*out, text[at:]])


def _mathml(latex: str, display: bool) -> str:
    try:
        math = to_mathml(latex, display=display)
    except FormulaError:
        return f'<code class="math-error">{html.escape(latex)}</code>'
    # Chromium alone lets the element itself scroll; elsewhere a wide one would widen the page.
    return f'<span class="formula">{math}</span>' if display else math


def _with_formulas(safe: str, mark: str, formulas: Sequence[tuple[str, str]]) -> str:
    if mark not in safe:
        return safe
    word = re.compile(rf"{mark}n(?P<at>\d+)z")
    token = re.compile(
        rf'<[^>"]*(?:"[^"]*"[^>"]*)*>|(?P<before>[(\[“‘]{{0,3}}){word.pattern}(?P<after>[,.;:!?)\]’”…]*)'
    )
    in_code = 0

    def written(match: re.Match[str]) -> str:
        return html.escape(formulas[int(match["at"])][0])

    def replace(match: re.Match[str]) -> str:
        nonlocal in_code
        if match[0].startswith("<"):
            in_code += len(re.findall(r"^<(?:code|pre)\b", match[0]))
            in_code -= len(re.findall(r"^</(?:code|pre)\b", match[0]))
            return word.sub(written, match[0])
        if in_code:
            return word.sub(written, match[0])
        math = formulas[int(match["at"])][1]
        shown = f"{match['before']}{math}{match['after']}"
        # WebKit would begin a line with the comma behind a formula.
        joined = math.startswith("<math") and shown != math
        return f'<span class="unbroken">{shown}</span>' if joined else shown

    return token.sub(replace, safe)
