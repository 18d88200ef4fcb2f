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
from collections.abc import Sequence
from typing import Any

from markdown import Extension, Markdown

from quizserver.topics.block_elements import GitHubBlocks
from quizserver.topics.formula_spans import find_formulas
from quizserver.topics.formulas import FormulaError, to_mathml
from quizserver.topics.inline_patterns import BareLinks, GitHubInlines, StrictAttributes
from quizserver.topics.markdown import Heading, MarkdownSlice, SourceLine, scan_fragment
from quizserver.topics.sanitise import RewriteUrl, sanitise_html

_EXTENSIONS: list[str | Extension] = [
    GitHubBlocks(),
    "footnotes",
    "pymdownx.highlight",
    "pymdownx.betterem",
    BareLinks(),
    StrictAttributes(),
    GitHubInlines(),
]
_SETTINGS: dict[str, dict[str, Any]] = {
    "footnotes": {"SEPARATOR": "-", "BACKLINK_TITLE": "Back to the text of note {}"},
    "pymdownx.highlight": {"use_pygments": True, "noclasses": False, "guess_lang": False},
    "toc": {"permalink": False},
}
# One line of words that markdown leaves as they are, of whatever alphabet.
_PLAIN_WORDS = re.compile(r"[^\W\d_][^\W_]*(?:[,;.?!'’]?[ -][^\W_]+)*[.?!]?")
_ONE_PARAGRAPH = re.compile(r"<p>((?:(?!</?p\b).)*)</p>", re.DOTALL)
_MATH = re.compile(r'<math [^>]*alttext="([^"]*)">.*?</math>', re.DOTALL)
_BLOCK_END = re.compile(r"</(?:p|li|h[1-6]|tr|pre|div|dt|dd)>|<br>")
_converters = threading.local()


def render_markdown(text: str, *, prefix: str, rewrite: RewriteUrl) -> str:
    """Safe HTML of a text that was not scanned before. Like ``render_slice`` in all else."""
    return render_slice(scan_fragment(text), prefix=prefix, rewrite=rewrite)


def render_slice(content: MarkdownSlice, *, prefix: str, rewrite: RewriteUrl) -> str:
    """Safe HTML of a part of a file.

    ``prefix`` begins every id; ``rewrite`` gives links and images their address. Never raises: what
    Python-Markdown cannot convert is shown as plain text.
    """
    return render_parts([content], prefix=prefix, rewrite=rewrite, heading_ids=False)[0]


def render_parts(
    parts: Sequence[MarkdownSlice], *, prefix: str, rewrite: RewriteUrl, heading_ids: bool = True
) -> list[str]:
    """Safe HTML of each of several parts of one file; they share footnotes and headings' ids."""
    placeholder = "zq" + _text_key("\0".join(part.text for part in parts))
    formulas: list[tuple[str, str]] = []
    prepared = [_without_formulas(part, placeholder, formulas) for part in parts]
    pieces = _convert_parts(prepared, f"{placeholder}cut", heading_ids)
    safe = (sanitise_html(piece, prefix=prefix, rewrite=rewrite) for piece in pieces)
    return [_with_formulas(piece, placeholder, formulas) for piece in safe]


def _convert_parts(parts: Sequence[MarkdownSlice], separator: str, heading_ids: bool) -> list[str]:
    """The HTML of each part, converted as one document with ``separator`` between the parts."""
    markdown = [part.text for part in parts]
    try:
        converted = _convert(f"\n\n{separator}\n\n".join(markdown), heading_ids)
    except Exception:  # a page with plain text is better than none, whatever the parser stumbled on
        return [f"<pre>{html.escape(part.text)}</pre>" for part in parts]
    pieces = converted.split(f"<p>{separator}</p>")
    if len(pieces) != len(parts):  # a cut was swallowed by raw HTML: keep the parts apart
        pieces = [_convert(part, heading_ids) for part in markdown]
    return pieces


def heading_text(heading: Heading | None) -> str:
    """The words of a heading, as a title has them; empty when there is none."""
    if heading is None:
        return ""
    line = MarkdownSlice((SourceLine(heading.line, heading.text),))
    return unlinked_text(line)


def unlinked_text(content: MarkdownSlice) -> str:
    """The words of a part of a file on one line."""
    if _PLAIN_WORDS.fullmatch(content.text):
        return content.text  # as most titles are
    return plain_text(render_slice(content, prefix="", rewrite=lambda _name, _url: None))


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


def _convert(markdown: str, heading_ids: bool) -> str:
    """Markdown to HTML, by this thread's converter: it is costly to make and holds state."""
    name = f"headings_{heading_ids}"
    if not hasattr(_converters, name):
        extensions = [*_EXTENSIONS, "toc"] if heading_ids else _EXTENSIONS
        settings = {key: value for key, value in _SETTINGS.items() if heading_ids or key != "toc"}
        new_converter = Markdown(
            extensions=extensions, extension_configs=settings, output_format="html"
        )
        setattr(_converters, name, new_converter)
    converter: Markdown = getattr(_converters, name)
    return converter.reset().convert(markdown)


def _text_key(text: str) -> str:
    """A word that cannot stand in ``text``: nobody writes a text that holds its own digest."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:20]


def _without_formulas(
    content: MarkdownSlice, placeholder: str, formulas: list[tuple[str, str]]
) -> MarkdownSlice:
    """``content`` with a word for each of its formulas, which are added to ``formulas``.

    A formula of several lines becomes a part of the line that it begins in.
    """
    text = content.text
    if "$" not in text:
        return content
    pieces: list[str] = []
    swallowed_lines: set[int] = set()  # indices of the lines that begin inside a formula
    end = index = 0
    for formula in find_formulas(text, content.prose):
        index += text.count("\n", end, formula.start)
        last_index = index + text.count("\n", formula.start, formula.end)
        swallowed_lines.update(range(index + 1, last_index + 1))
        pieces.append(f"{text[end : formula.start]}{placeholder}n{len(formulas)}z")
        latex_source = text[formula.start : formula.end]
        formulas.append((latex_source, _formula_html(formula.latex, formula.display)))
        end, index = formula.end, last_index
    kept_lines = (line for n, line in enumerate(content.lines) if n not in swallowed_lines)
    new_text = "".join([*pieces, text[end:]])
    return MarkdownSlice(tuple(kept_lines)).with_texts(new_text.split("\n"))


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
