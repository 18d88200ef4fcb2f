"""Parses HTML to a tree. Untrusted HTML is first cleaned by an allow list, which balances it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser

import nh3

from quizserver.topics.formats.model import UnsupportedQuestionError
from quizserver.topics.sanitise import word_set

VOID_TAGS = word_set("br hr img col")
BLOCK_TAGS = word_set(
    "aside blockquote caption dd details div dl dt figcaption figure h1 h2 h3 h4 h5 h6 hr li ol p "
    "pre summary table tbody td tfoot th thead tr ul"
)
MAX_TAGS = 5000
MAX_DEPTH = 60  # what is nested deeper is flattened

MATHML_TAGS = word_set(
    "annotation maction math menclose merror mfenced mfrac mi mlabeledtr mmultiscripts mn mo mover "
    "mpadded mphantom mprescripts mroot mrow ms mspace msqrt mstyle msub msubsup msup mtable mtd "
    "mtext mtr munder munderover none semantics"
)

_INLINE_TAGS = word_set(
    "a abbr b br cite code del dfn em i img ins kbd mark q s samp small span strike strong sub sup "
    "tt u var col colgroup"
)
_ATTRIBUTES = {
    "a": {"href"},
    "img": {"src", "alt", "width", "height", "class", "data-mathml", "data-equation-content"},
    "span": {"class", "lang", "style"},
    "math": {"alttext", "display"},
    "annotation": {"encoding"},
    "menclose": {"notation"},
    "mfenced": {"open", "close", "separators"},
    "mfrac": {"linethickness"},
    "mi": {"mathvariant"},
    "mspace": {"width"},
    "code": {"class"},
    "pre": {"class"},
    "ol": {"start"},
    "td": {"colspan", "rowspan", "align"},
    "th": {"colspan", "rowspan", "align"},
}
# Tags that are removed. A < before any other word is a character of the text.
_KNOWN_TAGS = (
    BLOCK_TAGS
    | _INLINE_TAGS
    | MATHML_TAGS
    | word_set(
        "acronym address article audio bdi bdo big blink body button canvas center datalist dir "
        "embed fieldset font footer form frame frameset head header hgroup html iframe input label "
        "legend link main map mark marquee math menu meta meter nav nobr noembed noframes noscript "
        "object optgroup option output param picture progress rb rp rt rtc ruby script section "
        "select source style svg template textarea time title track video wbr xmp"
    )
)
_TAG_START = re.compile(r"<(?=/?(?P<name>[A-Za-z][^\s/>]*))")
# The prefix under which word processors write MathML: <m:mi>.
_MATHML_PREFIX = re.compile(r"<(?P<close>/?)(?:m|mml|math):(?=[a-z]+[\s/>])")
_MEDIA_TAG = re.compile(
    r"<(audio|video|iframe|object|embed|applet|canvas|svg|select|textarea)\b", re.IGNORECASE
)
_cleaner = nh3.Cleaner(
    tags=set(BLOCK_TAGS | _INLINE_TAGS | MATHML_TAGS),
    clean_content_tags=set(
        word_set("script style iframe object embed template textarea select title")
    ),
    attributes=_ATTRIBUTES,
    url_schemes={"http", "https", "mailto", "data"},
    link_rel=None,
    strip_comments=True,
)


@dataclass(slots=True)
class HtmlNode:
    """An element; ``children`` are elements and pieces of text."""

    tag: str
    attributes: dict[str, str] = field(default_factory=dict)
    children: list[HtmlNode | str] = field(default_factory=list)

    def text_content(self) -> str:
        return "".join(_iterate_texts(self))


def _iterate_texts(node: HtmlNode) -> Iterator[str]:
    stack: list[HtmlNode | str] = [node]
    while stack:
        child = stack.pop()
        if isinstance(child, str):
            yield child
        elif child.tag == "br":
            yield "\n"
        else:
            stack.extend(reversed(child.children))


def parse_untrusted_html(html: str) -> HtmlNode:
    """Parses untrusted HTML to a tree of known elements and attributes.

    Raises UnsupportedQuestionError for media that no page here shows, such as a sound, and for more
    than ``MAX_TAGS`` tags: the time to clean them grows with the square of their depth.
    """
    media_tag = _MEDIA_TAG.search(html)
    if media_tag:
        message = (
            f"A text of this question holds <{media_tag[1].lower()}>, which is not shown here."
        )
        raise UnsupportedQuestionError("media", message, "Put a picture or a link in its place.")
    if html.count("<") > MAX_TAGS:
        message = f"A text of this question holds more than {MAX_TAGS:,} HTML tags."
        raise UnsupportedQuestionError("tangle", message, "Shorten it.")
    if ":math" in html:
        html = _MATHML_PREFIX.sub(r"<\g<close>", html)
    return parse_clean_html(_cleaner.clean(_TAG_START.sub(_escape_stray_bracket, html)))


def _escape_stray_bracket(match: re.Match[str]) -> str:
    """Escapes a ``<`` that begins no known element, as in ``x<y``."""
    name = match["name"].lower()
    return match[0] if name in _KNOWN_TAGS or re.fullmatch(r"[\w-]+:[\w-]+", name) else "&lt;"


def parse_clean_html(html: str) -> HtmlNode:
    """Parses HTML that is balanced, as the sanitiser returns it."""
    parser = _HtmlTreeParser()
    parser.feed(html)
    parser.close()
    return parser.root


class _HtmlTreeParser(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root = HtmlNode("")
        self._open_nodes = [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        siblings = self._open_nodes[-1].children
        node = HtmlNode(tag, {name: value or "" for name, value in attrs})
        if len(self._open_nodes) < MAX_DEPTH:
            siblings.append(node)
        else:
            node.children = siblings
        if tag not in VOID_TAGS:
            self._open_nodes.append(node)

    def handle_endtag(self, tag: str) -> None:
        if any(node.tag == tag for node in self._open_nodes[1:]):
            while self._open_nodes.pop().tag != tag:
                pass

    def handle_data(self, data: str) -> None:
        self._open_nodes[-1].children.append(data)
