"""``quizserver demo``: fills a class with invented learners, and removes it."""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click
import sqlalchemy as sa

from quizserver.accounts.passwords import hash_password
from quizserver.accounts.store import AddressTakenError
from quizserver.classes.demo.names import INSTRUCTOR_EMAIL, MODEL_TEXT
from quizserver.command_line import (
    CONTENT_OPTION,
    DATA_OPTION,
    exit_with_error,
    settings_from_flags,
)
from quizserver.db.commands import migrated_database
from quizserver.db.session import Database

if TYPE_CHECKING:  # loaded by the commands themselves: the command line starts without NumPy
    import numpy as np

    from quizserver.classes.demo.answer_model import InventedAnswer, QuestionModel
    from quizserver.topics.model import Question

LEARNERS_MAX = 5_000
DEMO_EXISTS = "there is a demo class already. Take it away first: quizserver demo --remove"
LEARNERS_PER_TRANSACTION = 200
"""Learners written in one transaction: a running server can write in between."""


@click.command(
    help="Fill a class with invented learners, so that every page of a class can be seen full.\n\n"
    "It has every topic, and an instructor whose password is printed. Run again, it refuses until "
    f"the first one is taken away with --remove.\n\n{MODEL_TEXT}"
)
@click.option(
    "--learners",
    type=click.IntRange(1, LEARNERS_MAX),
    default=120,
    show_default=True,
    help="How many to invent.",
)
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="Of the dice.")
@click.option("--remove", is_flag=True, help="Take away all that is invented, and nothing else.")
@DATA_OPTION
@CONTENT_OPTION
def demo(learners: int, seed: int, remove: bool, data: Path | None, content: Path | None) -> None:
    settings = settings_from_flags(data=data, content=content)
    with migrated_database(settings) as database:
        try:
            if remove:
                _remove_demo_class(database)
            else:
                _fill_demo_class(database, settings.content, learners, seed)
        except sa.exc.DatabaseError as error:
            exit_with_error(
                f"the database refused: {error.orig}. Run quizserver demo --remove, then again."
            )


def _fill_demo_class(database: Database, content: Path, learners: int, seed: int) -> None:
    import numpy as np

    from quizserver.classes.demo import answer_model, store
    from quizserver.topics.library import Library

    with database.read() as session:
        if store.has_invented_people(session):
            exit_with_error(DEMO_EXISTS)
    topics = [topic for topic in Library(content).snapshot().topics.values() if topic.questions]
    questions = {question.id: question for topic in topics for question in topic.questions}
    if not questions:
        exit_with_error(
            f"there is no question at {content}. Name a content folder with --content DIR."
        )
    rng, now = np.random.default_rng(seed), datetime.now(UTC)
    question_models = [
        answer_model.draw_question_model(
            rng,
            question.id,
            question.option_ids,
            question.right_ids,
            has_experiment=question.simulation is not None,
        )
        for question in questions.values()
    ]
    password = secrets.token_urlsafe(12)
    password_hash = hash_password(password)
    try:
        with database.write() as session:
            class_ = store.create_demo_class(
                session, password_hash, [topic.id for topic in topics], questions.values(), now
            )
    except AddressTakenError:  # another command began at the same moment
        exit_with_error(DEMO_EXISTS)
    attempt_count = _write_learners(
        database, class_.id, questions, _draw_learners(rng, learners, question_models), now
    )
    click.echo(
        f"{class_.title}: {learners} invented learners, {len(questions)} questions, "
        f"{attempt_count} answers.\n"
        f"Sign in as {INSTRUCTOR_EMAIL} with the password {password}\n"
        f"and open /classes/{class_.id}. Take it all away with: quizserver demo --remove"
    )


def _draw_learners(
    rng: np.random.Generator, count: int, question_models: Sequence[QuestionModel]
) -> Iterator[tuple[str, list[InventedAnswer]]]:
    """The name and the answers of each learner."""
    from quizserver.classes.demo.answer_model import draw_answers, draw_learner_kinds
    from quizserver.classes.demo.names import invent_names

    for name, kind in zip(invent_names(count), draw_learner_kinds(rng, count), strict=True):
        yield name, list(draw_answers(rng, kind, question_models))


def _write_learners(
    database: Database,
    class_id: int,
    questions: dict[str, Question],
    learners: Iterator[tuple[str, list[InventedAnswer]]],
    now: datetime,
) -> int:
    """Writes invented learners with their answers; returns the number of attempts."""
    from quizserver.classes.demo import store

    attempt_count = 0
    while batch := list(itertools.islice(learners, LEARNERS_PER_TRANSACTION)):
        names, answers = zip(*batch, strict=True)
        with database.write() as session:
            enrolled = store.enrol_learners(session, class_id, names, now)
            attempt_count += store.write_answers(
                session, zip(enrolled, answers, strict=True), questions, now
            )
    return attempt_count


def _remove_demo_class(database: Database) -> None:
    from quizserver.classes.demo import store

    with database.write() as session:
        counts = store.remove_demo_classes(session)
    if not counts.accounts:
        click.echo("There was no demo class.")
        return
    click.echo(
        f"Removed {counts.accounts} invented accounts, {counts.attempts} answers and "
        f"{counts.classes} {'class' if counts.classes == 1 else 'classes'}."
    )
    if counts.real_members:
        people = "person was" if counts.real_members == 1 else "people were"
        click.echo(
            f"{counts.real_members} real {people} in it. "
            "Their accounts and all that they answered stay."
        )
