"""What Python-Markdown reads inside lines, as GitHub reads it: code, tags, links, breaks."""

from __future__ import annotations

import html
import re
from string import punctuation
from typing import Any
from xml.etree.ElementTree import Element

from markdown import Extension, Markdown
from markdown.extensions.attr_list import AttrListTreeprocessor
from markdown.inlinepatterns import InlineProcessor
from markdown.util import (
    ETX,
    HTML_PLACEHOLDER,
    INLINE_PLACEHOLDER_RE,
    STX,
    AtomicString,
    code_escape,
)
from pymdownx.delimiterprocessor import Delimiter
from pymdownx.magiclink import RE_LINK, MagiclinkExtension, MagiclinkPattern

from quizserver.topics.html_tags import TAG_PATTERN
from quizserver.topics.link_spans import LinkSpan, find_link_spans

# What is read from left to right before all else: whichever begins first hides the others.
_OPAQUE = (
    r"(?P<break>(?<! )(?: {2,}+| *+\\)\n *)"
    r"|\\(?P<escaped>[!-/:-@\[-`{-~])"
    r"|(?P<ticks>`+)"
    r"|<(?P<address>[A-Za-z][A-Za-z0-9+.-]{1,31}:[^\s<>]*+)>"
    r"|<(?P<mail>[a-zA-Z0-9.!#$%&'*+/=?^_`{|}~-]++@[a-zA-Z0-9][a-zA-Z0-9-]{0,62}"
    r"(?:\.[a-zA-Z0-9-]{1,63})*+)>"
    rf"|(?P<html>{TAG_PATTERN}|<!--(?:(?!-->).)*+-->|<\?(?:(?!\?>).)*+\?>|<![A-Za-z][^>]*+>"
    r"|<!\[CDATA\[(?:(?!\]\]>).)*+\]\]>)"
)
_ESCAPE = re.compile(rf"{STX}(\d+){ETX}")
_REPLACED_PATTERNS = [
    "backtick",
    "escape",
    "reference",
    "image_reference",
    "short_reference",
    "short_image_ref",
    "autolink",
    "automail",
    "linebreak",
    "html",
]
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
_RAW_PLACEHOLDER = re.compile(HTML_PLACEHOLDER % r"(\d+)")
# An id, a class, or anything behind a colon, and then whatever attributes there are.
_ATTRIBUTE = r"(?:[#.][\w:.-]*\w|[\w:-]+=(?:\"[^\"\n]*\"|'[^'\n]*'|[^\s\"'{}]+))"
_ATTRIBUTE_LIST = rf"\{{(?:(?=[#.]\w):?|:)[ ]*({_ATTRIBUTE}(?:[ ]+{_ATTRIBUTE})*+)[ ]*\}}"
_IN_ALT = re.compile(r"(?<!\w)(\*{1,3}|_{1,3})(?=\S)([^*_]+)(?<=\S)\1(?!\w)")


def decode_entities(text: str) -> str:
    """The text with its entities as signs; ``&amp`` and the like in addresses are none."""
    return _ENTITY.sub(lambda entity: html.unescape(entity[0]), text)


def _escaped_sign(escape: re.Match[str]) -> str:
    return f"\\{chr(int(escape[1]))}"


class GitHubInlines(Extension):
    """Reads what stands inside lines as GitHub does."""

    def extendMarkdown(self, md: Markdown) -> None:  # noqa: N802 (the library's name)
        md.ESCAPED_CHARS = sorted({*md.ESCAPED_CHARS, *punctuation})
        patterns = md.inlinePatterns
        for name in _REPLACED_PATTERNS:
            patterns.deregister(name)
        patterns.register(_OpaqueParts(_OPAQUE, md), "opaque", 190)
        self._links, self._images = _Links(r"\[", md), _Images(r"!\[", md)
        patterns.register(self._links, "link", 160)
        patterns.register(self._images, "image_link", 150)
        delimiters: Any = patterns["delimiter"]
        delimiters.add(Delimiter("~", "del,del"))
        md.registerExtension(self)

    def reset(self) -> None:
        self._links.forget()
        self._images.forget()


