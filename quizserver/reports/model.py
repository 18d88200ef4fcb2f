"""A learner's report that something is wrong with a question, and what its text may be. Pure."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, get_args

from quizserver.attempts.reveals import Stage
from quizserver.locale_formats import format_count
from quizserver.translation import gettext
from quizserver.visible_text import has_visible_character

TEXT_MAX = 1000
"""Characters of a report."""
REPORTS_MAX = 3
"""Reports of one person at one question within ``REPORTS_PERIOD``."""
REPORTS_PERIOD = timedelta(days=1)

ReportStatus = Literal["open", "closed", "all"]
STATUSES: tuple[ReportStatus, ...] = get_args(ReportStatus)


@dataclass(frozen=True, slots=True)
class NewReport:
    """A report that is to be kept.

    ``stage`` is the state of the question for the person. ``version`` is that of the text that they
    had before them, None where that has been edited meanwhile.
    """

    question: str
    version: str | None
    stage: Stage
    text: str


@dataclass(frozen=True, slots=True)
class OwnReport:
    """A report as the person sees it who made it; ``closed_at`` is None while it is open."""

    text: str
    reported_at: datetime
    closed_at: datetime | None


@dataclass(frozen=True, slots=True)
class QuestionReport:
    """A report as authors see it, who don't see whose it is.

    ``closed_by`` is the address of whoever closed it, None also where their account is gone.
    """

    id: int
    question: str
    version: str | None
    stage: Stage
    text: str
    reported_at: datetime
    closed_at: datetime | None
    closed_by: str | None


@dataclass(frozen=True, slots=True)
class ReportFilter:
    """Which reports are looked for; a ``question`` of None takes those of all questions."""

    question: str | None = None
    status: ReportStatus = "open"


def normalise_report(text: str) -> str:
    """The text in normal form C, with "\\n" between its lines and no space around it."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return unicodedata.normalize("NFC", "\n".join(line.rstrip() for line in lines)).strip()


def report_fault(text: str) -> str | None:
    """What is wrong with a text in ``normalise_report``'s form, for whoever wrote it; None if
    nothing is."""
    if not has_visible_character(text):
        return gettext("Say in a sentence what is wrong, then send it.")
    if len(text) > TEXT_MAX:
        return gettext(
            "These are %(length)s characters; at most %(maximum)s can be kept. Shorten it.",
            length=format_count(len(text)),
            maximum=format_count(TEXT_MAX),
        )
    return None
