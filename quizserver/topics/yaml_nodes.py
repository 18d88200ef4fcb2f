"""YAML to plain values, with the position of every key and value; scalars as in YAML 1.2."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import yaml

from quizserver.topics.model import Diagnostic

YamlPath = tuple[str | int, ...]


class _NodeComposer(yaml.composer.Composer, yaml.resolver.BaseResolver):
    """Makes nodes of a parser's events; ``no`` is text, ``1e-3`` is a number, dates are text."""

    check_event: Callable[..., bool]
    peek_event: Callable[[], Any]

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """Refuses aliases: nodes that are shared can stand for exponentially many."""
        if self.check_event(yaml.AliasEvent):
            problem = "aliases (*name) are not allowed here"
            raise yaml.composer.ComposerError(None, None, problem, self.peek_event().start_mark)
        return super().compose_node(parent, index)


class _Loader(_NodeComposer, yaml.SafeLoader):
    """Reads with the parser in Python, whose messages authors see."""


_QUICK_LOADERS: list[type[Any]] = []  # none where PyYAML was built without libyaml
if yaml.__with_libyaml__:

    class _QuickLoader(_NodeComposer, yaml.CSafeLoader):
        """Reads with libyaml's parser, in a seventh of the time."""

        def __init__(self, text: str) -> None:
            yaml.CSafeLoader.__init__(self, text)
            yaml.composer.Composer.__init__(self)

    _QUICK_LOADERS.append(_QuickLoader)

# Tabs, marks of the byte order, tags, keys after a question mark, the beginnings of documents and
# comments right behind the sign of a block: libyaml takes some of them where the parser in Python
# does not, or finds them elsewhere.
_READ_DIFFERENTLY = re.compile(r"[\t\ufeff]|(?<!\w)!|(?<!\w)\?(?!\S)|---|: ?}|[|>][-+0-9]*#")

_PLAIN = {
    "bool": (re.compile(r"(?:true|True|TRUE|false|False|FALSE)"), "tTfF"),
    "int": (re.compile(r"[-+]?[0-9]+"), "-+0123456789"),
    "float": (
        re.compile(
            r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.inf|\.nan",
            re.IGNORECASE,
        ),
        "-+0123456789.",
    ),
    "null": (re.compile(r"(?:~|null|Null|NULL|)"), "~nN\0"),
}
for _kind, (_pattern, _first) in _PLAIN.items():
    _whole = re.compile(f"(?:{_pattern.pattern})$", _pattern.flags)
    _NodeComposer.add_implicit_resolver(
        f"tag:yaml.org,2002:{_kind}", _whole, [*_first.replace("\0", ""), ""]
    )


@dataclass
class YamlDocument:
    """Plain values, the positions of their ``keys`` and ``values`` by path, and what is wrong."""

    data: Any = None
    keys: dict[YamlPath, tuple[int, int]] = field(default_factory=dict)
    values: dict[YamlPath, tuple[int, int]] = field(default_factory=dict)
    source_texts: dict[YamlPath, str] = field(default_factory=dict)
    diagnostics: list[Diagnostic] = field(default_factory=list)

    def position_of(self, path: YamlPath, *, key: bool = False) -> tuple[int, int]:
        """The line and column of ``path``, or of the nearest thing around it that has them."""
        while path:
            position = (self.keys if key else self.values).get(path) or self.keys.get(path)
            if position:
                return position
            path, key = path[:-1], False
        return self.values.get((), (1, 1))


