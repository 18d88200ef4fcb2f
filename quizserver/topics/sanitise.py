"""Makes any HTML safe: an allow list of tags and attributes, prefixed ids, rewritten addresses."""

from __future__ import annotations

import html as entities
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import nh3
from pygments.token import STANDARD_TYPES

from quizserver.topics.html_tags import ALLOWED_TAGS as ALLOWED_TAGS
from quizserver.topics.html_tags import DROPPED_TAGS, show_text_tags
from quizserver.topics.word_sets import word_set as word_set


@dataclass(frozen=True, slots=True)
class SizedImage:
    """The address of an image whose size is known, in CSS pixels."""

    url: str
    width: int
    height: int


# Address of a link or an image, or None to drop it. The first argument is "href" or "src".
RewriteUrl = Callable[[str, str], str | SizedImage | None]


_ATTRIBUTES = {
    "*": {"id", "title", "lang", "dir"},
    "a": {"href"},
    "img": {"src", "alt", "width", "height"},
    "ol": {"start", "reversed"},
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan", "scope"},
    "col": {"span"},
    "input": {"checked"},
    "colgroup": {"span"},
}
_ALIGN = {"align": {"left", "right", "center"}}
# A box of a task list: nobody can check it, and no form sends it.
_FIXED_ATTRIBUTES = {
    "img": {"loading": "lazy", "decoding": "async"},
    "input": {"type": "checkbox", "disabled": ""},
}
_NOTE_CLASSES = {"note-box", "note-note", "note-tip", "note-important", "note-warning"}
_NOTE_CLASSES |= {"note-caution"}
_AUTHOR_CLASSES = {"wide", "narrow", "aside", "note", "warning", "small"}
_CLASSES = {
    "span": {name for name in STANDARD_TYPES.values() if name}
    | {"linenos", "hll"}
    | _AUTHOR_CLASSES,
    "div": {"highlight", "footnote"} | _NOTE_CLASSES | _AUTHOR_CLASSES,
    "li": {"task-item"},
    "a": {"footnote-ref", "footnote-backref", "bare-link"},
    "p": {"note-title"} | _AUTHOR_CLASSES,
    **dict.fromkeys(("img", "figure", "table", "aside", "blockquote", "details"), _AUTHOR_CLASSES),
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
        tags={*ALLOWED_TAGS, "input"},
        clean_content_tags=set(DROPPED_TAGS),
        attributes=_ATTRIBUTES,
        attribute_filter=filter_attribute,
        tag_attribute_values={"td": _ALIGN, "th": _ALIGN},
        set_tag_attribute_values=_FIXED_ATTRIBUTES,
        allowed_classes=_CLASSES,
        url_schemes=_SCHEMES,
        strip_comments=True,
        link_rel="noopener noreferrer",
    )
    cleaned = _LINK.sub(_strip_own_rel, cleaner.clean(show_text_tags(html)))
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
