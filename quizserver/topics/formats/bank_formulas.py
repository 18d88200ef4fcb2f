"""Formulas in the texts of banks: finds them as MathJax does, and writes them as ours are read."""

from __future__ import annotations

import re
from collections.abc import Iterator

from quizserver.topics.formats.escape import escape_inline
from quizserver.topics.formats.html_tree import HtmlNode, parse_untrusted_html
from quizserver.topics.formats.mathml import mathml_to_latex
from quizserver.topics.formats.model import UnsupportedQuestionError
from quizserver.topics.formula_spans import find_formulas

_FORMULA_IN_TEXT = re.compile(
    r"\\\((?P<inline>.+?)\\\)|\\\[(?P<display>.+?)\\\]|\$\$(?P<dollars>[^$]+?)\$\$", re.DOTALL
)
_LINE_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)
_COMMENT = re.compile(r"(?<!\\)((?:\\\\)*)%[^\n]*")
_FORMULA_END = "\ue000"  # until what stands behind a formula is known
_ALT_LATEX = re.compile(r"LaTeX:\s*(.+)", re.DOTALL)
# The signs that the editor of the Wiris company puts in place of those of HTML.
_WIRIS_SIGNS = str.maketrans({"«": "<", "»": ">", "¨": '"', "§": "&", "`": "'"})


def write_formula(latex: str, *, display: bool = False) -> str:
    """The formula between dollar signs, on one line; ``separate_formulas`` finishes the text.

    Raises UnsupportedQuestionError for one that would be read otherwise.
    """
    delimiter = "$$" if display else "$"
    line = " ".join(_COMMENT.sub(r"\1", latex).split())
    formula = f"{delimiter}{line}{delimiter}"
    found = [(match.latex, match.display) for match in find_formulas(formula, formula)]
    if found != [(line, display)]:
        excerpt = line if len(line) <= 60 else f"{line[:59]}…"
        message = f"A formula of this question cannot stand between dollar signs: {excerpt}"
        hint = "Write \\$ for a dollar sign in a formula, and no formula inside \\text{}."
        raise UnsupportedQuestionError("formula", message, hint)
    return formula + _FORMULA_END


def separate_formulas(text: str) -> str:
    """Removes the marks behind formulas, and keeps each formula apart from what follows it.

    A digit or a dollar sign behind a closing dollar sign would undo it, as in "$5 and $6".
    """
    text = re.sub(rf"{_FORMULA_END}(\d)", lambda match: f"&#{ord(match[1])};", text)
    return re.sub(rf"{_FORMULA_END}(?=\$)", "<!-- -->", text).replace(_FORMULA_END, "")


def split_formulas(text: str) -> Iterator[tuple[str, str]]:
    """The pieces of a text in which formulas stand as MathJax finds them.

    Each is a plain text and the formula behind it between dollar signs, empty behind the last.
    """
    position = 0
    for match in _FORMULA_IN_TEXT.finditer(text):
        latex = match[match.lastgroup or 0]
        if latex.strip():
            formula = write_formula(latex, display=match.lastgroup != "inline")
            yield text[position : match.start()], formula
            position = match.end()
    yield text[position:], ""


def escape_text_with_formulas(text: str) -> str:
    """Escapes a plain text but for its formulas, which become ours."""
    return "".join(escape_inline(plain) + formula for plain, formula in split_formulas(text))


def join_formula_lines(html: str) -> str:
    """The HTML without the line breaks inside its formulas."""
    if "<br" not in html.lower() and "\n" not in html:
        return html
    return _FORMULA_IN_TEXT.sub(
        lambda match: _LINE_BREAK.sub(" ", match[0]).replace("\n", " "), html
    )


def formula_of_image(node: HtmlNode) -> str:
    """The LaTeX of an image that an editor drew of a formula; empty for any other image."""
    latex = node.attributes.get("data-equation-content", "").strip()
    if latex:
        return latex
    mathml = node.attributes.get("data-mathml", "").translate(_WIRIS_SIGNS)
    if "<math" in mathml:
        tree = parse_untrusted_html(mathml)
        math = next((c for c in tree.children if isinstance(c, HtmlNode) and c.tag == "math"), None)
        return mathml_to_latex(math) if math is not None else ""
    if "equation_image" in node.attributes.get("class", "").split():
        alternative = _ALT_LATEX.match(node.attributes.get("alt", ""))
        return alternative[1].strip() if alternative else ""
    return ""
