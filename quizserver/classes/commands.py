"""``quizserver demo``: a class of invented learners, and away with it."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from pathlib import Path

import click
import sqlalchemy as sa

from quizserver.accounts.passwords import hash_password
from quizserver.accounts.store import AddressTakenError
from quizserver.classes.demo.words import INSTRUCTOR, MODEL
from quizserver.command_line import CONTENT, DATA, settings_of, stop
from quizserver.db.commands import migrated
from quizserver.db.session import Database

LEARNERS_MAX = 5_000
THERE = "there is a demo class already. Take it away first: quizserver demo --remove"
AT_ONCE = 200
"""Learners in one transaction: a server that runs beside it gets its turn in between."""


@click.command(
    help="Fill a class with invented learners, so that every page of a class can be seen full.\n\n"
    "It has every topic, and an instructor whose password is printed. Run again, it refuses until "
    f"the first one is taken away with --remove.\n\n{MODEL}"
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
@DATA
@CONTENT
def demo(learners: int, seed: int, remove: bool, data: Path | None, content: Path | None) -> None:
    settings = settings_of(data=data, content=content)
    with migrated(settings) as database:
        try:
            if remove:
                _remove(database)
            else:
                _fill(database, settings.content, learners, seed)
        except sa.exc.DatabaseError as error:
            stop(f"the database refused: {error.orig}. Run quizserver demo --remove, then again.")


def _fill(database: Database, content: Path, learners: int, seed: int) -> None:
    import numpy as np

    from quizserver.classes.demo import model, store
    from quizserver.classes.demo.names import invented
    from quizserver.topics.library import Library

    with database.read() as session:
        if store.is_there(session):
            stop(THERE)
    topics = [topic for topic in Library(content).snapshot().topics.values() if topic.questions]
    questions = {question.id: question for topic in topics for question in topic.questions}
    if not questions:
        stop(f"there is no question at {content}. Name a content folder with --content DIR.")
    rng, now = np.random.default_rng(seed), datetime.now(UTC)
    drawn = [
        model.draw(
            rng,
            question.id,
            [option.id for option in question.options],
            question.right_ids,
            has_experiment=question.simulation is not None,
        )
        for question in questions.values()
    ]
    password = secrets.token_urlsafe(12)
    hashed = hash_password(password)
    try:
        with database.write() as session:
            room = store.begin(
                session, hashed, [topic.id for topic in topics], questions.values(), now
            )
    except AddressTakenError:  # another one began at the same moment
        stop(THERE)
    names, kinds, attempts = invented(learners), model.kinds(rng, learners), 0
    for start in range(0, learners, AT_ONCE):
        some = slice(start, start + AT_ONCE)
        done = [list(model.answers(rng, kind, drawn)) for kind in kinds[some]]
        with database.write() as session:
            people = store.enrol(session, room.id, names[some], now)
            attempts += store.write(session, zip(people, done, strict=True), questions, now)
    click.echo(
        f"{room.title}: {learners} invented learners, {len(questions)} questions, "
        f"{attempts} answers.\n"
        f"Sign in as {INSTRUCTOR} with the password {password}\n"
        f"and open /classes/{room.id}. Take it all away with: quizserver demo --remove"
    )


def _remove(database: Database) -> None:
    from quizserver.classes.demo import store

    with database.write() as session:
        removed = store.remove(session)
    if not removed.accounts:
        click.echo("There was no demo class.")
        return
    click.echo(
        f"Removed {removed.accounts} invented accounts, {removed.attempts} answers and "
        f"{removed.classes} {'class' if removed.classes == 1 else 'classes'}."
    )
    if removed.others:
        click.echo(
            f"{removed.others} real {'person was' if removed.others == 1 else 'people were'} "
            "in it. Their accounts and all that they answered stay."
        )
