"""Makes any HTML safe: an allow list of tags and attributes, prefixed ids, rewritten addresses."""

from __future__ import annotations

import html as entities
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import nh3
from pygments.token import STANDARD_TYPES


@dataclass(frozen=True, slots=True)
class SizedImage:
    """The address of an image whose size is known, in CSS pixels."""

    url: str
    width: int
    height: int


# Address of a link or an image, or None to drop it. The first argument is "href" or "src".
RewriteUrl = Callable[[str, str], str | SizedImage | None]


def word_set(text: str) -> frozenset[str]:
    """The words of ``text``: a long allow list is easier to read than its quotes."""
    return frozenset(text.split())


ALLOWED_TAGS = word_set(
    "a abbr aside b blockquote br caption cite code col colgroup dd del details dfn div dl dt em "
    "figcaption figure h1 h2 h3 h4 h5 h6 hr i img ins kbd li mark ol p pre q s samp small span "
    "strong sub summary sup table tbody td tfoot th thead tr u ul var"
)
# Their content is no text for people: it goes with them.
DROPPED_TAGS = word_set(
    "script style iframe object embed template noscript noembed noframes textarea select title "
    "xmp plaintext svg math"
)
_ATTRIBUTES = {
    "*": {"id", "title", "lang", "dir"},
    "a": {"href"},
    "img": {"src", "alt", "width", "height"},
    "ol": {"start", "reversed"},
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan", "scope"},
    "col": {"span"},
    "colgroup": {"span"},
}
_ALIGN = {"align": {"left", "right", "center"}}
_AUTHOR_CLASSES = {"wide", "narrow", "aside", "note", "warning", "small"}
_CLASSES = {
    "span": {name for name in STANDARD_TYPES.values() if name}
    | {"linenos", "hll"}
    | _AUTHOR_CLASSES,
    "div": {"highlight", "footnote"} | _AUTHOR_CLASSES,
    "a": {"footnote-ref", "footnote-backref"},
    **dict.fromkeys(
        ("p", "img", "figure", "table", "aside", "blockquote", "details"), _AUTHOR_CLASSES
    ),
}
_SCHEMES = {"http", "https", "mailto"}
_NUMERIC = frozenset({"width", "height", "start", "colspan", "rowspan", "span"})
_REL = ' rel="noopener noreferrer"'
_LINK = re.compile(r'<a((?: [a-z-]+="[^"]*")*)>')
_IMAGE = re.compile(r'<img((?: [a-z-]+="[^"]*")*)>')
_ATTRIBUTE = re.compile(r' ([a-z-]+)="([^"]*)"')
_ID = re.compile(r"[\w:.-]{1,120}")


def sanitise_html(html: str, *, prefix: str, rewrite: RewriteUrl) -> str:
    """Safe HTML. Every id gets ``prefix``, and so does every ``#…`` link to one.

    ``rewrite("href" | "src", url)`` gives the address to use for any other link or image. An image
    whose size it knows gets width and height, so that the text below stays where it is when the
    image comes.
    """
    sized: dict[str, SizedImage] = {}

    def rewritten(name: str, url: str) -> str | None:
        address = rewrite(name, url)
        if isinstance(address, SizedImage):
            sized[address.url] = address
            return address.url
        return address

    def filter_attribute(tag: str, name: str, value: str) -> str | None:
        if name == "id":
            return prefix + value if _ID.fullmatch(value) else None
        if name == "href":
            return f"#{prefix}{value[1:]}" if value.startswith("#") else rewritten(name, value)
        if name == "src":
            return rewritten(name, value)
        if name in _NUMERIC:
            return value if re.fullmatch(r"[0-9]{1,4}", value) else None
        return value

    cleaner = nh3.Cleaner(
        tags=set(ALLOWED_TAGS),
        clean_content_tags=set(DROPPED_TAGS),
        attributes=_ATTRIBUTES,
        attribute_filter=filter_attribute,
        tag_attribute_values={"td": _ALIGN, "th": _ALIGN},
        set_tag_attribute_values={"img": {"loading": "lazy", "decoding": "async"}},
        allowed_classes=_CLASSES,
        url_schemes=_SCHEMES,
        strip_comments=True,
        link_rel="noopener noreferrer",
    )
    cleaned = _LINK.sub(_strip_own_rel, cleaner.clean(html))
    return _IMAGE.sub(lambda match: _with_size(match[0], sized), cleaned) if sized else cleaned


def _with_size(image: str, sized: Mapping[str, SizedImage]) -> str:
    """An ``<img …>`` with width and height; one that its author gave is kept, with its shape."""
    attributes = dict(_ATTRIBUTE.findall(image))
    known = sized.get(entities.unescape(attributes.get("src", "")))
    if known is None or {"width", "height"} <= attributes.keys():
        return image
    width, height = known.width, known.height
    if "width" in attributes:
        width = int(attributes["width"])
        height = round(width * known.height / known.width)
        return f'{image[:-1]} height="{height}">'
    if "height" in attributes:
        height = int(attributes["height"])
        width = round(height * known.width / known.height)
        return f'{image[:-1]} width="{width}">'
    return f'{image[:-1]} width="{width}" height="{height}">'


def _strip_own_rel(match: re.Match[str]) -> str:
    """Takes ``rel`` from links that stay on the site; the cleaner gives it to all links."""
    stays_on_site = ' href="#' in match[1] or re.search(r' href="/(?![/\\])', match[1])
    return match[0].replace(_REL, "") if stays_on_site else match[0]
