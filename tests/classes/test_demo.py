"""The demo class: invented after a stated model, as true as any other, and gone without a trace."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa
from click.testing import CliRunner, Result

from quizserver.attempts import store as attempts
from quizserver.attempts.model import Submission
from quizserver.classes.demo import answer_model, commands
from quizserver.classes.demo import store as demo_store
from quizserver.classes.demo.names import invent_names
from quizserver.cli import main
from quizserver.db.session import Database
from quizserver.db.tables import attempt, class_, experiment, member, metadata, person, standing
from tests.classes.items.rooms import answer, learner, new_room, run

Demo = Callable[..., Result]


@pytest.fixture
def demo(database_url: str, tmp_path: Path, content: Path) -> Demo:
    def call(*flags: str) -> Result:
        return CliRunner().invoke(
            main,
            ["demo", "--data", str(tmp_path / "data"), "--content", str(content), *flags],
            env={"QUIZSERVER_DATABASE_URL": database_url},
        )

    return call


def everything(database: Database) -> dict[str, list[tuple[object, ...]]]:
    with database.read() as session:
        return {
            table.name: sorted(map(tuple, session.execute(sa.select(table))), key=repr)
            for table in metadata.sorted_tables
        }


def test_the_summaries_are_those_that_rebuild_makes(demo: Demo, database: Database):
    made = demo("--learners", "30")
    assert made.exit_code == 0, made.output
    with database.write() as session:
        before = sorted(map(tuple, session.execute(sa.select(standing))))
        attempts.rebuild_standings(session)
        assert sorted(map(tuple, session.execute(sa.select(standing)))) == before
        assert len(before) > 30


def test_what_is_written_is_as_the_server_would_have_written_it(demo: Demo, database: Database):
    demo("--learners", "60")
    now = datetime.now(UTC)
    with database.read() as session:
        rows = session.execute(sa.select(attempt).order_by(attempt.c.id)).all()
        ran = session.execute(sa.select(experiment)).all()
        joined = session.scalars(sa.select(member.c.joined_at)).all()
        emails = session.scalars(sa.select(person.c.email)).all()
    key = {"even": ["four", "two"], "sides": ["three"]}
    for row in rows:
        assert sorted(row.shown) == (["four", "three", "two"])
        assert row.right == (row.chosen == key[row.question])
        assert row.mark == float(row.right)
        assert row.seconds > 0
        assert min(joined) <= row.answered_at <= now
    assert ran == [], "these questions have no experiment"
    assert all(email.endswith("@demo.invalid") for email in emails)
    assert len({tuple(row.shown) for row in rows}) > 1, "everybody has their own order"


def test_it_goes_without_a_trace_and_takes_nothing_else(demo: Demo, database: Database):
    with database.write() as session:
        room = new_room(session)
        ana = learner(session, room, "ana")
        answer(session, ana, "even", 1, ["two"], right=False, minutes=1)
        run(session, ana, 2)
    before = everything(database)
    demo("--learners", "12")
    assert everything(database) != before
    gone = demo("--remove")
    assert gone.exit_code == 0
    assert "Removed 13 invented accounts" in gone.output
    assert "1 class." in gone.output
    assert everything(database) == before
    assert "There was no demo class." in demo("--remove").output
    assert everything(database) == before


def test_a_real_person_who_joined_it_keeps_everything(demo: Demo, database: Database):
    with database.write() as session:
        new_room(session)
    demo("--learners", "5")
    with database.write() as session:
        theirs = session.scalar(sa.select(sa.func.max(member.c.class_id)))
        ana = learner(session, theirs, "ana")
        version = session.scalar(sa.select(attempt.c.version).where(attempt.c.question == "even"))
        submission = Submission(
            question="even", version=version, source="", number=1, shown=("two", "four"),
            chosen=frozenset({"two"}), right=False, mark=0.0, hints_seen=0, seconds=None,
        )  # fmt: skip
        attempts.record_attempt(session, ana, submission)
        run(session, ana, 2)
    gone = demo("--remove")
    assert gone.exit_code == 0
    assert "1 real person was in it." in gone.output
    with database.read() as session:
        answered = session.execute(sa.select(attempt)).all()
        assert [(each.person_id, each.question) for each in answered] == [(ana, "even")]
        assert len(session.execute(sa.select(standing)).all()) == 1
        assert len(session.execute(sa.select(experiment)).all()) == 1
        assert session.scalar(sa.select(sa.func.count()).select_from(class_)) == 1


def test_two_that_begin_at_the_same_moment_are_one(
    demo: Demo, database: Database, monkeypatch: pytest.MonkeyPatch
):
    demo("--learners", "3")
    before = everything(database)
    monkeypatch.setattr(demo_store, "has_invented_people", lambda _session: False)
    again = demo("--learners", "3")
    assert again.exit_code == 1
    assert "quizserver demo --remove" in again.stderr
    assert everything(database) == before


@pytest.mark.parametrize("flags", [("--learners", "3"), ("--remove",)])
def test_a_database_that_refuses_is_told_without_a_traceback(
    demo: Demo, monkeypatch: pytest.MonkeyPatch, flags: tuple[str, ...]
):
    def refuse(*_: Any) -> Any:
        raise sa.exc.OperationalError("INSERT", {}, Exception("database is locked"))

    monkeypatch.setattr(
        demo_store, "remove_demo_classes" if "--remove" in flags else "create_demo_class", refuse
    )
    refused = demo(*flags)
    assert refused.exit_code == 1
    assert "the database refused: database is locked." in refused.stderr


def test_what_a_killed_one_left_is_taken_away_whole(
    demo: Demo, database: Database, monkeypatch: pytest.MonkeyPatch
):
    before, write, times = everything(database), demo_store.write_answers, []

    def dies(*arguments: Any) -> int:
        times.append(1)
        if len(times) == 3:
            raise SystemExit(137)
        return write(*arguments)

    monkeypatch.setattr(demo_store, "write_answers", dies)
    monkeypatch.setattr(commands, "LEARNERS_PER_TRANSACTION", 4)
    assert demo("--learners", "20").exit_code == 137
    with database.read() as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(member)) == 9
    assert demo("--learners", "3").exit_code == 1
    assert "Removed 9 invented accounts" in demo("--remove").output
    assert everything(database) == before


def test_a_class_that_somebody_real_instructs_too_stays(demo: Demo, database: Database):
    with database.write() as session:
        new_room(session)
        teacher = session.scalar(sa.select(person.c.id))
    demo("--learners", "2")
    with database.write() as session:
        theirs = session.scalar(sa.select(sa.func.max(member.c.class_id)))
        session.execute(
            sa.insert(member).values(
                class_id=theirs, person_id=teacher, role="instructor",
                joined_at=datetime.now(UTC), state_since=datetime.now(UTC),
            )
        )  # fmt: skip
    assert "0 classes" in demo("--remove").output
    with database.read() as session:
        left = session.execute(sa.select(member).where(member.c.class_id == theirs)).all()
    assert [each.person_id for each in left] == [teacher]


def test_a_second_one_is_refused_with_what_to_do(demo: Demo, database: Database):
    demo("--learners", "3")
    before = everything(database)
    again = demo("--learners", "3")
    assert again.exit_code == 1
    assert "quizserver demo --remove" in again.stderr
    assert everything(database) == before


def test_without_questions_it_says_so_and_writes_nothing(
    demo: Demo, content: Path, database: Database
):
    for path in content.rglob("*.md"):
        path.unlink()
    before = everything(database)
    refused = demo()
    assert refused.exit_code == 1
    assert "--content" in refused.stderr
    assert everything(database) == before


def test_the_same_seed_makes_the_same_answers(demo: Demo, database: Database):
    def chosen() -> list[tuple[object, ...]]:
        with database.read() as session:
            who = sa.select(person.c.email, attempt.c.question, attempt.c.number, attempt.c.right)
            rows = session.execute(who.join(attempt, attempt.c.person_id == person.c.id))
            return sorted(map(tuple, rows))

    found = []
    for seed in ("5", "5", "6"):
        demo("--seed", seed)
        found.append(chosen())
        demo("--remove")
    assert found[0] == found[1] != found[2]


def test_it_prints_a_password_of_its_own_each_time(demo: Demo):
    words = []
    for _ in range(2):
        made = demo("--learners", "1").output
        found = re.search(r"instructor@demo\.invalid with the password (\S{16})\n", made)
        assert found is not None, made
        words.append(found.group(1))
        demo("--remove")
    assert words[0] != words[1]


def drawn(difficulty: float, discrimination: float = 1.0) -> answer_model.QuestionModel:
    return answer_model.QuestionModel(
        "q", ("a",), (("b",), ("c",)), difficulty, discrimination, np.zeros(2), 0, True
    )


def share_right(one: answer_model.QuestionModel, number: int = 1) -> float:
    rng = np.random.default_rng(3)
    all_ = [a for _ in range(4000) for a in answer_model.draw_answers(rng, "usual", [one])]
    some = [answer.right for answer in all_ if answer.number == number]
    return sum(some) / len(some)


def test_first_answers_follow_the_stated_curve():
    """The mean of the logistic over N(0, 1), by quadrature; three standard errors are 0.024."""
    theta = np.linspace(-6, 6, 2001)
    density = np.exp(-(theta**2) / 2) / np.sqrt(2 * np.pi) * (theta[1] - theta[0])
    for difficulty, discrimination in ((0.0, 1.0), (1.0, 1.5), (-1.0, 0.7)):
        chance = 1 / (1 + np.exp(-discrimination * (theta - difficulty)))
        expected = float((chance * density).sum())
        assert share_right(drawn(difficulty, discrimination)) == pytest.approx(expected, abs=0.024)


def test_later_attempts_are_more_able_and_the_misconception_is_popular():
    one = drawn(0.5)
    assert share_right(one, 2) > 0.5 > share_right(one, 1)
    rng = np.random.default_rng(4)
    wrong = [
        answer.chosen
        for _ in range(2000)
        for answer in answer_model.draw_answers(rng, "usual", [one])
        if not answer.right
    ]
    assert 0.75 < wrong.count(("b",)) / len(wrong) < 0.9


def test_the_wrong_choices_of_several_right_options_are_one_step_away():
    one = answer_model.draw_question_model(
        np.random.default_rng(1), "q", "abc", frozenset("ac"), has_experiment=False
    )
    assert one.right_choice == ("a", "c")
    assert set(one.wrong_choices) == {("c",), ("a",), ("a", "b", "c")}


def test_learners_are_of_the_stated_kinds_and_do_what_those_do():
    rng = np.random.default_rng(2)
    found = answer_model.draw_learner_kinds(rng, 100)
    assert {kind: found.count(kind) for kind in set(found)} == {
        "never": 6, "stopped": 8, "stuck": 5, "usual": 81
    }  # fmt: skip
    questions = [drawn(0.0), drawn(1.0)]
    assert list(answer_model.draw_answers(rng, "never", questions)) == []
    stopped = list(answer_model.draw_answers(rng, "stopped", questions))
    assert all(answer.seconds_ago > 7 * 86_400 for answer in stopped)
    stuck = list(answer_model.draw_answers(rng, "stuck", questions))
    assert max(answer.number for answer in stuck) >= 3
    assert all(answer.seconds_ago > 0 for answer in (*stuck, *stopped))


def test_names_are_all_different():
    assert len(set(invent_names(5000))) == 5000