class BareLinks(MagiclinkExtension):  # type: ignore[misc]
    """Links of addresses that stand in a text. They end where a tag begins."""

    def extendMarkdown(self, md: Markdown) -> None:  # noqa: N802 (the library's name)
        super().extendMarkdown(md)
        pattern = _BareLink(RE_LINK, md)
        pattern.config = self.getConfigs()
        md.inlinePatterns.register(pattern, "magic-link", 85)


class _BareLink(MagiclinkPattern):  # type: ignore[misc]
    def handleMatch(  # noqa: N802 (the library's name)
        self, m: re.Match[str], data: str
    ) -> tuple[Element | None, int | None, int | None]:
        stashed = self.md.treeprocessors["inline"].stashed_nodes
        for placeholder in INLINE_PLACEHOLDER_RE.finditer(data, m.end()):
            if any(map(str.isspace, data[m.end() : placeholder.start()])):
                break
            node = stashed.get(placeholder[1])
            if not isinstance(node, str) or _ESCAPE.fullmatch(node) is None:
                data = data[: placeholder.start()]
                break
        found: tuple[Element | None, int | None, int | None] = super().handleMatch(m, data)
        if found[0] is not None:
            found[0].set("class", "bare-link")
        return found


class StrictAttributes(Extension):
    """Attributes of elements in braces: ``{#id}``, ``{.class}``, ``{: key=value}``, no others."""

    def extendMarkdown(self, md: Markdown) -> None:  # noqa: N802 (the library's name)
        md.treeprocessors.register(_AttributeLists(md), "attr_list", 8)
        md.registerExtension(self)


class _AttributeLists(AttrListTreeprocessor):
    BASE_RE = _ATTRIBUTE_LIST  # type: ignore[misc]
    HEADER_RE = re.compile(rf"[ ]+{_ATTRIBUTE_LIST}[ ]*$")  # type: ignore[misc]
    BLOCK_RE = re.compile(rf"\n[ ]*{_ATTRIBUTE_LIST}[ ]*$")  # type: ignore[misc]
    INLINE_RE = re.compile(_ATTRIBUTE_LIST)  # type: ignore[misc]


class _OpaqueParts(InlineProcessor):
    """Breaks, escaped signs, code, addresses and tags: nothing inside of them is markup."""

    def __init__(self, pattern: str, md: Markdown) -> None:
        super().__init__(pattern, md)
        self._rest = ""
        self._runs: dict[int, list[int]] = {}  # length: where runs of backticks begin, from the end

    def handleMatch(  # type: ignore[override]  # noqa: N802
        self, m: re.Match[str], data: str
    ) -> tuple[Element | str | None, int, int]:
        start, end = m.span()
        if m["break"]:
            return Element("br"), start, end
        if m["escaped"]:
            return f"{STX}{ord(m['escaped'])}{ETX}", start, end
        if m["ticks"]:
            return self._code(data, start, end)
        if m["html"] and not data.endswith("](", 0, start):
            return self.md.htmlStash.store(m["html"]), start, end
        if data.endswith("](", 0, start):  # the address of a link: [words](<with spaces.png>)
            return None, start, start + 1
        address = m["address"] or m["mail"]
        url = m["address"] or f"mailto:{m['mail']}"
        element = Element("a", {"href": url, "class": "bare-link"})
        element.text = AtomicString(address)
        return element, start, end

    def _code(self, data: str, start: int, end: int) -> tuple[Element | None, int, int]:
        """The code between this run of backticks and the next one of its length."""
        closing = self._next_run(data, end, end - start)
        if closing is None:
            return None, start, end
        code = data[end:closing].replace("\n", " ")
        if code.strip() and code[0] == code[-1] == " ":
            code = code[1:-1]
        element = Element("code")
        element.text = AtomicString(code_escape(code))
        return element, start, closing + end - start

    def _next_run(self, data: str, position: int, length: int) -> int | None:
        """Where the next run of exactly so many backticks begins.

        The runs are found once for a text: what Python-Markdown replaces lies before ``position``.
        """
        rest = data[position:]
        if not self._rest.endswith(rest):
            self._runs = {}
            for run in re.finditer("`+", rest):
                from_end = len(rest) - run.start()
                self._runs.setdefault(run.end() - run.start(), []).append(from_end)
            for starts in self._runs.values():
                starts.reverse()  # the next one is the last
        self._rest = rest
        starts = self._runs.get(length, [])
        while starts and starts[-1] > len(rest):
            starts.pop()
        return len(data) - starts[-1] if starts else None


