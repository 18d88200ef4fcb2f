"""A page as one author finds it, and what can come of working on it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from quizserver.authoring import merge, store
from quizserver.authoring.files import Place, digest_of, normal
from quizserver.topics.text import LARGEST
from quizserver.topics.trial import Trial

State = Literal["new", "live", "draft", "conflict"]


class RefusedTextError(ValueError):
    """A text that can't be kept; the message says why."""


@dataclass(frozen=True, slots=True)
class Work:
    """A page as one author finds it.

    ``text`` is their draft, or without one what the file holds; ``live`` is what it holds (None:
    there is no file). ``base`` is the digest of the file that ``text`` was begun from, ``seen``
    that of the stored draft. In a "conflict" the file was changed since then.
    """

    where: Place
    text: str
    live: str | None
    base: str | None
    seen: str | None
    saved_at: datetime | None

    @property
    def state(self) -> State:
        if self.seen is None:
            return "new" if self.live is None else "live"
        if self.text == self.live:
            return "live"
        return "draft" if self.base == digest_of(self.live) else "conflict"

    @property
    def unpublished(self) -> bool:
        """Whether the author has a text that the file does not hold."""
        return self.state in ("draft", "conflict")


@dataclass(frozen=True, slots=True)
class Clash:
    """The three texts of a conflict ("" for a file that is not there), and a proposal of both.

    ``base`` is None when nobody kept the text that the draft was begun from.
    """

    theirs: str
    yours: str
    base: str | None
    merged: merge.Merged
    by: store.Version | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a publication or a deletion. A refusal's trial tells the problems."""

    how: Literal["published", "deleted", "unchanged", "refused", "conflict", "draft"]
    trial: Trial | None = None


def checked(text: str) -> str:
    """The text as it is kept. Raises RefusedTextError when it is too large for a page."""
    text = normal(text)
    size = len(text.encode())
    if size > LARGEST:
        raise RefusedTextError(
            f"A page may hold {LARGEST:,} bytes; this one has {size:,}. Split it."
        )
    return text


def clash(work: Work, base: str | None, newest: store.Version | None) -> Clash:
    """The conflict of ``work`` with its file.

    ``base`` is the text that the draft was begun from ("": there was no file; None: nobody kept
    it), ``newest`` the latest version that was.
    """
    theirs = work.live or ""
    # Without the base, nothing says who changed what: every difference is then a clash.
    common = merge.common_start(theirs, work.text) if base is None else base
    by = newest if newest is not None and newest.digest == digest_of(theirs) else None
    return Clash(theirs, work.text, base, merge.merge(common, theirs, work.text), by)
