"""YAML to plain values with the place of every key and value; YAML 1.2's idea of true and 1e-3."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import yaml

from quizserver.topics.text import Flaw

Path = tuple[str | int, ...]


class _Loader(yaml.SafeLoader):
    """SafeLoader that takes ``no`` for a word, ``1e-3`` for a number and dates for text."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """Refuses aliases: nodes that are shared can stand for exponentially many."""
        if self.check_event(yaml.AliasEvent):
            problem = "aliases (*name) are not allowed here"
            raise yaml.composer.ComposerError(None, None, problem, self.peek_event().start_mark)  # type: ignore[no-untyped-call]
        return super().compose_node(parent, index)


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
    _Loader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_kind}", _whole, [*_first.replace("\0", ""), ""]
    )


@dataclass
class Read:
    """Plain values, where each stands (``keys`` and ``values`` by path), and what was wrong."""

    data: Any = None
    keys: dict[Path, tuple[int, int]] = field(default_factory=dict)
    values: dict[Path, tuple[int, int]] = field(default_factory=dict)
    written: dict[Path, str] = field(default_factory=dict)
    flaws: list[Flaw] = field(default_factory=list)

    def place(self, path: Path, *, key: bool = False) -> tuple[int, int]:
        """Where ``path`` stands, or the nearest thing around it that does."""
        while path:
            found = (self.keys if key else self.values).get(path) or self.keys.get(path)
            if found:
                return found
            path, key = path[:-1], False
        return self.values.get((), (1, 1))


def read_yaml(text: str, *, line: int) -> Read:
    """Read a YAML mapping that begins at ``line`` of its file. Never raises."""
    read = Read()
    read.values[()] = (line, 1)
    loader = None
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        if node is not None:
            read.data = _value(node, (), read, line)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        at = (mark.line + line, mark.column + 1) if mark else (line, 1)
        message = f"This YAML cannot be read: {error.problem or error.context}."
        hint = 'Put text that holds ": ", "#" or brackets into quotes; indent with spaces.'
        read.flaws.append(Flaw(*at, "bad-yaml", message, hint, True))
    except yaml.YAMLError as error:
        message = f"This YAML cannot be read: {str(error).splitlines()[0]}."
        read.flaws.append(Flaw(line, 1, "bad-yaml", message, "Delete the odd character.", True))
    except RecursionError:
        message = "This YAML is nested too deeply."
        read.flaws.append(Flaw(line, 1, "bad-yaml", message, "Flatten it.", True))
    except ValueError as error:
        message = f"This YAML cannot be read: {error}."
        read.flaws.append(Flaw(line, 1, "bad-yaml", message, "Shorten the number.", True))
    finally:
        if loader is not None:
            loader.dispose()
    if read.data is None and not read.flaws:
        read.data = {}
    if not isinstance(read.data, dict) and not read.flaws:
        message = "This must be lines of the form key: value."
        read.flaws.append(Flaw(*read.values[()], "bad-yaml", message, "Write key: value.", True))
    return read


def _value(node: yaml.Node, path: Path, read: Read, line: int) -> Any:
    at = (node.start_mark.line + line, node.start_mark.column + 1)
    read.values[path] = at
    if isinstance(node, yaml.MappingNode):
        return _mapping(node, path, read, line)
    if isinstance(node, yaml.SequenceNode):
        return [_value(n, (*path, i), read, line) for i, n in enumerate(node.value)]
    read.written[path] = str(node.value)
    return _scalar(node)


def _mapping(node: yaml.MappingNode, path: Path, read: Read, line: int) -> Any:
    data: dict[str, Any] = {}
    for key_node, value_node in node.value:
        at = (key_node.start_mark.line + line, key_node.start_mark.column + 1)
        if not isinstance(key_node, yaml.ScalarNode):
            message = "A key must be a word."
            read.flaws.append(Flaw(*at, "bad-yaml", message, "Write key: value.", True))
            continue
        key = str(key_node.value)
        if key in data:
            first = read.keys[(*path, key)][0]
            message = f'The key "{key}" stands here twice (first in line {first}).'
            read.flaws.append(Flaw(*at, "duplicate-key", message, "Delete one of them.", True))
            continue
        read.keys[(*path, key)] = at
        data[key] = _value(value_node, (*path, key), read, line)
    return data


def _scalar(node: yaml.Node) -> Any:
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
