"""Reads and writes attempts and standings. Every function takes a session."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from quizserver.attempts import experiments_store
from quizserver.attempts.model import Attempt, Standing, Submission
from quizserver.db.session import insert_if_new
from quizserver.db.tables import attempt, question_version, standing

_ATTEMPT_COLUMNS = tuple(attempt.c[name] for name in Attempt.__dataclass_fields__)
_STANDING_COLUMNS = tuple(standing.c[name] for name in Standing.__dataclass_fields__)


class AttemptConflictError(ValueError):
    """This attempt is recorded already with another choice, or an earlier one is missing."""


def record_attempt(session: Session, person_id: int, submission: Submission) -> Attempt:
    """Records a submission once and updates the standing, in the caller's transaction.

    The same submission sent again returns the attempt that is recorded. Raises AttemptConflictError
    when that number is taken by another choice or is not the next one.
    """
    store_version(
        session, submission.question, submission.version, submission.source, datetime.now(UTC)
    )
    previous = _read_standing(session, person_id, submission.question, lock=True)
    answered = previous.attempts if previous else 0
    if submission.number > answered + 1:
        raise AttemptConflictError("An earlier attempt at this question is missing.")
    if submission.number <= answered or not _insert_attempt(session, person_id, submission):
        stored = read_attempt(session, person_id, submission.question, submission.number)
        if stored is None or frozenset(stored.chosen) != frozenset(submission.chosen):
            raise AttemptConflictError(
                "This attempt has been answered already, with another choice."
            )
        return stored
    recorded = read_attempt(session, person_id, submission.question, submission.number)
    assert recorded is not None
    _write_standing(session, person_id, previous, recorded)
    return recorded


def store_version(
    session: Session, question: str, version: str, source: str, now: datetime
) -> None:
    """Stores the text of a version that is answered, unless it is stored already."""
    insert_if_new(
        session,
        question_version,
        question=question,
        version=version,
        source=source,
        first_answered_at=now,
    )


def read_attempt(session: Session, person_id: int, question: str, number: int) -> Attempt | None:
    """A person's attempt of that number at a question, or None."""
    attempts = _select_attempts(
        session,
        attempt.c.person_id == person_id,
        attempt.c.question == question,
        attempt.c.number == number,
    )
    return attempts[0] if attempts else None


def attempts_at_question(session: Session, person_id: int, question: str) -> list[Attempt]:
    """A person's attempts at a question, first to latest."""
    return _select_attempts(
        session, attempt.c.person_id == person_id, attempt.c.question == question
    )


def recent_attempts(session: Session, person_id: int, limit: int = 10) -> list[Attempt]:
    """A person's latest attempts at anything, newest first."""
    rows = session.execute(
        sa.select(*_ATTEMPT_COLUMNS)
        .where(attempt.c.person_id == person_id)
        .order_by(attempt.c.answered_at.desc(), attempt.c.id.desc())
        .limit(limit)
    )
    return [_attempt_from_row(row) for row in rows]


def read_standings(session: Session, person_id: int) -> dict[str, Standing]:
    """A person's standings by question id."""
    rows = session.execute(sa.select(*_STANDING_COLUMNS).where(standing.c.person_id == person_id))
    return {row.question: Standing(*row) for row in rows}


def has_answered_any(session: Session, person_id: int, questions: Collection[str]) -> bool:
    answered = sa.select(sa.literal(1)).where(
        standing.c.person_id == person_id, standing.c.question.in_(questions)
    )
    return session.scalar(answered.limit(1)) is not None


def merge_guest_attempts(session: Session, guest_id: int, account_id: int) -> None:
    """Moves a guest's attempts and experiments to an account.

    The guest's attempts are numbered after the account's own, so the account's first stay first.
    """
    experiments_store.merge_guest_experiments(session, guest_id, account_id)
    own_counts = {name: s.attempts for name, s in read_standings(session, account_id).items()}
    for question, guest_standing in read_standings(session, guest_id).items():
        # Highest number first: no two rows may have the same number in between.
        for number in range(guest_standing.attempts, 0, -1):
            session.execute(
                sa.update(attempt)
                .where(
                    attempt.c.person_id == guest_id,
                    attempt.c.question == question,
                    attempt.c.number == number,
                )
                .values(person_id=account_id, number=number + own_counts.get(question, 0))
            )
    session.execute(sa.delete(standing).where(standing.c.person_id == guest_id))
    rebuild_standings(session, account_id)


