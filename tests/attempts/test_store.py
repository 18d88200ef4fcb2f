"""Attempts in the database: each recorded once, together with the standing."""

from __future__ import annotations

import random
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from quizserver.accounts import store as people
from quizserver.attempts import experiments_store as experiments
from quizserver.attempts import store
from quizserver.attempts.model import Standing, Submission
from quizserver.attempts.standings_store import rebuild_standings
from quizserver.db.session import Database
from quizserver.db.tables import attempt, experiment, question_version, reveal, standing

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
        make_submission(2, ("c",), mark=0.5),
        make_submission(3, ("d",), mark=0.25),
    )
    with database.read() as session:
        summary = store.read_standings(session, person)["q"]
    marks = (summary.first_mark, summary.best_mark, summary.latest_mark)
    assert (summary.attempts, marks) == (3, (0, 0.5, 0.25))
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
        assert rebuild_standings(session) == 3
    assert read_rows() == before


def record_at(database: Database, visitor: str, hour: int, submission: Submission) -> int:
    """Records a submission as if it had come ``hour`` hours after noon."""
    person = record_submissions(database, visitor, submission)
    moment = NOON + timedelta(hours=hour)
    of_attempt = (attempt.c.person_id == person, attempt.c.number == submission.number)
    with database.write() as session:
        session.execute(
            sa.update(attempt)
            .where(*of_attempt, attempt.c.question == submission.question)
            .values(answered_at=moment)
        )
        rebuild_standings(session, [person])
    return person


def numbered_choices(database: Database, person: int) -> list[tuple[int, tuple[str, ...]]]:
    with database.read() as session:
        return [(a.number, a.chosen) for a in store.attempts_at_question(session, person, "q")]


def merge(database: Database, guest: int, account: int) -> Standing:
    """Merges the guest; returns the account's standing at the question."""
    with database.write() as session:
        store.merge_guest_attempts(session, guest, account)
        people.link_guest_to_account(session, guest, account)
    with database.read() as session:
        assert store.read_standings(session, guest) == {}
        return store.read_standings(session, account)["q"]


def test_a_guests_older_answer_does_not_become_the_accounts_latest(database: Database):
    guest = record_at(database, "guest", 1, make_submission(1, ("b",)))
    account = record_at(database, "account", 2, make_submission(1, ("a",)))
    standing_after = merge(database, guest, account)
    assert numbered_choices(database, account) == [(1, ("b",)), (2, ("a",))]
    assert (standing_after.first_mark, standing_after.latest_mark) == (0, 1)
    assert standing_after.first_at == NOON + timedelta(hours=1)
    assert standing_after.latest_at == NOON + timedelta(hours=2)


def test_a_guests_attempts_are_numbered_among_the_accounts_own_in_order_of_time(
    database: Database,
):
    account = record_at(database, "account", 1, make_submission(1, ("b",)))
    guest = record_at(database, "guest", 2, make_submission(1, ("c",)))
    record_at(database, "account", 3, make_submission(2, ("a",)))
    record_at(database, "guest", 4, make_submission(2, ("b", "c")))
    record_at(database, "guest", 5, make_submission(1, ("a",), question="new"))
    standing_after = merge(database, guest, account)
    assert numbered_choices(database, account) == [
        (1, ("b",)), (2, ("c",)), (3, ("a",)), (4, ("b", "c")),
    ]  # fmt: skip
    marks = (standing_after.first_mark, standing_after.best_mark, standing_after.latest_mark)
    assert (marks, standing_after.attempts) == ((0, 1, 0), 4)
    assert count_rows(database, attempt) == 5
    with database.read() as session:
        assert store.read_standings(session, account)["new"].attempts == 1


def test_of_two_answers_at_the_same_moment_the_accounts_own_comes_first(database: Database):
    guest = record_at(database, "guest", 1, make_submission(1, ("b",)))
    account = record_at(database, "account", 1, make_submission(1, ("a",)))
    merge(database, guest, account)
    assert numbered_choices(database, account) == [(1, ("a",)), (2, ("b",))]


