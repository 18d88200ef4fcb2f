"""One markdown file over time: as it stands, its last good version, and that version's page."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from quizserver.topics.folder import FileSignature, is_lesson
from quizserver.topics.lesson import ParsedLesson, RenderedLesson, parse_lesson, render_lesson
from quizserver.topics.links import SiteMap, resolve_link
from quizserver.topics.model import Diagnostic, Question
from quizserver.topics.question import ParsedQuestion, parse_question, render_question
from quizserver.topics.slugs import humanise_id
from quizserver.topics.source_text import decode_source

ParsedPage = ParsedQuestion | ParsedLesson
RenderedPage = Question | RenderedLesson


@dataclass(frozen=True)
class _CachedPage:
    """A page, and every address it asked for with the answer: good as long as the answers are."""

    parsed: ParsedPage
    topic: str
    page: RenderedPage
    resolved_urls: dict[tuple[str, str], str | None]


@dataclass
class PageFile:
    """``draft`` is the file as it stands (None: unreadable), ``good`` what is served of it."""

    path: str
    signature: FileSignature
    parsed: ParsedPage | None = None
    is_servable: bool = False
    last_good: ParsedPage | None = None
    diagnostics: tuple[Diagnostic, ...] = ()
    _cached_page: _CachedPage | None = None

    @property
    def folder(self) -> str:
        return self.path.split("/")[0]

    @property
    def is_stale(self) -> bool:
        """Whether an earlier version is served, because the file as it stands cannot be."""
        return self.last_good is not None and self.last_good is not self.parsed

    @property
    def candidate(self) -> ParsedPage | None:
        """What should be served of this file, unless another one has its id."""
        return self.parsed if self.is_servable else self.last_good

    def load_file(self, content: Path, signature: FileSignature) -> None:
        """Read and judge the file anew. Never raises; text that did not change costs nothing."""
        self.signature = signature
        try:
            data = (content / self.path).read_bytes()
        except OSError as error:
            message = f"This file cannot be read: {error.strerror or error}."
            hint = "Check that the server may read it."
            self._set_parsed(None, False, (Diagnostic(1, 1, "unreadable", message, hint, True),))
            return
        self.parse_bytes(data)

    def parse_bytes(self, data: bytes) -> None:
        """Judge what the file holds, or would hold. Never raises."""
        decoded = decode_source(data)
        is_readable = not any(diagnostic.fatal for diagnostic in decoded.diagnostics)
        if not decoded.text.strip():
            self._set_parsed(None, False, decoded.diagnostics)
        elif not (
            self.is_servable and self.parsed is not None and self.parsed.text == decoded.text
        ):
            parse = parse_lesson if is_lesson(self.path) else parse_question
            parsed = parse(self.path, decoded.text)
            self._set_parsed(
                parsed,
                is_readable and parsed.is_servable,
                (*decoded.diagnostics, *parsed.diagnostics),
            )

    def _set_parsed(
        self,
        parsed: ParsedPage | None,
        is_servable: bool,
        diagnostics: tuple[Diagnostic, ...],
    ) -> None:
        self.parsed, self.is_servable, self.diagnostics = parsed, is_servable, diagnostics

    def render_page(self, topic: str, site_map: SiteMap) -> RenderedPage:
        """The page of the good version; rendered again only when an address in it changed."""
        cached, parsed = self._cached_page, self.last_good
        if parsed is None:
            raise ValueError(f"{self.path} has no version that can be served")
        if (
            cached
            and cached.parsed is parsed
            and cached.topic == topic
            and self._links_unchanged(cached, site_map)
        ):
            return cached.page
        resolved_urls: dict[tuple[str, str], str | None] = {}

        def rewrite_url(name: str, url: str) -> str | None:
            resolved_urls[name, url] = resolve_link(site_map, self.path, name, url).url
            return resolved_urls[name, url]

        page: RenderedPage
        if isinstance(parsed, ParsedQuestion):
            page = render_question(parsed, topic=topic, rewrite=rewrite_url)
        else:
            title = humanise_id(self.folder)
            page = render_lesson(parsed, topic=topic, title=title, rewrite=rewrite_url)
        self._cached_page = _CachedPage(parsed, topic, page, resolved_urls)
        return page

    def _links_unchanged(self, cached: _CachedPage, site_map: SiteMap) -> bool:
        return all(
            resolve_link(site_map, self.path, *name_and_url).url == resolved_url
            for name_and_url, resolved_url in cached.resolved_urls.items()
        )
