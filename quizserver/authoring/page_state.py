"""The state of a page for one author, its conflicts, and the results of publishing. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from quizserver.authoring import merge, store
from quizserver.authoring.files import PageRef, digest_or_none, text_digest
from quizserver.topics.dry_run import DryRun

PageStatus = Literal["new", "live", "draft", "conflict"]


@dataclass(frozen=True, slots=True)
class PageState:
    """A page as it stands for one author.

    ``text`` is the author's draft or, without one, the text of the file; ``file_text`` is None when
    there is no file. ``base_digest`` is the digest of the file that ``text`` was begun from,
    ``draft_digest`` that of the stored draft (None: there is none). In a "conflict" the file was
    changed since the draft was begun.
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


def build_page_state(
    ref: PageRef, file_text: str | None, stored_draft: store.StoredDraft | None
) -> PageState:
    """The state of a page with this file and this draft (None: there is none)."""
    if stored_draft is None:
        return PageState(ref, file_text or "", file_text, digest_or_none(file_text), None, None)
    return PageState(
        ref,
        stored_draft.source,
        file_text,
        stored_draft.base_digest,
        text_digest(stored_draft.source),
        stored_draft.updated_at,
    )


@dataclass(frozen=True, slots=True)
class Conflict:
    """The three texts of a conflict ("" for a file that is not there), and a merge of both sides.

    ``base_text`` is None when the text that the draft was begun from is not stored.
    ``file_version`` is the stored version that the file holds now, None when it is not stored.
    """

    theirs: str
    yours: str
    base_text: str | None
    merged: merge.MergeResult
    file_version: store.FileVersion | None


@dataclass(frozen=True, slots=True)
class PublishResult:
    """The outcome of publishing or deleting a page, and what the text's dry run found."""

    outcome: Literal["published", "deleted", "unchanged", "refused", "conflict", "draft"]
    dry_run: DryRun | None = None


def build_conflict(
    page_state: PageState, base_text: str | None, newest_version: store.FileVersion | None
) -> Conflict:
    """The conflict of the draft with its file.

    ``base_text`` is the text that the draft was begun from ("": there was no file; None: it is not
    stored), ``newest_version`` the latest version stored.
    """
    theirs = page_state.file_text or ""
    # Without the base it is unknown which side changed a line: every difference is a conflict.
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
