"""A page as one author finds it, and what can come of working on it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from quizserver.authoring import merge, store
from quizserver.authoring.files import PageRef, digest_or_none, normalise_text
from quizserver.topics.dry_run import DryRun
from quizserver.topics.source_text import LARGEST_PAGE

PageStatus = Literal["new", "live", "draft", "conflict"]


class RefusedTextError(ValueError):
    """A text that can't be kept; the message says why."""


@dataclass(frozen=True, slots=True)
class PageState:
    """A page as one author finds it.

    ``text`` is their draft, or without one what the file holds; ``live`` is what it holds (None:
    there is no file). ``base`` is the digest of the file that ``text`` was begun from, ``seen``
    that of the stored draft. In a "conflict" the file was changed since then.
    """

    ref: PageRef
    text: str
    file_text: str | None
    base_digest: str | None
    draft_digest: str | None
    saved_at: datetime | None

    @property
    def status(self) -> PageStatus:
        if self.draft_digest is None:
            return "new" if self.file_text is None else "live"
        if self.text == self.file_text:
            return "live"
        return "draft" if self.base_digest == digest_or_none(self.file_text) else "conflict"

    @property
    def unpublished(self) -> bool:
        """Whether the author has a text that the file does not hold."""
        return self.status in ("draft", "conflict")


@dataclass(frozen=True, slots=True)
class Conflict:
    """The three texts of a conflict ("" for a file that is not there), and a proposal of both.

    ``base`` is None when nobody kept the text that the draft was begun from.
    """

    theirs: str
    yours: str
    base_text: str | None
    merged: merge.MergeResult
    file_version: store.FileVersion | None


@dataclass(frozen=True, slots=True)
class PublishResult:
    """What came of a publication or a deletion. A refusal's trial tells the problems."""

    outcome: Literal["published", "deleted", "unchanged", "refused", "conflict", "draft"]
    dry_run: DryRun | None = None


def validate_page_text(text: str) -> str:
    """The text as it is kept. Raises RefusedTextError when it is too large for a page."""
    text = normalise_text(text)
    byte_count = len(text.encode())
    if byte_count > LARGEST_PAGE:
        raise RefusedTextError(
            f"A page may hold {LARGEST_PAGE:,} bytes; this one has {byte_count:,}. Split it."
        )
    return text


def build_conflict(
    page_state: PageState, base_text: str | None, newest_version: store.FileVersion | None
) -> Conflict:
    """The conflict of ``work`` with its file.

    ``base`` is the text that the draft was begun from ("": there was no file; None: nobody kept
    it), ``newest`` the latest version that was.
    """
    theirs = page_state.file_text or ""
    # Without the base, nothing says who changed what: every difference is then a clash.
    common_text = merge.common_prefix(theirs, page_state.text) if base_text is None else base_text
    file_version = (
        newest_version
        if newest_version is not None and newest_version.digest == digest_or_none(theirs)
        else None
    )
    return Conflict(
        theirs,
        page_state.text,
        base_text,
        merge.merge_texts(common_text, theirs, page_state.text),
        file_version,
    )