def rebuild_standings(session: Session, person_id: int | None = None) -> int:
    """Computes standings again from the attempts, of one person or all; returns how many."""
    delete_old = sa.delete(standing)
    select_attempts = sa.select(attempt.c.person_id, *_ATTEMPT_COLUMNS).order_by(
        attempt.c.person_id, attempt.c.question, attempt.c.number
    )
    if person_id is not None:
        delete_old = delete_old.where(standing.c.person_id == person_id)
        select_attempts = select_attempts.where(attempt.c.person_id == person_id)
    session.execute(delete_old)
    rows = session.execute(select_attempts)
    summaries: dict[tuple[int, str], dict[str, Any]] = {}
    for row in rows:
        key = (row.person_id, row.question)
        summaries[key] = next_standing(summaries.get(key), row.mark, row.answered_at)
    for (person, question), values in summaries.items():
        session.execute(sa.insert(standing).values(person_id=person, question=question, **values))
    return len(summaries)


def read_version_source(session: Session, question: str, version: str) -> str | None:
    """The text of a version of a question that was answered; None when it is not stored."""
    return session.scalar(
        sa.select(question_version.c.source).where(
            question_version.c.question == question, question_version.c.version == version
        )
    )


def export_attempts(session: Session, person_id: int) -> dict[str, Any]:
    """Every attempt and experiment of a person as plain data, for their own download."""
    attempts = _select_attempts(session, attempt.c.person_id == person_id)
    return {
        "attempts": [
            {
                "question": a.question,
                "version": a.version,
                "number": a.number,
                "shown": list(a.shown),
                "chosen": list(a.chosen),
                "right": a.right,
                "hints_seen": a.hints_seen,
                "answered_at": a.answered_at.isoformat(),
                "seconds": a.seconds,
            }
            for a in attempts
        ],
        "experiments": experiments_store.export_experiments(session, person_id),
    }


def _insert_attempt(session: Session, person_id: int, submission: Submission) -> bool:
    return insert_if_new(
        session,
        attempt,
        person_id=person_id,
        question=submission.question,
        version=submission.version,
        number=submission.number,
        shown=list(submission.shown),
        chosen=sorted(submission.chosen),
        right=submission.right,
        mark=submission.mark,
        hints_seen=submission.hints_seen,
        answered_at=datetime.now(UTC),
        seconds=submission.seconds,
    )


def _select_attempts(session: Session, *conditions: sa.ColumnElement[bool]) -> list[Attempt]:
    rows = session.execute(
        sa.select(*_ATTEMPT_COLUMNS)
        .where(*conditions)
        .order_by(attempt.c.question, attempt.c.number)
    )
    return [_attempt_from_row(row) for row in rows]


def _attempt_from_row(row: Iterable[Any]) -> Attempt:
    values = dict(zip(Attempt.__dataclass_fields__, row, strict=True))
    return Attempt(**values | {name: tuple(values[name]) for name in ("shown", "chosen")})


def _read_standing(
    session: Session, person_id: int, question: str, *, lock: bool
) -> Standing | None:
    statement = sa.select(*_STANDING_COLUMNS).where(
        standing.c.person_id == person_id, standing.c.question == question
    )
    row = session.execute(statement.with_for_update() if lock else statement).first()
    return Standing(*row) if row else None


def _write_standing(
    session: Session, person_id: int, previous: Standing | None, recorded: Attempt
) -> None:
    conditions = (standing.c.person_id == person_id, standing.c.question == recorded.question)
    if previous is None:
        values = next_standing(None, recorded.mark, recorded.answered_at)
        session.execute(
            sa.insert(standing).values(person_id=person_id, question=recorded.question, **values)
        )
    else:
        old_values = {name: getattr(previous, name) for name in Standing.__dataclass_fields__}
        del old_values["question"]
        values = next_standing(old_values, recorded.mark, recorded.answered_at)
        session.execute(sa.update(standing).where(*conditions).values(**values))


def next_standing(previous: dict[str, Any] | None, mark: float, moment: datetime) -> dict[str, Any]:
    """The columns of a standing after one more attempt, without the person and the question."""
    if previous is None:
        return {
            "attempts": 1,
            "first_mark": mark,
            "best_mark": mark,
            "latest_mark": mark,
            "first_at": moment,
            "latest_at": moment,
        }
    return previous | {
        "attempts": previous["attempts"] + 1,
        "best_mark": max(previous["best_mark"], mark),
        "latest_mark": mark,
        "latest_at": moment,
    }
