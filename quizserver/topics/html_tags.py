"""Which HTML in a text is markup, and which is text that only looks like it.

``<mask>``, ``<job_id>`` and ``Dict<K, V>`` are words of authors who write about machine learning,
and stay on the page. A tag is taken for markup when HTML has it, or when it is written as markup of
some other system: with an attribute, closed by itself, or as a pair with a capital first.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum, auto

from quizserver.topics.word_sets import word_set

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
# Those without content among them.
_EMPTY_DROPPED = frozenset({"embed"})
_OTHER_TAGS = word_set(
    "acronym address applet area article audio base basefont bdi bdo bgsound big blink body button "
    "canvas center data datalist dialog dir fieldset font footer form frame frameset head header "
    "hgroup html image input keygen label legend link main map marquee menu menuitem meta meter "
    "nav nobr optgroup option output param picture progress rb rp rt rtc ruby search section slot "
    "source strike time track tt video wbr"
)
HTML_TAGS = ALLOWED_TAGS | DROPPED_TAGS | _OTHER_TAGS
# Left open, each of these would change how all that follows looks.
_FORMATTING_TAGS = word_set(
    "abbr b cite code del dfn em i ins kbd mark q s samp small strong sub sup u var"
)
_BLOCK_TAGS = word_set(
    "address article aside base basefont blockquote body caption center col colgroup dd details "
    "dialog dir div dl dt fieldset figcaption figure footer form frame frameset h1 h2 h3 h4 h5 h6 "
    "head header hr html iframe legend li link main menu menuitem nav noframes ol optgroup option "
    "p param search section summary table tbody td tfoot th thead title tr track ul"
)
_RAW_BLOCK_TAGS = word_set("pre script style textarea")

_ATTRIBUTES = (
    r"(?:\s+[A-Za-z_:][\w.:-]*+(?:\s*+=\s*+(?:[^\s\"'=<>`]++|'[^'<]*+'|\"[^\"<]*+\"))?+)*+\s*+"
)
TAG_PATTERN = rf"<(?:/[A-Za-z][A-Za-z0-9-]*+\s*+|[A-Za-z][A-Za-z0-9-]*+{_ATTRIBUTES}/?)>"
"""A tag as CommonMark knows it; what is none, such as ``<a_b>`` or ``<K, V>``, is text."""

_ANY_TAG = re.compile(
    r"<(?P<comment>!--)"
    rf"|<(?P<closing>/?)(?P<name>[A-Za-z][A-Za-z0-9-]*+)(?P<attributes>{_ATTRIBUTES})(?P<empty>/?)>"
    r"|<(?P<sign>[A-Za-z/?!][^\s/>]*)",
    re.DOTALL,
)
_LOWER_CASE = re.compile(r"/?(?P<name>[a-z][a-z0-9]*)", re.IGNORECASE)
_CHECKBOX = re.compile(r"\stype=[\"']?checkbox\b")
_BLOCK_START = re.compile(r"</?(?P<name>[A-Za-z][A-Za-z0-9]*)(?:\s|/?>|$)")
_LONE_TAG = re.compile(rf"{TAG_PATTERN}[ \t]*$")


class TagFate(Enum):
    """What becomes of a tag that is not kept."""

    LEFT_OUT = auto()  # the tag goes, its content stays
    DROPPED = auto()  # it goes with its content
    EMPTY = auto()  # it would go with its content, but has none
    SHOWN = auto()  # it is no markup: its letters are shown
    UNCLOSED = auto()  # HTML has it, but it has no end: its letters are shown


@dataclass(frozen=True, slots=True)
class UnkeptTag:
    """``text[start:end]``, a tag that does not reach the page as HTML (or only its first sign)."""

    start: int
    end: int
    name: str
    fate: TagFate
    is_closing: bool = False


def find_unkept_tags(text: str) -> Iterator[UnkeptTag]:
    """Every tag of a text, markdown or HTML, that does not reach the page as HTML, in order.

    Those inside of what is dropped with its content are no tags of their own.
    """
    tags = list(_find_tags(text)) if "<" in text else []
    partners = _pair_tags(tags)
    index = 0
    while index < len(tags):
        match = tags[index]
        fate = _tag_fate(match, index in partners) if match["name"] else _sign_fate(match)
        if fate is not None:
            name = match["name"] or match["sign"] or "!--"
            yield UnkeptTag(match.start(), match.end(), name, fate, match["closing"] == "/")
        index = partners[index] + 1 if fate is TagFate.DROPPED else index + 1


def find_kept_tags(text: str) -> Iterator[re.Match[str]]:
    """The opening tags of a text that HTML keeps, with groups ``name`` and ``attributes``."""
    for match in _find_tags(text):
        if match["name"] and not match["closing"] and match["name"].lower() in ALLOWED_TAGS:
            yield match


def _find_tags(text: str) -> Iterator[re.Match[str]]:
    """The tags of a text, and other signs that HTML could take for one, outside of comments."""
    position = 0
    last_comment_end = text.rfind("-->")
    while match := _ANY_TAG.search(text, position):
        position = match.end()
        if match["comment"] and position <= last_comment_end:
            position = text.index("-->", position) + 3
        else:
            yield match


def _pair_tags(tags: Sequence[re.Match[str]]) -> dict[int, int]:
    """The index of the partner, its end or its beginning, of each tag that has one."""
    partners: dict[int, int] = {}
    open_tags: dict[str, list[int]] = {}
    for index, match in enumerate(tags):
        if match["name"] is None or match["empty"]:
            continue
        key = match["name"] if match["name"].lower() not in HTML_TAGS else match["name"].lower()
        openings = open_tags.setdefault(key, [])
        if not match["closing"]:
            openings.append(index)
        elif openings:
            opening = openings.pop()
            partners[opening], partners[index] = index, opening
    return partners


def _tag_fate(match: re.Match[str], has_partner: bool) -> TagFate | None:
    name = match["name"].lower()
    if name in DROPPED_TAGS:
        if match["closing"]:
            return None if has_partner else TagFate.LEFT_OUT
        if match["empty"] or name in _EMPTY_DROPPED:
            return TagFate.EMPTY
        return TagFate.DROPPED if has_partner else TagFate.UNCLOSED
    if name in _FORMATTING_TAGS:
        if match["closing"] or match["empty"] or has_partner:
            return None
        is_comparison = match["attributes"].strip() and "=" not in match["attributes"]
        return TagFate.SHOWN if is_comparison else TagFate.UNCLOSED  # a <b and c> d
    if name in ALLOWED_TAGS or (name == "input" and _CHECKBOX.search(match["attributes"])):
        return None
    if name in HTML_TAGS:
        return TagFate.LEFT_OUT
    is_component = match["name"][0].isupper() and has_partner
    is_markup = "=" in match["attributes"] or match["empty"] or is_component
    return TagFate.LEFT_OUT if is_markup else TagFate.SHOWN


def _sign_fate(match: re.Match[str]) -> TagFate | None:
    """Of ``<`` where no tag begins, and of a comment without an end, which would hide all below.

    What HTML knows, browsers read with any slip in it.
    """
    name = _LOWER_CASE.fullmatch(match["sign"] or "")
    is_html = name is not None and name["name"].lower() in HTML_TAGS
    return None if is_html else TagFate.SHOWN


def show_text_tags(html: str) -> str:
    """HTML in which what is no markup is text, and tags that are left out are gone."""
    parts, end = [], 0
    for tag in find_unkept_tags(html):
        if tag.fate is TagFate.DROPPED:
            continue
        replacement = ""
        if tag.fate in (TagFate.SHOWN, TagFate.UNCLOSED):
            replacement = "&lt;" + html[tag.start + 1 : tag.end]
        elif tag.name.lower() in _OTHER_TAGS - {"input"}:
            continue  # the cleaner leaves it out, and knows where it ends a paragraph
        parts += [html[end : tag.start], replacement]
        end = tag.end
    return "".join([*parts, html[end:]])


def starts_html_block(rest: str, *, in_paragraph: bool) -> bool:
    """Whether a block of HTML begins with this line (without its margin), as CommonMark says."""
    if not rest.startswith("<"):
        return False
    if rest.startswith(("<!--", "<?", "<![CDATA[")) or re.match(r"<![A-Za-z]", rest):
        return True
    match = _BLOCK_START.match(rest)
    if match is None:
        return False
    name = match["name"].lower()
    if name in _BLOCK_TAGS or (name in _RAW_BLOCK_TAGS and not rest.startswith("</")):
        return True
    if in_paragraph or not _LONE_TAG.match(rest):
        return False
    # A word such as <mask> is no markup and begins a paragraph.
    is_markup = "=" in rest or "/>" in rest or match["name"][0].isupper()
    return name in HTML_TAGS or is_markup


def html_block_end(rest: str) -> str | None:
    """What stands in the last line of the block of HTML that begins here; None: a blank line."""
    for start, end in (("<!--", "-->"), ("<?", "?>"), ("<![CDATA[", "]]>"), ("<!", ">")):
        if rest.startswith(start):
            return end
    match = _BLOCK_START.match(rest)
    is_raw = match is not None and match["name"].lower() in _RAW_BLOCK_TAGS
    return f"</{match['name'].lower()}>" if match and is_raw and rest[1] != "/" else None
