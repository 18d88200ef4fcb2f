"""One markdown file as it stands: read, decoded, parsed and checked; and its page, rendered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from quizserver.file_signatures import FileSignature
from quizserver.topics.folder import is_lesson
from quizserver.topics.lesson import (
    ParsedLesson,
    RenderedLesson,
    parse_scanned_lesson,
    render_lesson,
)
from quizserver.topics.links import SiteMap, resolve_link
from quizserver.topics.markdown import scan_markdown
from quizserver.topics.model import Diagnostic, HtmlBlock, Question
from quizserver.topics.question import ParsedQuestion, parse_scanned_question, render_question
from quizserver.topics.slugs import humanise_id
from quizserver.topics.source_text import LARGEST_PAGE, decode_source
from quizserver.topics.tangles import find_tangle

ParsedPage = ParsedQuestion | ParsedLesson
RenderedPage = Question | RenderedLesson

MOST_HTML = 4 * 1024 * 1024
"""Characters of HTML that a page may be."""

NO_SIGNATURE: FileSignature = (0, 0, 0, 0)  # of a text that is not on the disk


@dataclass(frozen=True, slots=True)
class PageFile:
    """A file after it was read. ``parsed`` is None when nothing could be read, or it is empty.

    A file that cannot be served as it stands has a fatal diagnostic, but may well be parsed.
    """

    path: str
    signature: FileSignature
    parsed: ParsedPage | None
    is_servable: bool
    diagnostics: tuple[Diagnostic, ...]

    @property
    def folder(self) -> str:
        return self.path.split("/")[0]


def read_page_bytes(content: Path, path: str) -> bytes | Diagnostic:
    """The bytes of the file at ``path``, or what is wrong: too many, or none that can be read."""
    try:
        with (content / path).open("rb") as file:
            return file.read(LARGEST_PAGE + 1)
    except OSError as error:
        message = f"This file cannot be read: {error.strerror or error}."
        hint = "Check that the server may read it."
        return Diagnostic(1, 1, "unreadable", message, hint, True)


def parse_page_file(
    path: str,
    data: bytes,
    signature: FileSignature = NO_SIGNATURE,
    previous: PageFile | None = None,
) -> PageFile:
    """The file at ``path`` as it is, or would be, with these bytes. Never raises.

    Parses it, unless its text is that of ``previous``. Texts of any size: ``PageReader`` decides
    where that is done.
    """
    decoded = decode_source(data)
    if not decoded.text.strip():
        return PageFile(path, signature, None, False, decoded.diagnostics)
    parsed = previous.parsed if previous is not None else None
    if parsed is None or parsed.text != decoded.text:
        source = scan_markdown(decoded.text)
        tangle = find_tangle(source)
        if tangle is not None:
            return PageFile(path, signature, None, False, (*decoded.diagnostics, tangle))
        parse = parse_scanned_lesson if is_lesson(path) else parse_scanned_question
        parsed = parse(path, source)
    diagnostics = (*decoded.diagnostics, *parsed.diagnostics)
    is_servable = not any(diagnostic.fatal for diagnostic in diagnostics)
    return PageFile(path, signature, parsed, is_servable, diagnostics)


class UnrenderedPageError(Exception):
    """A page that is not served, though its file could be read: its diagnostic says why."""

    def __init__(self, diagnostic: Diagnostic) -> None:
        super().__init__(diagnostic.message)
        self.diagnostic = diagnostic


class PageTooLargeError(UnrenderedPageError):
    """A page of more than ``MOST_HTML`` characters of HTML."""


@dataclass(frozen=True, slots=True)
class CachedPage:
    """A rendered page, and where its links led: it is good as long as they lead there."""

    parsed: ParsedPage
    topic: str
    page: RenderedPage
    resolved_urls: Mapping[tuple[str, str], str | None]

    def is_current(self, parsed: ParsedPage, topic: str, site_map: SiteMap) -> bool:
        """Whether rendering ``parsed`` would give this page again."""
        return (
            self.parsed is parsed
            and self.topic == topic
            and all(
                resolve_link(site_map, parsed.path, attribute, url).url == resolved_url
                for (attribute, url), resolved_url in self.resolved_urls.items()
            )
        )


def render_page(parsed: ParsedPage, topic: str, site_map: SiteMap) -> CachedPage:
    """The page of a file that can be served, in the topic with this id.

    Raises PageTooLargeError.
    """
    resolved_urls: dict[tuple[str, str], str | None] = {}

    def rewrite_url(attribute: str, url: str) -> str | None:
        resolved_url = resolve_link(site_map, parsed.path, attribute, url).url
        resolved_urls[attribute, url] = resolved_url
        return resolved_url

    page: RenderedPage
    if isinstance(parsed, ParsedQuestion):
        page = render_question(parsed, topic=topic, rewrite=rewrite_url)
    else:
        title = humanise_id(parsed.path.split("/")[0])
        page = render_lesson(parsed, topic=topic, title=title, rewrite=rewrite_url)
    size = _html_size(page)
    if size > MOST_HTML:
        message = f"This page is {size:,} characters of HTML; a page may be {MOST_HTML:,}."
        hint = "Split it, or repeat less of it."
        raise PageTooLargeError(Diagnostic(1, 1, "too-large", message, hint, True))
    return CachedPage(parsed, topic, page, resolved_urls)


def _html_size(page: RenderedPage) -> int:
    """The characters of HTML in all parts of a page."""
    if isinstance(page, RenderedLesson):
        blocks = page.lesson.blocks
        return sum(len(block.html) for block in blocks if isinstance(block, HtmlBlock))
    parts = [page.stem_html, page.explanation_html, page.references_html, *page.hints_html]
    parts += [html for option in page.options for html in (option.html, option.feedback_html)]
    return sum(len(part) for part in parts if part is not None)
