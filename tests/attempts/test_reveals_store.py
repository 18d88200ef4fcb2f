"""Reveals in the database: written with what causes them, and marks are of what came before."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from quizserver.accounts import store as people
from quizserver.attempts import reveals_store, store
from quizserver.attempts.model import Standing
from quizserver.attempts.rebuild_store import find_faults
from quizserver.attempts.reveals import ClassRule
from quizserver.attempts.standings_store import rebuild_standings
from quizserver.classes import join_store
from quizserver.classes import members_store as members
from quizserver.classes import store as classes
from quizserver.db.session import Database
from quizserver.db.tables import attempt, class_, person, reveal, standing
from tests.attempts.test_store import make_submission, merge, record_submissions

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
RIGHT, WRONG = ("a",), ("b",)


def answer(database: Database, who: int, number: int, chosen: tuple[str, ...]) -> None:
    with database.write() as session:
        store.record_attempt(session, who, make_submission(number, chosen))


def ask(database: Database, who: int, question: str = "q") -> bool:
    with database.write() as session:
        return reveals_store.reveal_answer(session, who, question)


def read_standing(database: Database, who: int) -> Standing:
    with database.read() as session:
        return store.read_standings(session, who)["q"]


def marks(summary: Standing) -> tuple[float | None, ...]:
    return summary.first_mark, summary.best_mark, summary.latest_mark


def reasons(database: Database, who: int) -> dict[str, str]:
    with database.read() as session:
        return {r["question"]: r["why"] for r in reveals_store.export_reveals(session, who)}


def test_a_right_answer_shows_the_rest_and_counts_itself(database: Database):
    who = record_submissions(database, "v", make_submission(1, WRONG))
    assert reasons(database, who) == {}
    answer(database, who, 2, RIGHT)
    assert reasons(database, who) == {"q": "right"}
    assert marks(read_standing(database, who)) == (0, 1, 1)
    with database.read() as session:
        (_first, second), shown, _ = store.work_at_question(session, who, "q")
    assert shown is not None
    assert shown.revealed_at == second.answered_at


def test_what_is_answered_after_the_answer_was_shown_has_no_mark(database: Database):
    who = record_submissions(database, "v", make_submission(1, WRONG))
    assert ask(database, who)
    answer(database, who, 2, RIGHT)
    summary = read_standing(database, who)
    assert (summary.attempts, marks(summary)) == (2, (0, 0, 0))
    assert reasons(database, who) == {"q": "asked"}, "the first reason stays"
    with database.read() as session:
        attempts, shown, _ = store.work_at_question(session, who, "q")
    assert shown is not None
    assert attempts[0].answered_at <= shown.revealed_at < attempts[1].answered_at
    assert summary.latest_at == attempts[1].answered_at, "moments are of all attempts"


def test_a_rule_shows_everything_after_a_wrong_answer_which_counts(database: Database):
    with database.write() as session:
        who = people.ensure_guest(session, "v").id
        store.record_attempt(session, who, make_submission(1, WRONG), reveals_wrong_answers=True)
    assert reasons(database, who) == {"q": "rule"}
    answer(database, who, 2, RIGHT)
    assert marks(read_standing(database, who)) == (0, 0, 0)


def test_nobody_is_shown_an_answer_without_a_try(database: Database):
    with database.write() as session:
        who = people.ensure_guest(session, "v").id
    with pytest.raises(LookupError):
        ask(database, who)
    assert reasons(database, who) == {}


def test_asking_twice_changes_nothing(database: Database):
    who = record_submissions(database, "v", make_submission(1, WRONG))
    assert [ask(database, who), ask(database, who)] == [True, False]
    with database.read() as session:
        assert len(reveals_store.export_reveals(session, who)) == 1


def test_an_attempt_that_a_clock_put_ahead_still_counts(database: Database):
    who = record_submissions(database, "v", make_submission(1, WRONG))
    ahead = datetime.now(UTC) + timedelta(days=365)
    with database.write() as session:
        session.execute(sa.update(attempt).values(answered_at=ahead))
    ask(database, who)
    answer(database, who, 2, RIGHT)
    assert marks(read_standing(database, who)) == (0, 0, 0)
    with database.read() as session:
        second = store.read_attempt(session, who, "q", 2)
    assert second is not None
    assert second.answered_at > ahead


def test_of_an_answer_and_a_wish_at_once_each_order_gives_a_standing_that_rebuild_gives(
    database: Database,
):
    who = record_submissions(database, "v", make_submission(1, WRONG))
    threads = [
        threading.Thread(target=ask, args=(database, who)),
        threading.Thread(target=answer, args=(database, who, 2, RIGHT)),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    why, best = reasons(database, who)["q"], read_standing(database, who).best_mark
    assert (why, best) in {("asked", 0), ("right", 1)}
    with database.read() as session:
        assert find_faults(session, [who]) == (1, [])


def test_a_rebuild_gives_the_marks_again(database: Database):
    who = record_submissions(database, "v", make_submission(1, WRONG))
    ask(database, who)
    answer(database, who, 2, RIGHT)
    before = read_standing(database, who)
    with database.write() as session:
        session.execute(sa.update(standing).values(best_mark=1, latest_mark=1))
    with database.read() as session:
        (fault,) = find_faults(session, [who])[1]
    assert fault.columns == ("best_mark", "latest_mark")
    with database.write() as session:
        rebuild_standings(session, [who])
    assert read_standing(database, who) == before


def test_of_a_guests_and_an_accounts_reveal_the_earlier_holds(database: Database):
    for first, second in (("guest", "account"), ("account", "guest")):
        with database.write() as session:
            session.execute(sa.delete(person))
        ids = {
            v: record_submissions(database, v, make_submission(1, WRONG)) for v in (first, second)
        }
        ask(database, ids[first])
        answer(database, ids[second], 2, RIGHT)
        summary = merge(database, ids["guest"], ids["account"])
        assert reasons(database, ids["account"]) == {"q": "asked"}
        assert reasons(database, ids["guest"]) == {}
        assert (summary.attempts, summary.best_mark) == (3, 0), "the right answer came after it"


def test_a_guests_reveal_comes_along_and_ends_what_counts(database: Database):
    guest = record_submissions(database, "guest", make_submission(1, WRONG))
    ask(database, guest)
    account = record_submissions(database, "account", make_submission(1, ("c",)))
    assert marks(merge(database, guest, account)) == (0, 0, 0)
    assert reasons(database, account) == {"q": "asked"}
    answer(database, account, 3, RIGHT)
    assert marks(read_standing(database, account)) == (0, 0, 0)


def test_a_guests_reveal_without_an_attempt_makes_the_accounts_later_answers_new_rows(
    database: Database,
):
    """Whoever keeps up with new rows learns that these count no more."""
    with database.write() as session:
        guest = people.ensure_guest(session, "guest").id
        reveals_store.insert_reveal(session, guest, "q", NOW - timedelta(days=1), "rule")
    account = record_submissions(database, "account", make_submission(1, WRONG))
    with database.read() as session:
        newest = session.scalar(sa.select(sa.func.max(attempt.c.id))) or 0
    assert marks(merge(database, guest, account)) == (None, None, None)
    with database.read() as session:
        assert (session.scalar(sa.select(attempt.c.id)) or 0) > newest


def test_an_absorbed_guest_cannot_ask(database: Database):
    guest = record_submissions(database, "guest", make_submission(1, WRONG))
    account = record_submissions(database, "account", make_submission(1, WRONG))
    merge(database, guest, account)
    with pytest.raises(people.NoGuestError):
        ask(database, guest)


def test_a_download_and_a_deletion_include_reveals(database: Database):
    who = record_submissions(database, "v", make_submission(1, RIGHT))
    with database.read() as session:
        (entry,) = store.export_attempts(session, who)["reveals"]
    assert (entry["question"], entry["why"]) == ("q", "right")
    assert datetime.fromisoformat(entry["revealed_at"]).tzinfo is not None
    with database.write() as session:
        people.delete_person(session, who)
    with database.read() as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(reveal)) == 0


@pytest.fixture
def learner(database: Database) -> int:
    """An account in a class on "numbers" that shows answers at once, and in a silent one."""
    with database.write() as session:
        teacher = people.ensure_guest(session, "teacher").id
        who = people.ensure_guest(session, "learner").id
        for visitor, person_id in (("t", teacher), ("l", who)):
            people.register_account(session, person_id, f"{visitor}@example.org", "x")
        session.execute(sa.update(person).where(person.c.id == teacher).values(role="instructor"))
        for title in ("Says nothing", "At once"):
            made = classes.create_class(session, title, teacher, NOW)
            classes.set_class_topics(session, made.id, [("numbers", None)])
            join_store.join_class(session, made.id, who, "", NOW)
        assert classes.change_reveal(session, made.id, "at-once") is None
    return who


def test_the_rules_of_a_learner_are_those_of_classes_with_the_topic(
    database: Database, learner: int
):
    with database.read() as session:
        assert reveals_store.class_rules(session, learner, "numbers") == [
            ClassRule("At once", "at-once")
        ]
        assert reveals_store.class_rules(session, learner, "other") == []


def test_a_class_rules_over_no_one_who_left_it_or_teaches_it(database: Database, learner: int):
    with database.write() as session:
        (class_id,) = session.scalars(sa.select(class_.c.id).where(class_.c.title == "At once"))
        teacher = session.scalar(sa.select(person.c.id).where(person.c.email == "t@example.org"))
        assert teacher is not None
        assert reveals_store.class_rules(session, teacher, "numbers") == []
        members.leave_class(session, class_id, learner, NOW)
        assert reveals_store.class_rules(session, learner, "numbers") == []
        assert classes.change_reveal(session, class_id, None) == "at-once"
