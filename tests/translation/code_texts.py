"""Sentences in modules and scripts that go past gettext."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from pygments.lexers.javascript import JavascriptLexer
from pygments.token import Name, Punctuation, String, Whitespace

from tests.translation.template_texts import GETTEXT, PROSE, html_texts

CALLS = {*GETTEXT, "N_"}
NOT_SHOWN = {
    "Error",
    "querySelector",
    "querySelectorAll",
    "findElement",
    "closest",
    "closestTarget",
}
"""Of scripts: messages to those who write them, and selectors."""
CLASSES = {"class", "className"}

SELECTOR_OR_CLASSES = re.compile(r"[\"'`]?(?:[.#\[].*|[a-z-]+(?: [a-z-]+)*-)", re.DOTALL)


def untranslated_sentences(source: str) -> list[str]:
    """Constant texts of Python with two words or more; not docstrings, and not errors and log."""
    return [
        text
        for sentence in _sentences(ast.parse(source))
        for text in (html_texts(sentence) if sentence.startswith("<") else [sentence])
        if PROSE.search(text)
    ]


def _sentences(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    is_docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    called = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
    is_exempt = called in CALLS or called.startswith("log.")
    if is_docstring or is_exempt or isinstance(node, ast.Raise):
        return
    for child in ast.iter_child_nodes(node):
        yield from _sentences(child)


def untranslated_script_sentences(source: str) -> list[str]:
    """Texts of a script with two words or more that are in no call of gettext."""
    sentences: list[str] = []
    calls: list[str] = []
    name = attribute = ""
    for kind, value in JavascriptLexer().get_tokens(source):
        if kind in String and kind is not String.Regex:
            is_name = SELECTOR_OR_CLASSES.fullmatch(value) or attribute in CLASSES
            if PROSE.search(value) and not is_name and not {*calls} & (CALLS | NOT_SHOWN):
                sentences.append(value)
        elif value == ":":
            attribute = name
        elif kind is Punctuation:
            attribute = ""
            for sign in value:
                if sign == "(":
                    calls.append(name)
                elif sign == ")":
                    calls.pop()
        if kind not in Whitespace:
            name = value if kind in Name or value in CLASSES else ""
    return sentences
