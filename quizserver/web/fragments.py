"""Parts of pages that are the same for everybody who may see them: rendered once and kept.

A fragment holds nothing of the learner and nothing of the request. Who may see it is decided before
it is asked for: it lives in the memory of the process alone, in no cache that a browser or a proxy
could read.
"""

from __future__ import annotations

import re
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field

from flask import Flask
from markupsafe import Markup

from quizserver.translation import current_language

_INDENTATION = re.compile(r"\s*\n\s*")
_PREFORMATTED = re.compile(
    r"(<(?:pre|textarea|template)\b.*?</(?:pre|textarea|template)>)", re.DOTALL
)


KEY_SIZE = 500
"""Bytes of a fragment without its HTML and the texts in its name, about."""


@dataclass(frozen=True, slots=True)
class FragmentKey:
    """What a fragment is called, and the objects that it was made from.

    ``name`` says which part it is, of what, for which state of a question. A fragment is used again
    as long as each of ``sources`` is the very same object: whoever reads a changed file makes a new
    one.
    """

    name: Hashable
    sources: tuple[object, ...] = ()

    def part(self, name: Hashable) -> FragmentKey:
        """The key of another rendering of the same, such as one with other ids."""
        return FragmentKey((self.name, name), self.sources)

    def around(self, inner: FragmentKey) -> FragmentKey:
        """The key of what holds another fragment as well."""
        return FragmentKey((self.name, inner.name), self.sources + inner.sources)


@dataclass(frozen=True, slots=True)
class _Fragment:
    """A rendered fragment; ``size`` is about how many bytes it takes with its key."""

    sources: tuple[object, ...]
    html: Markup
    size: int


@dataclass(slots=True)
class FragmentStore:
    """Rendered fragments, the least recently used ones dropped beyond ``max_size`` bytes, about.

    Their keys count, too: of an option of which nothing is known there is hardly any HTML, and a
    fragment for every choice that it can be part of.
    """

    max_size: int = 12_000_000
    _kept: OrderedDict[Hashable, _Fragment] = field(default_factory=OrderedDict)
    _size: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def render(self, key: FragmentKey | None, caller: Callable[[], str]) -> Markup:
        """The fragment of that key, by ``caller()`` where it is not kept; None keeps nothing.

        Templates use it as ``{% call kept(key) %}…{% endcall %}``.
        """
        if key is None:
            return Markup(caller())
        key = key.part(current_language().tag)
        with self._lock:
            kept = self._kept.get(key.name)
            if kept is not None and all(map(_is, kept.sources, key.sources)):
                self._kept.move_to_end(key.name)
                return kept.html
        html = Markup(strip_indentation(caller()))
        fragment = _Fragment(key.sources, html, len(html) + _size_of_key(key))
        with self._lock:
            self._drop(key.name)
            self._kept[key.name] = fragment
            self._size += fragment.size
            while self._size > self.max_size and len(self._kept) > 1:
                self._drop(next(iter(self._kept)))
        return html

    def _drop(self, name: Hashable) -> None:
        dropped = self._kept.pop(name, None)
        if dropped is not None:
            self._size -= dropped.size


def strip_indentation(html: str) -> str:
    """HTML without the indentation of its lines, but for that of texts that show it as it is."""
    parts = _PREFORMATTED.split(html)
    parts[::2] = [_INDENTATION.sub("\n", part) for part in parts[::2]]
    return "".join(parts)


def keep_fragments(app: Flask) -> None:
    """Gives the application's templates ``kept``: see ``FragmentStore.render``."""
    app.jinja_env.globals["kept"] = FragmentStore().render


def _size_of_key(key: FragmentKey) -> int:
    """About how many bytes a key takes: each object of a name has a head of its own."""
    return KEY_SIZE + 3 * len(repr(key.name))


def _is(one: object, other: object) -> bool:
    return one is other
