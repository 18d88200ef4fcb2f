"""Reads and writes reports about questions. Every function takes a session."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from quizserver.attempts.standings_store import lock_person
from quizserver.db.session import changed_rows
from quizserver.db.tables import person, question_report
from quizserver.reports.model import (
    REPORTS_MAX,
    REPORTS_PERIOD,
    NewReport,
    OwnReport,
    QuestionReport,
    ReportFilter,
)

_OWN_COLUMNS = tuple(question_report.c[name] for name in OwnReport.__dataclass_fields__)
_SHOWN_COLUMNS = (
    *(question_report.c[n] for n in QuestionReport.__dataclass_fields__ if n != "closed_by"),
    person.c.email.label("closed_by"),
)


class TooManyReportsError(ValueError):
    """The person has reported as often as they may; ``seconds`` from now they may again."""

    def __init__(self, seconds: int) -> None:
        super().__init__(f"wait {seconds} s")
        self.seconds = seconds


def record_report(session: Session, person_id: int, report: NewReport, now: datetime) -> bool:
    """Keeps a report once; False when the person has an open one with the same text.

    Raises TooManyReportsError, and NoGuestError when the person is a guest whom an account absorbed
    meanwhile.
    """
    lock_person(session, person_id)
    own = (
        question_report.c.person_id == person_id,
        question_report.c.question == report.question,
    )
    same = sa.select(question_report.c.id).where(
        *own, question_report.c.text == report.text, question_report.c.closed_at.is_(None)
    )
    if session.scalar(same.limit(1)) is not None:
        return False
    moments = session.scalars(
        sa.select(question_report.c.reported_at)
        .where(*own, question_report.c.reported_at > now - REPORTS_PERIOD)
        .order_by(question_report.c.reported_at.desc())
        .limit(REPORTS_MAX)
    ).all()
    if len(moments) == REPORTS_MAX:
        wait = moments[-1] + REPORTS_PERIOD - now
        raise TooManyReportsError(max(1, int(wait.total_seconds())))
    session.execute(
        sa.insert(question_report).values(
            person_id=person_id,
            question=report.question,
            version=report.version,
            stage=report.stage,
            text=report.text,
            reported_at=now,
        )
    )
    return True


def own_reports(session: Session, person_id: int, question: str) -> list[OwnReport]:
    """A person's reports about a question, oldest first."""
    statement = sa.select(*_OWN_COLUMNS).where(
        question_report.c.person_id == person_id, question_report.c.question == question
    )
    return [OwnReport(*row) for row in session.execute(statement.order_by(question_report.c.id))]


def count_open_reports(session: Session) -> dict[str, int]:
    """How many reports are open, by question; questions without one are left out."""
    rows = session.execute(
        sa.select(question_report.c.question, sa.func.count().label("open"))
        .where(question_report.c.closed_at.is_(None))
        .group_by(question_report.c.question)
    )
    return {row.question: row.open for row in rows}


def reported_questions(session: Session) -> list[str]:
    """The questions about which there is any report, open or closed, in order."""
    statement = sa.select(question_report.c.question).distinct()
    return list(session.scalars(statement.order_by(question_report.c.question)))


def count_reports(session: Session, wanted: ReportFilter) -> int:
    statement = sa.select(sa.func.count()).select_from(question_report).where(*_conditions(wanted))
    return session.scalar(statement) or 0


def list_reports(
    session: Session, wanted: ReportFilter, *, offset: int, limit: int
) -> list[QuestionReport]:
    """The reports, newest first."""
    rows = session.execute(
        sa.select(*_SHOWN_COLUMNS)
        .select_from(question_report.outerjoin(person, person.c.id == question_report.c.closed_by))
        .where(*_conditions(wanted))
        .order_by(question_report.c.id.desc())
        .offset(offset)
        .limit(limit)
    )
    return [QuestionReport(*row) for row in rows]


def close_report(session: Session, report_id: int, author_id: int, now: datetime) -> bool:
    """Closes a report; False when it is closed already. Raises LookupError when there is none."""
    return _change_status(
        session, report_id, was_open=True, values={"closed_at": now, "closed_by": author_id}
    )


def reopen_report(session: Session, report_id: int) -> bool:
    """Opens a report again; False when it is open. Raises LookupError when there is none."""
    values = {"closed_at": None, "closed_by": None}
    return _change_status(session, report_id, was_open=False, values=values)


def merge_guest_reports(session: Session, guest_id: int, account_id: int) -> None:
    """Moves a guest's reports to an account."""
    session.execute(
        sa.update(question_report)
        .where(question_report.c.person_id == guest_id)
        .values(person_id=account_id)
    )


def export_reports(session: Session, person_id: int) -> dict[str, Any]:
    """Every report of a person as plain data, for their own download.

    It leaves the version out: a digest of the question's whole text, by which somebody could check
    guesses at its key.
    """
    rows = session.execute(
        sa.select(question_report)
        .where(question_report.c.person_id == person_id)
        .order_by(question_report.c.id)
    )
    return {
        "reports": [
            {
                "question": row.question,
                "state": row.stage,
                "text": row.text,
                "reported_at": row.reported_at.isoformat(),
                "closed_at": row.closed_at.isoformat() if row.closed_at is not None else None,
            }
            for row in rows
        ]
    }


def _change_status(
    session: Session, report_id: int, *, was_open: bool, values: dict[str, Any]
) -> bool:
    closed_at = question_report.c.closed_at
    statement = (
        sa.update(question_report)
        .where(
            question_report.c.id == report_id,
            closed_at.is_(None) if was_open else closed_at.is_not(None),
        )
        .values(values)
    )
    if changed_rows(session.execute(statement)):
        return True
    found = sa.select(question_report.c.id).where(question_report.c.id == report_id)
    if session.scalar(found) is None:
        raise LookupError(f"there is no report {report_id}")
    return False


def _conditions(wanted: ReportFilter) -> list[sa.ColumnElement[bool]]:
    conditions: list[sa.ColumnElement[bool]] = []
    if wanted.question is not None:
        conditions.append(question_report.c.question == wanted.question)
    if wanted.status != "all":
        closed_at = question_report.c.closed_at
        conditions.append(
            closed_at.is_(None) if wanted.status == "open" else closed_at.is_not(None)
        )
    return conditions
