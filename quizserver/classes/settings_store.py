"""What the settings of a class warn of, from the database. Every function takes a session."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.orm import Session

from quizserver.classes.members_store import IS_COUNTED, WITH_PERSON
from quizserver.db.tables import member as membership
from quizserver.db.tables import question_version, standing


def answered_missing_questions(
    session: Session, class_id: int, present_questions: Sequence[str]
) -> list[str]:
    """The questions that the class's learners answered and that are not among ``known``."""
    # Few questions are gone, and each is looked up member by member: no pass over all answers.
    by_counted_learner = sa.exists().select_from(
        WITH_PERSON.join(standing, standing.c.person_id == membership.c.person_id)
    )
    rows = session.scalars(
        sa.select(question_version.c.question)
        .distinct()
        .where(
            question_version.c.question.not_in(present_questions),
            by_counted_learner.where(
                standing.c.question == question_version.c.question,
                membership.c.class_id == class_id,
                IS_COUNTED,
            ),
        )
        .order_by(question_version.c.question)
    )
    return list(rows)