def test_merged_attempts_are_new_rows_that_whoever_keeps_up_by_ids_will_find(database: Database):
    guest = record_at(database, "guest", 1, make_submission(1, ("b",)))
    account = record_at(database, "account", 2, make_submission(1, ("a",)))
    with database.write() as session:
        experiments.record_experiment(session, guest, "t", "simulation", NOON)
    tables = (attempt, experiment)
    with database.read() as session:
        newest = [session.scalar(sa.select(sa.func.max(table.c.id))) for table in tables]
    merge(database, guest, account)
    with database.read() as session:
        for table, newest_id in zip(tables, newest, strict=True):
            rows = session.execute(sa.select(table.c.person_id, table.c.id)).all()
            assert all(person == account and row > newest_id for person, row in rows)


def test_an_answer_after_a_clock_was_set_back_is_the_latest(database: Database):
    person = record_at(database, "v", 24 * 365 * 100, make_submission(1, ("b",)))
    record_submissions(database, "v", make_submission(2, ("a",)))
    with database.read() as session:
        first, second = store.attempts_at_question(session, person, "q")
        summary = store.read_standings(session, person)["q"]
    assert (second.chosen, summary.latest_mark) == (("a",), 1)
    assert first.answered_at == second.answered_at == summary.latest_at


def test_an_answer_to_a_guest_who_was_absorbed_meanwhile_is_refused(database: Database):
    """It would be kept where nobody sees it."""
    guest = record_submissions(database, "guest", make_submission(1, ("b",)))
    account = record_submissions(database, "account", make_submission(1, ("a",)))
    merge(database, guest, account)
    with pytest.raises(people.NoGuestError), database.write() as session:
        store.record_attempt(session, guest, make_submission(1, ("a",), question="new"))
    assert count_rows(database, attempt) == 2


def test_a_merge_while_answers_come_in_loses_none_and_numbers_all_without_a_gap(
    database: Database,
):
    account = record_submissions(database, "account", make_submission(1, ("b",)))
    guest = record_submissions(database, "guest", *[make_submission(n) for n in (1, 2, 3)])
    recorded = threading.Semaphore(0)
    kept = []

    def answer_on() -> None:
        for number in range(2, 12):
            with database.write() as session:
                try:
                    answer = make_submission(number, (f"option-{number}",))
                    store.record_attempt(session, account, answer)
                except store.AttemptConflictError:
                    continue  # the merge has taken this number
            kept.append(number)
            recorded.release()

    thread = threading.Thread(target=answer_on)
    thread.start()
    recorded.acquire(timeout=30)
    merge(database, guest, account)
    thread.join()
    numbers = [number for number, _ in numbered_choices(database, account)]
    assert numbers == list(range(1, 1 + 4 + len(kept)))


def test_the_same_standings_come_from_attempts_in_any_order(database: Database):
    """Against a plain sum in Python, for attempts whose numbers say nothing of their moments."""
    rng = random.Random(11)
    shown_at = {"q": NOON + timedelta(minutes=2), "r": None}
    ids = [record_submissions(database, f"v{n}", make_submission()) for n in range(4)]
    with database.write() as session:
        session.execute(sa.delete(attempt))
        session.execute(sa.update(reveal).values(revealed_at=shown_at["q"]))
        rows = [
            {"person_id": person, "question": question, "version": "v1", "number": number}
            | {"shown": ["a"], "chosen": ["a"], "right": False, "mark": rng.choice([0, 0.5, 1])}
            | {"answered_at": NOON + timedelta(minutes=rng.randrange(5))}
            for person in ids[:3]
            for question in ("q", "r")
            for number in range(1, rng.randrange(2, 7))
        ]
        session.execute(
            sa.insert(question_version).values(
                question="r", version="v1", source="", first_answered_at=NOON
            )
        )
        session.execute(sa.insert(attempt), rows)
        assert rebuild_standings(session) == 6
    for person in ids:
        with database.read() as session:
            stored = store.read_standings(session, person)
        for question in ("q", "r"):
            own = [r for r in rows if (r["person_id"], r["question"]) == (person, question)]
            own.sort(key=lambda row: (row["answered_at"], row["number"]))
            until = shown_at[question] or NOON + timedelta(days=1)
            marks = [row["mark"] for row in own if row["answered_at"] <= until]
            some_marks = (marks[0], max(marks), marks[-1]) if marks else (None, None, None)
            expected = own and Standing(
                question, len(own), *some_marks, own[0]["answered_at"], own[-1]["answered_at"]
            )
            assert stored.get(question, []) == expected


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
