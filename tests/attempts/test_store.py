"""Attempts in the database: each recorded once, together with the standing."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from quizserver.accounts import store as people
from quizserver.attempts import experiments_store as experiments
from quizserver.attempts import store
from quizserver.attempts.model import Submission
from quizserver.db.session import Database
from quizserver.db.tables import attempt, experiment, question_version, standing

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def make_submission(
    number: int = 1, chosen: tuple[str, ...] = ("a",), **changes: object
) -> Submission:
    right = chosen == ("a",)
    return replace(
        Submission("q", "v1", "# Q", number, ("b", "a"), chosen, right, float(right), 0), **changes
    )


def record_submissions(database: Database, visitor: str, *submissions: Submission) -> int:
    with database.write() as session:
        person = people.ensure_guest(session, visitor)
    for submission in submissions:
        with database.write() as session:
            store.record_attempt(session, person.id, submission)
    return person.id


def count_rows(database: Database, table: sa.Table) -> int:
    with database.read() as session:
        return session.scalar(sa.select(sa.func.count()).select_from(table)) or 0


def test_an_attempt_is_stored_with_options_shown_and_chosen_and_its_version(database: Database):
    person = record_submissions(database, "v", make_submission(chosen=("b",), hints_seen=2))
    with database.read() as session:
        (stored,) = store.attempts_at_question(session, person, "q")
        source = session.scalar(sa.select(question_version.c.source))
    assert (stored.shown, stored.chosen, stored.right, stored.mark) == (
        ("b", "a"),
        ("b",),
        False,
        0.0,
    )
    assert (stored.version, stored.hints_seen, stored.number, source) == ("v1", 2, 1, "# Q")


def test_the_standing_has_the_first_best_and_latest_mark(database: Database):
    person = record_submissions(
        database,
        "v",
        make_submission(1, ("b",)),
        make_submission(2, ("a",)),
        make_submission(3, ("b",)),
    )
    with database.read() as session:
        summary = store.read_standings(session, person)["q"]
    assert (summary.attempts, summary.first_mark, summary.best_mark, summary.latest_mark) == (
        3,
        0,
        1,
        0,
    )
    assert summary.first_at <= summary.latest_at


def test_the_same_submission_again_is_the_same_attempt(database: Database):
    record_submissions(database, "v", make_submission(), make_submission(), make_submission())
    assert count_rows(database, attempt) == 1
    with database.read() as session:
        assert session.scalar(sa.select(standing.c.attempts)) == 1


def test_the_same_number_with_another_choice_is_refused_and_changes_nothing(database: Database):
    person = record_submissions(database, "v", make_submission(1, ("b",)))
    with pytest.raises(store.AttemptConflictError), database.write() as session:
        store.record_attempt(session, person, make_submission(1, ("a",)))
    with database.read() as session:
        (stored,) = store.attempts_at_question(session, person, "q")
    assert stored.chosen == ("b",)


def test_an_attempt_that_skips_a_number_is_refused(database: Database):
    person = record_submissions(database, "v", make_submission(1))
    with pytest.raises(store.AttemptConflictError), database.write() as session:
        store.record_attempt(session, person, make_submission(3))
    assert count_rows(database, attempt) == 1


def test_many_threads_with_the_same_first_answer_make_one_attempt(database: Database):
    def send_answer() -> None:
        with database.write() as session:
            person = people.ensure_guest(session, "v")
            store.record_attempt(session, person.id, make_submission())

    threads = [threading.Thread(target=send_answer) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert count_rows(database, attempt) == 1
    assert count_rows(database, standing) == 1


def test_fixing_a_typo_adds_a_version_and_leaves_the_old_one(database: Database):
    record_submissions(
        database, "v", make_submission(1), make_submission(2, version="v2", source="# Q!")
    )
    with database.read() as session:
        versions = session.execute(
            sa.select(question_version.c.version, question_version.c.source).order_by("version")
        ).all()
        assert [a.version for a in store.attempts_at_question(session, 1, "q")] == ["v1", "v2"]
    assert [tuple(v) for v in versions] == [("v1", "# Q"), ("v2", "# Q!")]


def test_rebuilding_gives_exactly_the_standings_that_answering_wrote(database: Database):
    record_submissions(database, "v", make_submission(1, ("b",)), make_submission(2, ("a",)))
    record_submissions(
        database, "w", make_submission(1, ("a",)), make_submission(1, ("a",), question="other")
    )

    def read_rows() -> list[tuple[object, ...]]:
        with database.read() as session:
            order = (standing.c.person_id, standing.c.question)
            return [tuple(row) for row in session.execute(sa.select(standing).order_by(*order))]

    before = read_rows()
    with database.write() as session:
        assert store.rebuild_standings(session) == 3
    assert read_rows() == before


def test_signing_in_moves_a_guests_attempts_behind_the_accounts_own(database: Database):
    account = record_submissions(database, "account", make_submission(1, ("b",)))
    guest = record_submissions(
        database,
        "guest",
        make_submission(1, ("a",)),
        make_submission(2, ("b",)),
        make_submission(1, ("a",), question="new"),
    )
    with database.write() as session:
        store.merge_guest_attempts(session, guest, account)
        people.delete_person(session, guest)
    with database.read() as session:
        chosen = [(a.number, a.chosen) for a in store.attempts_at_question(session, account, "q")]
        standings = store.read_standings(session, account)
    assert chosen == [(1, ("b",)), (2, ("a",)), (3, ("b",))]
    assert (standings["q"].first_mark, standings["q"].best_mark, standings["q"].attempts) == (
        0,
        1,
        3,
    )
    assert standings["new"].attempts == 1
    assert count_rows(database, attempt) == 4


def test_deleting_a_person_deletes_their_attempts_standings_and_experiments(database: Database):
    person = record_submissions(database, "v", make_submission())
    with database.write() as session:
        experiments.record_experiment(session, person, "t", "simulation", NOON)
    with database.write() as session:
        people.delete_person(session, person)
    assert count_rows(database, attempt) == count_rows(database, standing) == 0
    assert count_rows(database, experiment) == 0


def test_a_download_holds_every_attempt_and_experiment(database: Database):
    person = record_submissions(
        database, "v", make_submission(1, ("b",), seconds=12.5), make_submission(2)
    )
    with database.write() as session:
        experiments.record_experiment(session, person, "t", "simulation", NOON)
    with database.read() as session:
        data = store.export_attempts(session, person)
    assert [(a["number"], a["chosen"], a["right"], a["seconds"]) for a in data["attempts"]] == [
        (1, ["b"], False, 12.5),
        (2, ["a"], True, None),
    ]
    assert data["experiments"] == [
        {"topic": "t", "simulation": "simulation", "started_at": NOON.isoformat()}
    ]