class _Spans(InlineProcessor):
    """Links or images, which are found once for a text that is replaced from left to right."""

    is_image = False

    def __init__(self, pattern: str, md: Markdown) -> None:
        super().__init__(pattern, md)
        self._rest: str | None = None
        self._spans: dict[int, tuple[LinkSpan, int]] = {}  # by how far from the end they begin

    def handleMatch(  # type: ignore[override]  # noqa: N802
        self, m: re.Match[str], data: str
    ) -> tuple[Element | None, int | None, int | None]:
        rest = data[m.start() :]
        if self._rest is None or not self._rest.endswith(rest):
            self._find_spans(data)
        self._rest = rest
        start = m.start() - (m.start() > 0 and data[m.start() - 1] == "!" and not self.is_image)
        span = self._spans.get(len(data) - start)
        if span is None or start != m.start():
            return None, None, None
        link, length = span
        return self._element(link), start, start + length

    def forget(self) -> None:
        """Before another text, whose references are others."""
        self._rest = None

    def _find_spans(self, data: str) -> None:
        spans = find_link_spans(data, self.md.references, self._written_label)
        self._spans = {
            len(data) - span.start: (span, span.end - span.start)
            for span in spans
            if span.is_image is self.is_image
        }

    def _written_label(self, label: str) -> str:
        """A label as it was written, before parts of it became placeholders."""
        return INLINE_PLACEHOLDER_RE.sub(
            lambda match: _ESCAPE.sub(_escaped_sign, self._written_part(match[1])), label
        )

    def _written_part(self, placeholder: str) -> str:
        """What a placeholder stands for, as it was written; escaped signs in their own form."""
        inlines: Any = self.md.treeprocessors["inline"]
        node = inlines.stashed_nodes.get(placeholder, "")
        if isinstance(node, str):
            return _RAW_PLACEHOLDER.sub(
                lambda match: str(self.md.htmlStash.rawHtmlBlocks[int(match[1])]), node
            )
        text = "".join(node.itertext())
        if node.tag != "code":
            return f"<{text}>" if node.tag == "a" else text
        ticks = "`" * (max((len(run) for run in re.findall("`+", text)), default=0) + 1)
        return f"{ticks}{html.unescape(text)}{ticks}"

    def _attribute(self, text: str) -> str:
        """A part of a link that is shown or followed as it was written."""
        return decode_entities(
            INLINE_PLACEHOLDER_RE.sub(lambda match: self._written_part(match[1]), text)
        )

    def _element(self, link: LinkSpan) -> Element:
        raise NotImplementedError

    def _set_title(self, element: Element, title: str | None) -> None:
        if title:
            element.set("title", " ".join(self._attribute(title).split()))


class _Links(_Spans):
    def _element(self, link: LinkSpan) -> Element:
        element = Element("a", {"href": self._attribute(link.url)})
        self._set_title(element, link.title)
        element.text = link.label
        return element


class _Images(_Spans):
    is_image = True

    def _element(self, link: LinkSpan) -> Element:
        alt = _IN_ALT.sub(r"\2", decode_entities(self.unescape(link.label)))
        element = Element("img", {"src": self._attribute(link.url), "alt": alt})
        self._set_title(element, link.title)
        return element
