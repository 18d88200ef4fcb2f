"""One markdown file as it stands: read, decoded, parsed and checked; and its page, rendered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from quizserver.file_signatures import FileSignature
from quizserver.topics.folder import is_lesson
from quizserver.topics.lesson import (
    ParsedLesson,
    RenderedLesson,
    defer_lesson_html,
    parse_scanned_lesson,
    render_lesson,
)
from quizserver.topics.links import SiteMap, resolve_link
from quizserver.topics.markdown import scan_markdown
from quizserver.topics.model import Diagnostic, HtmlBlock, Question
from quizserver.topics.question import (
    ParsedQuestion,
    defer_question_html,
    parse_scanned_question,
    render_question,
)
from quizserver.topics.sanitise import RewriteUrl, SizedImage
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
    """A page, and where its links led when its HTML was rendered, and how large its images were: it
    is good as long as that is so. Until then, ``resolved_urls`` is empty.
    """

    parsed: ParsedPage
    topic: str
    page: RenderedPage
    resolved_urls: Mapping[tuple[str, str], str | SizedImage | None]

    @property
    def is_rendered(self) -> bool:
        page = self.page.lesson if isinstance(self.page, RenderedLesson) else self.page
        return page.html.is_made

    def is_of(self, parsed: ParsedPage, topic: str) -> bool:
        """Whether all of it but its links is what ``parsed`` gives."""
        return self.parsed is parsed and self.topic == topic

    def is_current(
        self, parsed: ParsedPage, topic: str, site_map: SiteMap, *, is_known_site: bool
    ) -> bool:
        """Whether ``parsed`` would give this page again.

        ``is_known_site``: a page that was not rendered yet would resolve its links with the same.
        """
        if not self.is_of(parsed, topic):
            return False
        if not self.is_rendered:
            return is_known_site
        return all(
            resolve_link(site_map, parsed.path, attribute, url).address == resolved_url
            for (attribute, url), resolved_url in self.resolved_urls.items()
        )


def defer_page(
    parsed: ParsedPage, topic: str, site_map: SiteMap, previous: CachedPage | None = None
) -> CachedPage:
    """The page of a file that can be served, in the topic with this id. Its HTML is rendered at its
    first use, with links that lead where ``site_map`` says.

    What needs no HTML is taken from ``previous``, if that is a page of the same.
    """
    resolved_urls: dict[tuple[str, str], str | SizedImage | None] = {}

    def rewrite_url(attribute: str, url: str) -> str | SizedImage | None:
        resolved_url = resolve_link(site_map, parsed.path, attribute, url).address
        resolved_urls[attribute, url] = resolved_url
        return resolved_url

    if previous is not None and previous.is_of(parsed, topic):
        page = _with_new_html(previous.page, parsed, rewrite_url)
    elif isinstance(parsed, ParsedQuestion):
        page = render_question(parsed, topic=topic, rewrite=rewrite_url)
    else:
        title = humanise_id(parsed.path.split("/")[0])
        page = render_lesson(parsed, topic=topic, title=title, rewrite=rewrite_url)
    return CachedPage(parsed, topic, page, resolved_urls)


def _with_new_html(page: RenderedPage, parsed: ParsedPage, rewrite: RewriteUrl) -> RenderedPage:
    if isinstance(page, Question):
        assert isinstance(parsed, ParsedQuestion), "it is the question's file"
        return replace(page, html=defer_question_html(parsed, rewrite))
    assert not isinstance(parsed, ParsedQuestion), "it is the lesson's file"
    return replace(page, lesson=replace(page.lesson, html=defer_lesson_html(parsed, rewrite)))


def render_page(parsed: ParsedPage, topic: str, site_map: SiteMap) -> CachedPage:
    """Like ``defer_page``, but rendered and measured. Raises PageTooLargeError."""
    cached = defer_page(parsed, topic, site_map)
    size = _html_size(cached.page)
    if size > MOST_HTML:
        message = f"This page is {size:,} characters of HTML; a page may be {MOST_HTML:,}."
        hint = "Split it, or repeat less of it."
        raise PageTooLargeError(Diagnostic(1, 1, "too-large", message, hint, True))
    return cached


def repeated_characters(parsed: ParsedPage) -> int:
    """The most characters of notes that the page of a question may repeat.

    Each of its parts is converted with the notes that it uses, and a lesson is one part. What the
    definitions of links repeat is limited before (``quizserver.topics.tangles``).
    """
    if not isinstance(parsed, ParsedQuestion):
        return 0
    notes = [definition for definition in parsed.definitions if definition.url is None]
    length = sum(len(definition.text) for definition in notes)
    return length * parsed.text.count("[^") if notes else 0


def _html_size(page: RenderedPage) -> int:
    """The characters of HTML in all parts of a page."""
    if isinstance(page, RenderedLesson):
        blocks = page.lesson.blocks
        return sum(len(block.html) for block in blocks if isinstance(block, HtmlBlock))
    parts = [page.stem_html, page.explanation_html, page.references_html, *page.hints_html]
    parts += [html for option in page.options for html in (option.html, option.feedback_html)]
    return sum(len(part) for part in parts if part is not None)
