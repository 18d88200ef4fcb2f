"""The texts of a template that go past gettext, found in its syntax tree: in every branch."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser

from jinja2 import Environment, nodes

from tests.translation.converted import NAMES

GETTEXT = {"_", "gettext", "ngettext", "pgettext", "npgettext"}
SHOWN_ATTRIBUTES = {"alt", "aria-label", "aria-description", "placeholder", "title"}
WORD = re.compile(r"[^\W\d_]{2,}")
PROSE = re.compile(r"[^\W\d_]+,? [^\W\d_]{2,}")


def untranslated_texts(source: str) -> list[str]:
    """Words outside of ``{% trans %}`` and ``_(…)`` in texts and in attributes that are shown, and
    sentences that are handed to macros or kept in variables."""
    tree = _environment().parse(source)
    constants = [node for node in _constants(tree) if PROSE.search(node)]
    return [*filter(is_untranslated, html_texts("".join(_written(tree)))), *constants]


def html_texts(html: str) -> list[str]:
    """The texts and the attributes that are shown."""
    reader = _TextReader()
    reader.feed(html)
    reader.close()
    return reader.texts


def unknown_messages(source: str) -> list[str]:
    """Messages that a template hands to gettext without naming them: no extractor finds those, and
    gettext marks what it returns as safe. There is the filter ``translated`` for them."""
    tree = _environment().parse(source)
    return [
        f"{call.node.name} in line {call.lineno}"
        for call in tree.find_all(nodes.Call)
        if isinstance(call.node, nodes.Name) and call.node.name in GETTEXT
        if not (call.args and isinstance(call.args[0], nodes.Const))
    ]


def _environment() -> Environment:
    environment = Environment(extensions=["jinja2.ext.i18n"], autoescape=True)
    environment.newstyle_gettext = True  # type: ignore[attr-defined]
    return environment


def is_untranslated(text: str) -> bool:
    """Whether there are words in it that are no names."""
    return any(word not in NAMES for word in WORD.findall(text))


def _written(node: nodes.Node) -> Iterator[str]:
    """What the node writes into the page, from all its branches; unknown values are no letters."""
    if isinstance(node, nodes.Output):
        for expression in node.nodes:
            yield from _literals(expression)
    else:
        for child in node.iter_child_nodes():
            yield from _written(child)


def _literals(node: nodes.Node) -> Iterator[str]:
    if isinstance(node, nodes.TemplateData):
        yield node.data
    elif isinstance(node, nodes.Const):
        yield str(node.value)
    elif isinstance(node, nodes.CondExpr):
        yield from _literals(node.expr1)
        if node.expr2 is not None:
            yield from _literals(node.expr2)
    elif isinstance(node, nodes.Concat | nodes.BinExpr):
        for child in node.iter_child_nodes():
            yield from _literals(child)
    else:
        yield "1"


def _constants(node: nodes.Node) -> Iterator[str]:
    """Every constant text outside of calls of gettext."""
    if isinstance(node, nodes.Const) and isinstance(node.value, str):
        yield node.value
    is_gettext = (
        isinstance(node, nodes.Call)
        and isinstance(node.node, nodes.Name)
        and node.node.name in GETTEXT
    )
    if not is_gettext:
        for child in node.iter_child_nodes():
            yield from _constants(child)


class _TextReader(HTMLParser):
    """Collects what is shown of HTML."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.texts += [value for name, value in attrs if name in SHOWN_ATTRIBUTES and value]
