"""One markdown file over time: as it stands, its last good version, and that version's page."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from quizserver.topics.folder import Signature, is_lesson
from quizserver.topics.identity import humanise
from quizserver.topics.lesson import BuiltLesson, LessonDraft, build_lesson, draft_lesson
from quizserver.topics.links import Site, resolve
from quizserver.topics.model import Question
from quizserver.topics.question import Draft, build_question, draft_question
from quizserver.topics.text import Flaw, decode

AnyDraft = Draft | LessonDraft
Page = Question | BuiltLesson


@dataclass(frozen=True)
class _Built:
    """A page, and every address it asked for with the answer: good as long as the answers are."""

    draft: AnyDraft
    topic: str
    page: Page
    asked: dict[tuple[str, str], str | None]


@dataclass
class PageFile:
    """``draft`` is the file as it stands (None: unreadable), ``good`` what is served of it."""

    path: str
    signature: Signature
    draft: AnyDraft | None = None
    usable: bool = False
    good: AnyDraft | None = None
    flaws: tuple[Flaw, ...] = ()
    _built: _Built | None = None

    @property
    def folder(self) -> str:
        return self.path.split("/")[0]

    @property
    def kept(self) -> bool:
        """Whether an earlier version is served, because the file as it stands cannot be."""
        return self.good is not None and self.good is not self.draft

    @property
    def candidate(self) -> AnyDraft | None:
        """What should be served of this file, unless another one has its id."""
        return self.draft if self.usable else self.good

    def read(self, content: Path, signature: Signature) -> None:
        """Read and judge the file anew. Never raises; text that did not change costs nothing."""
        self.signature = signature
        try:
            data = (content / self.path).read_bytes()
        except OSError as error:
            message = f"This file cannot be read: {error.strerror or error}."
            hint = "Check that the server may read it."
            self._take(None, False, (Flaw(1, 1, "unreadable", message, hint, True),))
            return
        self.judge(data)

    def judge(self, data: bytes) -> None:
        """Judge what the file holds, or would hold. Never raises."""
        decoded = decode(data)
        readable = not any(flaw.fatal for flaw in decoded.flaws)
        if not decoded.text.strip():
            self._take(None, False, decoded.flaws)
        elif not (self.usable and self.draft is not None and self.draft.text == decoded.text):
            make = draft_lesson if is_lesson(self.path) else draft_question
            draft = make(self.path, decoded.text)
            self._take(draft, readable and draft.usable, (*decoded.flaws, *draft.flaws))

    def _take(self, draft: AnyDraft | None, usable: bool, flaws: tuple[Flaw, ...]) -> None:
        self.draft, self.usable, self.flaws = draft, usable, flaws

    def build(self, topic: str, site: Site) -> Page:
        """The page of the good version; rendered again only when an address in it changed."""
        built, draft = self._built, self.good
        if draft is None:
            raise ValueError(f"{self.path} has no version that can be served")
        if built and built.draft is draft and built.topic == topic and self._holds(built, site):
            return built.page
        asked: dict[tuple[str, str], str | None] = {}

        def rewrite(name: str, url: str) -> str | None:
            asked[name, url] = resolve(site, self.path, name, url).address
            return asked[name, url]

        page: Page
        if isinstance(draft, Draft):
            page = build_question(draft, topic=topic, rewrite=rewrite)
        else:
            title = humanise(self.folder)
            page = build_lesson(draft, topic=topic, title=title, rewrite=rewrite)
        self._built = _Built(draft, topic, page, asked)
        return page

    def _holds(self, built: _Built, site: Site) -> bool:
        return all(
            resolve(site, self.path, *key).address == got for key, got in built.asked.items()
        )
