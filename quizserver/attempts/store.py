"""Reads and writes attempts and standings. Every function takes a session."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from quizserver.attempts import experiments_store, reveals_store
from quizserver.attempts.model import Attempt, LearnerProgress, Standing, Submission
from quizserver.attempts.reveals import Reveal, RevealReason
from quizserver.attempts.standings_store import (
    lock_people,
    lock_person,
    rebuild_standings,
    update_standing,
)
from quizserver.db.session import insert_if_new
from quizserver.db.tables import (
    attempt,
    person,
    question_report,
    question_version,
    reveal,
    standing,
)

_ATTEMPT_COLUMNS = tuple(attempt.c[name] for name in Attempt.__dataclass_fields__)
_STANDING_COLUMNS = tuple(standing.c[name] for name in Standing.__dataclass_fields__)

# What almost every request runs is made once: SQLAlchemy takes longer to make it than to run it.
_PERSON: sa.BindParameter[int] = sa.bindparam("person_id")
_QUESTION: sa.BindParameter[str] = sa.bindparam("question")
_VERSION: sa.BindParameter[str] = sa.bindparam("version")
_HAS_VERSION = sa.exists().where(
    question_version.c.question == _QUESTION, question_version.c.version == _VERSION
)
_WITH_REVEAL = person.outerjoin(
    reveal, sa.and_(reveal.c.person_id == person.c.id, reveal.c.question == _QUESTION)
)
_SO_FAR = (
    sa.select(
        standing.c.attempts,
        standing.c.latest_at,
        reveal.c.revealed_at,
        _HAS_VERSION.label("has_version"),
    )
    .select_from(
        _WITH_REVEAL.outerjoin(
            standing, sa.and_(standing.c.person_id == person.c.id, standing.c.question == _QUESTION)
        )
    )
    .where(person.c.id == _PERSON)
)
_HAS_REPORTED = sa.exists().where(
    question_report.c.person_id == _PERSON, question_report.c.question == _QUESTION
)
_WORK_AT_QUESTION = (
    sa.select(reveal.c.revealed_at, reveal.c.why, _HAS_REPORTED, *_ATTEMPT_COLUMNS)
    .select_from(
        _WITH_REVEAL.outerjoin(
            attempt, sa.and_(attempt.c.person_id == person.c.id, attempt.c.question == _QUESTION)
        )
    )
    .where(person.c.id == _PERSON)
    .order_by(attempt.c.number)
)
_ATTEMPTS_AT_QUESTIONS = (
    sa.select(*_ATTEMPT_COLUMNS)
    .where(
        attempt.c.person_id == _PERSON,
        attempt.c.question.in_(sa.bindparam("questions", expanding=True)),
    )
    .order_by(attempt.c.number)
)
_REVEAL_COLUMNS = (reveal.c.revealed_at, reveal.c.why)
_PROGRESS = sa.union_all(
    sa.select(
        *_STANDING_COLUMNS, *(sa.cast(sa.null(), c.type).label(c.name) for c in _REVEAL_COLUMNS)
    ).where(standing.c.person_id == _PERSON),
    sa.select(
        reveal.c.question, *(sa.null() for _ in _STANDING_COLUMNS[1:]), *_REVEAL_COLUMNS
    ).where(reveal.c.person_id == _PERSON),
)


class AttemptConflictError(ValueError):
    """This attempt is recorded already with another choice, or an earlier one is missing."""


def record_attempt(
    session: Session,
    person_id: int,
    submission: Submission,
    *,
    reveals_wrong_answers: bool = False,
) -> None:
    """Records a submission once and updates the standing, in the caller's transaction.

    A right answer shows the learner all there is, at the moment of the attempt, which so counts
    itself; with ``reveals_wrong_answers`` any answer does. The same submission sent again changes
    nothing. Raises AttemptConflictError when that number is taken by another choice or is not the
    next one, NoGuestError when the person is a guest whom an account absorbed meanwhile.
    """
    lock_person(session, person_id)
    # Once the person is locked: what others wrote until then is seen.
    so_far = session.execute(
        _SO_FAR,
        {"person_id": person_id, "question": submission.question, "version": submission.version},
    ).one()
    answered = so_far.attempts or 0
    if submission.number > answered + 1:
        raise AttemptConflictError("An earlier attempt at this question is missing.")
    if submission.number <= answered:
        _require_same_choice(session, person_id, submission)
        return
    moment = datetime.now(UTC)
    if so_far.latest_at is not None:
        # A clock that was set back, or another machine's, must not put an attempt before the one
        # that it follows.
        moment = max(moment, so_far.latest_at)
    if so_far.revealed_at is not None:  # what follows it does not count
        moment = max(moment, so_far.revealed_at + reveals_store.AFTER_IT)
    if not so_far.has_version:
        store_version(session, submission.question, submission.version, submission.source, moment)
    if not _insert_attempt(session, person_id, submission, moment):
        _require_same_choice(session, person_id, submission)
        return
    if so_far.revealed_at is None and (submission.right or reveals_wrong_answers):
        why: RevealReason = "right" if submission.right else "rule"
        reveals_store.insert_reveal(session, person_id, submission.question, moment, why)
    update_standing(session, person_id, submission.question)


def _require_same_choice(session: Session, person_id: int, submission: Submission) -> None:
    """Raises AttemptConflictError unless the attempt of this number has the submission's choice."""
    stored = read_attempt(session, person_id, submission.question, submission.number)
    if stored is None or frozenset(stored.chosen) != frozenset(submission.chosen):
        raise AttemptConflictError("This attempt has been answered already, with another choice.")


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


