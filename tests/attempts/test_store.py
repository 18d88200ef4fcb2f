"""Keeping answers: once each, with the standing, and never a second truth."""

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


def submission(number: int = 1, chosen: tuple[str, ...] = ("a",), **changes: object) -> Submission:
    right = chosen == ("a",)
    return replace(
        Submission("q", "v1", "# Q", number, ("b", "a"), chosen, right, float(right), 0), **changes
    )


def answer(database: Database, visitor: str, *submissions: Submission) -> int:
    with database.write() as session:
        person = people.ensure_guest(session, visitor)
    for each in submissions:
        with database.write() as session:
            store.record_attempt(session, person.id, each)
    return person.id


def count(database: Database, table: sa.Table) -> int:
    with database.read() as session:
        return session.scalar(sa.select(sa.func.count()).select_from(table)) or 0


def test_an_attempt_is_kept_with_what_was_shown_and_chosen_and_its_version(database: Database):
    person = answer(database, "v", submission(chosen=("b",), hints_seen=2))
    with database.read() as session:
        (kept,) = store.attempts_at_question(session, person, "q")
        source = session.scalar(sa.select(question_version.c.source))
    assert (kept.shown, kept.chosen, kept.right, kept.mark) == (("b", "a"), ("b",), False, 0.0)
    assert (kept.version, kept.hints_seen, kept.number, source) == ("v1", 2, 1, "# Q")


def test_the_standing_tells_first_best_and_latest_apart(database: Database):
    person = answer(
        database, "v", submission(1, ("b",)), submission(2, ("a",)), submission(3, ("b",))
    )
    with database.read() as session:
        kept = store.read_standings(session, person)["q"]
    assert (kept.attempts, kept.first_mark, kept.best_mark, kept.latest_mark) == (3, 0, 1, 0)
    assert kept.first_at <= kept.latest_at


def test_the_same_submission_again_is_the_same_attempt(database: Database):
    answer(database, "v", submission(), submission(), submission())
    assert count(database, attempt) == 1
    with database.read() as session:
        assert session.scalar(sa.select(standing.c.attempts)) == 1


def test_the_same_number_with_another_choice_is_refused_and_changes_nothing(database: Database):
    person = answer(database, "v", submission(1, ("b",)))
    with pytest.raises(store.AttemptConflictError), database.write() as session:
        store.record_attempt(session, person, submission(1, ("a",)))
    with database.read() as session:
        (kept,) = store.attempts_at_question(session, person, "q")
    assert kept.chosen == ("b",)


def test_an_attempt_that_skips_a_number_is_refused(database: Database):
    person = answer(database, "v", submission(1))
    with pytest.raises(store.AttemptConflictError), database.write() as session:
        store.record_attempt(session, person, submission(3))
    assert count(database, attempt) == 1


def test_many_threads_with_the_same_first_answer_make_one_attempt(database: Database):
    def send() -> None:
        with database.write() as session:
            person = people.ensure_guest(session, "v")
            store.record_attempt(session, person.id, submission())

    threads = [threading.Thread(target=send) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert count(database, attempt) == 1
    assert count(database, standing) == 1


def test_mending_a_typo_adds_a_version_and_leaves_the_old_one(database: Database):
    answer(database, "v", submission(1), submission(2, version="v2", source="# Q!"))
    with database.read() as session:
        versions = session.execute(
            sa.select(question_version.c.version, question_version.c.source).order_by("version")
        ).all()
        assert [a.version for a in store.attempts_at_question(session, 1, "q")] == ["v1", "v2"]
    assert [tuple(v) for v in versions] == [("v1", "# Q"), ("v2", "# Q!")]


def test_rebuilding_gives_exactly_the_standings_that_answering_wrote(database: Database):
    answer(database, "v", submission(1, ("b",)), submission(2, ("a",)))
    answer(database, "w", submission(1, ("a",)), submission(1, ("a",), question="other"))

    def rows() -> list[tuple[object, ...]]:
        with database.read() as session:
            order = (standing.c.person_id, standing.c.question)
            return [tuple(row) for row in session.execute(sa.select(standing).order_by(*order))]

    before = rows()
    with database.write() as session:
        assert store.rebuild_standings(session) == 3
    assert rows() == before


def test_signing_in_moves_a_guests_attempts_behind_the_accounts_own(database: Database):
    account = answer(database, "account", submission(1, ("b",)))
    guest = answer(
        database,
        "guest",
        submission(1, ("a",)),
        submission(2, ("b",)),
        submission(1, ("a",), question="new"),
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
    assert count(database, attempt) == 4


def test_deleting_a_person_takes_every_trace_of_them_along(database: Database):
    person = answer(database, "v", submission())
    with database.write() as session:
        experiments.record_experiment(session, person, "t", "simulation", NOON)
    with database.write() as session:
        people.delete_person(session, person)
    assert count(database, attempt) == count(database, standing) == 0
    assert count(database, experiment) == 0


def test_a_download_holds_every_attempt_and_experiment(database: Database):
    person = answer(database, "v", submission(1, ("b",), seconds=12.5), submission(2))
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