def parse_yaml(text: str, *, line: int) -> YamlDocument:
    """A YAML mapping that begins at ``line`` of its file. Never raises."""
    document = YamlDocument()
    document.values[()] = (line, 1)
    try:
        node = _read_node(text)
        if node is not None:
            document.data = _node_value(node, (), document, line)
    except yaml.MarkedYAMLError as error:
        error_mark = error.problem_mark or error.context_mark
        position = (error_mark.line + line, error_mark.column + 1) if error_mark else (line, 1)
        message = f"This YAML cannot be read: {error.problem or error.context}."
        hint = 'Put text that holds ": ", "#" or brackets into quotes; indent with spaces.'
        document.diagnostics.append(Diagnostic(*position, "bad-yaml", message, hint, True))
    except yaml.YAMLError as error:
        message = f"This YAML cannot be read: {str(error).splitlines()[0]}."
        document.diagnostics.append(
            Diagnostic(line, 1, "bad-yaml", message, "Delete the odd character.", True)
        )
    except RecursionError:
        message = "This YAML is nested too deeply."
        document.diagnostics.append(Diagnostic(line, 1, "bad-yaml", message, "Flatten it.", True))
    except ValueError as error:
        message = f"This YAML cannot be read: {error}."
        document.diagnostics.append(
            Diagnostic(line, 1, "bad-yaml", message, "Shorten the number.", True)
        )
    if document.data is None and not document.diagnostics:
        document.data = {}
    if not isinstance(document.data, dict) and not document.diagnostics:
        message = "This must be lines of the form key: value."
        document.diagnostics.append(
            Diagnostic(*document.values[()], "bad-yaml", message, "Write key: value.", True)
        )
    return document


def _read_node(text: str) -> yaml.Node | None:
    """The node of a whole text. Raises what the parser in Python raises."""
    if _READ_DIFFERENTLY.search(text) is None:
        for quick_loader in _QUICK_LOADERS:
            # What it can't read is read again, for the other parser's message and its place.
            with suppress(yaml.YAMLError, UnicodeError):
                return _compose_text(quick_loader, text)
    return _compose_text(_Loader, text)


def _compose_text(loader_class: type[Any], text: str) -> yaml.Node | None:
    loader = loader_class(text)
    try:
        node: yaml.Node | None = loader.get_single_node()
        return node
    finally:
        loader.dispose()


def _node_value(node: yaml.Node, path: YamlPath, document: YamlDocument, line: int) -> Any:
    position = (node.start_mark.line + line, node.start_mark.column + 1)
    document.values[path] = position
    if isinstance(node, yaml.MappingNode):
        return _mapping_value(node, path, document, line)
    if isinstance(node, yaml.SequenceNode):
        return [
            _node_value(child, (*path, index), document, line)
            for index, child in enumerate(node.value)
        ]
    document.source_texts[path] = str(node.value)
    return _scalar_value(node)


def _mapping_value(
    node: yaml.MappingNode, path: YamlPath, document: YamlDocument, line: int
) -> Any:
    data: dict[str, Any] = {}
    for key_node, value_node in node.value:
        position = (key_node.start_mark.line + line, key_node.start_mark.column + 1)
        if not isinstance(key_node, yaml.ScalarNode):
            message = "A key must be a word."
            document.diagnostics.append(
                Diagnostic(*position, "bad-yaml", message, "Write key: value.", True)
            )
            continue
        key = str(key_node.value)
        if key in data:
            first_line = document.keys[(*path, key)][0]
            message = f'The key "{key}" stands here twice (first in line {first_line}).'
            document.diagnostics.append(
                Diagnostic(*position, "duplicate-key", message, "Delete one of them.", True)
            )
            continue
        document.keys[(*path, key)] = position
        data[key] = _node_value(value_node, (*path, key), document, line)
    return data


def _scalar_value(node: yaml.Node) -> Any:
    text = str(node.value)
    kind = node.tag.rpartition(":")[2]
    if kind == "null":
        return None
    if kind == "bool":
        return text.lower() == "true"
    if kind == "int" and re.fullmatch(r"[-+]?[0-9]{1,300}", text):
        return int(text)
    if kind in ("int", "float"):
        try:
            return float(re.sub(r"^([-+]?)\.(inf|nan)$", r"\1\2", text, flags=re.IGNORECASE))
        except ValueError:
            return text
    return text