def work_at_question(
    session: Session, person_id: int, question: str
) -> tuple[list[Attempt], Reveal | None, bool]:
    """A person's attempts at a question, first to latest, when its answer was shown to them, and
    whether they have reported that something is wrong with it: one statement."""
    parameters = {"person_id": person_id, "question": question}
    rows = session.execute(_WORK_AT_QUESTION, parameters).all()
    if not rows:
        return [], None, False
    attempts = [_attempt_from_row(row[3:]) for row in rows if row.number is not None]
    revealed_at, why, has_reported = rows[0][:3]
    shown = Reveal(question, revealed_at, why) if revealed_at is not None else None
    return attempts, shown, has_reported


def attempts_by_question(
    session: Session, person_id: int, questions: Collection[str]
) -> dict[str, list[Attempt]]:
    """A person's attempts at each of these questions, first to latest."""
    attempts: dict[str, list[Attempt]] = {question: [] for question in questions}
    parameters = {"person_id": person_id, "questions": list(attempts)}
    for row in session.execute(_ATTEMPTS_AT_QUESTIONS, parameters):
        made = _attempt_from_row(row)
        attempts[made.question].append(made)
    return attempts


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


def read_progress(session: Session, person_id: int) -> LearnerProgress:
    """A person's standings, and the questions whose answers were shown to them: one statement."""
    rows = session.execute(_PROGRESS, {"person_id": person_id}).all()
    return LearnerProgress(
        {
            row.question: Standing(*row[: len(_STANDING_COLUMNS)])
            for row in rows
            if row.attempts is not None
        },
        {
            row.question: Reveal(row.question, row.revealed_at, row.why)
            for row in rows
            if row.attempts is None
        },
    )


def latest_choices(
    session: Session, person_id: int, questions: Collection[str]
) -> dict[str, tuple[str, ...]]:
    """The options that the person chose last at each of these questions that they answered."""
    rows = session.execute(
        sa.select(attempt.c.question, attempt.c.chosen)
        .where(attempt.c.person_id == person_id, attempt.c.question.in_(questions))
        .order_by(attempt.c.number)
    )
    return {row.question: tuple(row.chosen) for row in rows}


def merge_guest_attempts(session: Session, guest_id: int, account_id: int) -> None:
    """Moves a guest's attempts, reveals and experiments to an account.

    At each question both people's attempts are numbered from 1 in the order of their moments, so
    that an attempt's number always says when it was made: the guest's first may be the account's
    first now. The rows are inserted anew: whoever keeps up with new rows finds those that changed.
    """
    lock_people(session, (guest_id, account_id))
    experiments_store.merge_guest_experiments(session, guest_id, account_id)
    # Also where the guest was shown an answer without an attempt: what counts may change there.
    guest_questions = sa.union(
        *(
            sa.select(table.c.question).where(table.c.person_id == guest_id)
            for table in (attempt, reveal)
        )
    )
    merged = sa.and_(
        attempt.c.person_id.in_((guest_id, account_id)), attempt.c.question.in_(guest_questions)
    )
    in_time = sa.select(attempt).where(merged)
    # Of two at the same moment, the account's own comes first.
    in_time = in_time.order_by(
        attempt.c.question,
        attempt.c.answered_at,
        attempt.c.person_id == guest_id,
        attempt.c.number,
    )
    old_rows = [dict(row._mapping) for row in session.execute(in_time)]
    counts: dict[str, int] = {}
    new_rows = []
    for row in old_rows:
        question = row["question"]
        counts[question] = counts.get(question, 0) + 1
        values = {name: value for name, value in row.items() if name != "id"}
        new_rows.append(values | {"person_id": account_id, "number": counts[question]})
    for start in range(0, len(old_rows), 500):
        ids = [row["id"] for row in old_rows[start : start + 500]]
        session.execute(sa.delete(attempt).where(attempt.c.id.in_(ids)))
    if new_rows:
        session.execute(sa.insert(attempt), new_rows)
    reveals_store.merge_guest_reveals(session, guest_id, account_id)
    rebuild_standings(session, (guest_id, account_id))


def read_version_source(session: Session, question: str, version: str) -> str | None:
    """The text of a version of a question that was answered; None when it is not stored."""
    return session.scalar(
        sa.select(question_version.c.source).where(
            question_version.c.question == question, question_version.c.version == version
        )
    )


def export_attempts(session: Session, person_id: int) -> dict[str, Any]:
    """Every attempt, reveal and experiment of a person as plain data, for their own download.

    An attempt's version is None until the answer is shown: it is a digest of the question's whole
    text, by which somebody could check guesses at its key.
    """
    attempts = _select_attempts(session, attempt.c.person_id == person_id)
    reveals = reveals_store.export_reveals(session, person_id)
    revealed = {shown["question"] for shown in reveals}
    return {
        "attempts": [
            {
                "question": a.question,
                "version": a.version if a.question in revealed else None,
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
        "reveals": reveals,
        "experiments": experiments_store.export_experiments(session, person_id),
    }


def _insert_attempt(
    session: Session, person_id: int, submission: Submission, moment: datetime
) -> bool:
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
        answered_at=moment,
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
