"""HTML of any origin as a small tree: cleaned by an allow list first, so that it is balanced."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser

import nh3

from quizserver.topics.formats.model import RefusedError
from quizserver.topics.sanitise import words

VOID = words("br hr img col")
BLOCKS = words(
    "aside blockquote caption dd details div dl dt figcaption figure h1 h2 h3 h4 h5 h6 hr li ol p "
    "pre summary table tbody td tfoot th thead tr ul"
)
MOST_TAGS = 5000
DEEPEST = 60  # what lies deeper is taken as plain text: no honest page nests so

_INLINE = words(
    "a abbr b br cite code del dfn em i img ins kbd mark q s samp small span strong sub sup u var "
    "col colgroup"
)
_ATTRIBUTES = {
    "a": {"href"},
    "img": {"src", "alt", "width", "height"},
    "code": {"class"},
    "pre": {"class"},
    "ol": {"start"},
    "td": {"colspan", "rowspan", "align"},
    "th": {"colspan", "rowspan", "align"},
}
# What pages are made of besides: taken off, where other words after a < are words.
_ELEMENTS = (
    BLOCKS
    | _INLINE
    | words(
        "acronym address article audio bdi bdo big blink body button canvas center datalist dir "
        "embed fieldset font footer form frame frameset head header hgroup html iframe input label "
        "legend link main map mark marquee math menu meta meter nav nobr noembed noframes noscript "
        "object optgroup option output param picture progress rb rp rt rtc ruby script section "
        "select source strike style svg template textarea time title track tt video wbr xmp"
    )
)
_WORD = re.compile(r"<(?=/?(?P<name>[A-Za-z][^\s/>]*))")
_PLAYED = re.compile(
    r"<(audio|video|iframe|object|embed|applet|canvas|svg|select|textarea)\b", re.IGNORECASE
)
_cleaner = nh3.Cleaner(
    tags=set(BLOCKS | _INLINE),
    clean_content_tags=set(
        words("script style iframe object embed template textarea select title")
    ),
    attributes=_ATTRIBUTES,
    url_schemes={"http", "https", "mailto", "data"},
    link_rel=None,
    strip_comments=True,
)


@dataclass(slots=True)
class Node:
    """An element; ``children`` are elements and pieces of text."""

    tag: str
    attributes: dict[str, str] = field(default_factory=dict)
    children: list[Node | str] = field(default_factory=list)

    def text(self) -> str:
        return "".join(_texts(self))


def _texts(node: Node) -> Iterator[str]:
    waiting: list[Node | str] = [node]
    while waiting:
        item = waiting.pop()
        if isinstance(item, str):
            yield item
        elif item.tag == "br":
            yield "\n"
        else:
            waiting.extend(reversed(item.children))


def clean_tree(html: str) -> Node:
    """The tree of untrusted HTML: known elements and attributes only.

    Raises RefusedError for what a question may need and no page here shows, such as a sound; and
    for more elements than an honest page has: cleaning them takes time that grows with the square
    of how deep they nest.
    """
    played = _PLAYED.search(html)
    if played:
        message = f"A text of this question holds <{played[1].lower()}>, which is not shown here."
        raise RefusedError("media", message, "Put a picture or a link in its place.")
    if html.count("<") > MOST_TAGS:
        message = f"A text of this question holds more than {MOST_TAGS:,} HTML tags."
        raise RefusedError("tangle", message, "Shorten it.")
    return tree(_cleaner.clean(_WORD.sub(_sign, html)))


def _sign(match: re.Match[str]) -> str:
    """A ``<`` that begins no element of any page, as in ``x<y``, is the sign itself."""
    name = match["name"].lower()
    return match[0] if name in _ELEMENTS or re.fullmatch(r"[\w-]+:[\w-]+", name) else "&lt;"


def tree(html: str) -> Node:
    """The tree of HTML that is balanced already, as the sanitiser writes it."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return reader.root


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root = Node("")
        self._open = [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        inside = self._open[-1].children
        node = Node(tag, {name: value or "" for name, value in attrs})
        if len(self._open) < DEEPEST:
            inside.append(node)
        else:
            node.children = inside
        if tag not in VOID:
            self._open.append(node)

    def handle_endtag(self, tag: str) -> None:
        if any(node.tag == tag for node in self._open[1:]):
            while self._open.pop().tag != tag:
                pass

    def handle_data(self, data: str) -> None:
        self._open[-1].children.append(data)
