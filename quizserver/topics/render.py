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

from quizserver.topics.dialect import GitHubDialect
from quizserver.topics.formulas import FormulaError, find_formulas, to_mathml
from quizserver.topics.markdown import scan_markdown
from quizserver.topics.sanitise import RewriteUrl, sanitise_html

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
    GitHubDialect(),
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


def render_markdown(text: str, *, prefix: str, rewrite: RewriteUrl) -> str:
    """Safe HTML of ``text``. ``prefix`` begins every id; ``rewrite`` gives links their address.

    Never raises: what Python-Markdown cannot convert is shown as plain text.
    """
    return render_parts([text], prefix=prefix, rewrite=rewrite, heading_ids=False)[0]


def render_parts(
    parts: Sequence[str], *, prefix: str, rewrite: RewriteUrl, heading_ids: bool = True
) -> list[str]:
    """Like ``render``, of one document in several parts: they share footnotes and headings' ids."""
    placeholder = "zq" + _text_key("\0".join(parts))
    formulas: list[tuple[str, str]] = []
    prepared = [_without_formulas(_without_tangles(part), placeholder, formulas) for part in parts]
    separator = f"{placeholder}cut"
    source = f"\n\n{separator}\n\n".join(prepared)
    try:
        converted = _thread_converter(heading_ids).reset().convert(source)
    except Exception:  # a page with plain text is better than none, whatever the parser stumbled on
        converted = f"<p>{separator}</p>".join(
            f"<pre>{html.escape(part)}</pre>" for part in prepared
        )
    pieces = converted.split(f"<p>{separator}</p>")
    if len(pieces) != len(parts):  # a cut was swallowed by raw HTML: keep the parts apart
        pieces = [_thread_converter(heading_ids).reset().convert(part) for part in prepared]
    safe = (sanitise_html(piece, prefix=prefix, rewrite=rewrite) for piece in pieces)
    return [_with_formulas(piece, placeholder, formulas) for piece in safe]


def find_tangles(text: str) -> Iterator[tuple[int, str]]:
    """The paragraphs (offset, text) that Python-Markdown would take minutes for.

    Its time grows with the square of the brackets in a paragraph; no honest one has a thousand.
    """
    if text.count("[") + text.count("<") > MOST_BRACKETS:
        for match in _PARAGRAPH.finditer(text):
            if match[0].count("[") + match[0].count("<") > MOST_BRACKETS:
                yield match.start(), match[0]


def _without_tangles(text: str) -> str:
    for _, paragraph in find_tangles(text):
        text = text.replace(paragraph, re.sub(r"[\[<]", " ", paragraph))
    return text


def unwrap_paragraph(rendered: str) -> str:
    """``rendered`` without its ``<p>``, when it is a single paragraph."""
    match = _ONE_PARAGRAPH.fullmatch(rendered.strip())
    return match[1] if match else rendered


def plain_text(rendered: str) -> str:
    """The text of rendered HTML on one line, formulas as LaTeX, images as their description."""
    text = _MATH.sub(lambda match: match[1], rendered)
    text = re.sub(r'<img [^>]*alt="([^"]*)"[^>]*>', r"\1", text)
    text = re.sub(r"<[^>]*>", "", _BLOCK_END.sub(" ", text))
    return " ".join(html.unescape(text).split())


def _thread_converter(heading_ids: bool) -> Markdown:
    """This thread's converter: they are costly to make, and hold state while they work."""
    name = f"headings_{heading_ids}"
    if not hasattr(_converters, name):
        extensions = [*_EXTENSIONS, "toc"] if heading_ids else _EXTENSIONS
        settings = {key: value for key, value in _SETTINGS.items() if heading_ids or key != "toc"}
        converter = Markdown(
            extensions=extensions, extension_configs=settings, output_format="html"
        )
        setattr(_converters, name, converter)
    cached: Markdown = getattr(_converters, name)
    return cached


def _text_key(text: str) -> str:
    """A word that cannot stand in ``text``: nobody writes a text that holds its own digest."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:20]


def _without_formulas(text: str, placeholder: str, formulas: list[tuple[str, str]]) -> str:
    if "$" not in text:
        return text
    output: list[str] = []
    end = 0
    for formula in find_formulas(text, scan_markdown(text, front_matter=False).prose_text()):
        latex_source = text[formula.start : formula.end]
        output.append(f"{text[end : formula.start]}{placeholder}n{len(formulas)}z")
        formulas.append((latex_source, _formula_html(formula.latex, formula.display)))
        end = formula.end
    return "".join([*output, text[end:]])


def _formula_html(latex: str, display: bool) -> str:
    try:
        math = to_mathml(latex, display=display)
    except FormulaError:
        return f'<code class="math-error">{html.escape(latex)}</code>'
    # Chromium alone lets the element itself scroll; elsewhere a wide one would widen the page.
    return f'<span class="formula">{math}</span>' if display else math


def _with_formulas(safe: str, placeholder: str, formulas: Sequence[tuple[str, str]]) -> str:
    if placeholder not in safe:
        return safe
    formula_token = re.compile(rf"{placeholder}n(?P<at>\d+)z")
    token = re.compile(
        rf'<[^>"]*(?:"[^"]*"[^>"]*)*>|(?P<before>[(\[“‘]{{0,3}}){formula_token.pattern}(?P<after>[,.;:!?)\]’”…]*)'
    )
    in_code = 0

    def latex_source(match: re.Match[str]) -> str:
        return html.escape(formulas[int(match["at"])][0])

    def insert_formula(match: re.Match[str]) -> str:
        nonlocal in_code
        if match[0].startswith("<"):
            in_code += len(re.findall(r"^<(?:code|pre)\b", match[0]))
            in_code -= len(re.findall(r"^</(?:code|pre)\b", match[0]))
            return formula_token.sub(latex_source, match[0])
        if in_code:
            return formula_token.sub(latex_source, match[0])
        math = formulas[int(match["at"])][1]
        punctuated = f"{match['before']}{math}{match['after']}"
        # WebKit would begin a line with the comma behind a formula.
        keep_together = math.startswith("<math") and punctuated != math
        return f'<span class="unbroken">{punctuated}</span>' if keep_together else punctuated

    return token.sub(insert_formula, safe)
