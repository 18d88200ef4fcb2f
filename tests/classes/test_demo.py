"""The demo class: invented after a stated model, stored like real answers, removed completely."""

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

from quizserver.attempts import store as attempt_store
from quizserver.attempts.model import Submission
from quizserver.attempts.standings_store import rebuild_standings
from quizserver.classes.demo import answer_model, commands
from quizserver.classes.demo import store as demo_store
from quizserver.classes.demo.names import invent_names
from quizserver.cli import main
from quizserver.db.session import Database
from quizserver.db.tables import attempt, class_, experiment, member, metadata, person, standing
from tests.classes.items.answer_setup import (
    add_answer,
    add_learner,
    add_run,
    create_class_with_topics,
)

RunDemo = Callable[..., Result]


@pytest.fixture
def run_demo(database_url: str, tmp_path: Path, content: Path) -> RunDemo:
    def call(*flags: str) -> Result:
        return CliRunner().invoke(
            main,
            ["demo", "--data", str(tmp_path / "data"), "--content", str(content), *flags],
            env={"QUIZSERVER_DATABASE_URL": database_url},
        )

    return call


def all_rows(database: Database) -> dict[str, list[tuple[object, ...]]]:
    with database.read() as session:
        return {
            table.name: sorted(map(tuple, session.execute(sa.select(table))), key=repr)
            for table in metadata.sorted_tables
        }


def test_the_summaries_are_those_that_rebuild_makes(run_demo: RunDemo, database: Database):
    result = run_demo("--learners", "30")
    assert result.exit_code == 0, result.output
    with database.write() as session:
        before = sorted(map(tuple, session.execute(sa.select(standing))))
        rebuild_standings(session)
        assert sorted(map(tuple, session.execute(sa.select(standing)))) == before
        assert len(before) > 30


def test_what_is_written_is_as_the_server_would_have_written_it(
    run_demo: RunDemo, database: Database
):
    run_demo("--learners", "60")
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


def test_removal_leaves_no_trace_and_removes_nothing_else(run_demo: RunDemo, database: Database):
    with database.write() as session:
        class_id = create_class_with_topics(session)
        ana = add_learner(session, class_id, "ana")
        add_answer(session, ana, "even", 1, ["two"], right=False, minutes=1)
        add_run(session, ana, 2)
    before = all_rows(database)
    run_demo("--learners", "12")
    assert all_rows(database) != before
    removal = run_demo("--remove")
    assert removal.exit_code == 0
    assert "Removed 13 invented accounts" in removal.output
    assert "1 class." in removal.output
    assert all_rows(database) == before
    assert "There was no demo class." in run_demo("--remove").output
    assert all_rows(database) == before


def test_a_real_person_who_joined_it_keeps_everything(run_demo: RunDemo, database: Database):
    with database.write() as session:
        create_class_with_topics(session)
    run_demo("--learners", "5")
    with database.write() as session:
        demo_class_id = session.scalar(sa.select(sa.func.max(member.c.class_id)))
        ana = add_learner(session, demo_class_id, "ana")
        version = session.scalar(sa.select(attempt.c.version).where(attempt.c.question == "even"))
        submission = Submission(
            question="even", version=version, source="", number=1, shown=("two", "four"),
            chosen=frozenset({"two"}), right=False, mark=0.0, hints_seen=0, seconds=None,
        )  # fmt: skip
        attempt_store.record_attempt(session, ana, submission)
        add_run(session, ana, 2)
    removal = run_demo("--remove")
    assert removal.exit_code == 0
    assert "1 real person was in it." in removal.output
    with database.read() as session:
        attempts = session.execute(sa.select(attempt)).all()
        assert [(row.person_id, row.question) for row in attempts] == [(ana, "even")]
        assert len(session.execute(sa.select(standing)).all()) == 1
        assert len(session.execute(sa.select(experiment)).all()) == 1
        assert session.scalar(sa.select(sa.func.count()).select_from(class_)) == 1


def test_of_two_commands_at_the_same_moment_one_is_refused(
    run_demo: RunDemo, database: Database, monkeypatch: pytest.MonkeyPatch
):
    run_demo("--learners", "3")
    before = all_rows(database)
    monkeypatch.setattr(demo_store, "has_invented_people", lambda _session: False)
    second_result = run_demo("--learners", "3")
    assert second_result.exit_code == 1
    assert "quizserver demo --remove" in second_result.stderr
    assert all_rows(database) == before


@pytest.mark.parametrize("flags", [("--learners", "3"), ("--remove",)])
def test_a_database_error_is_reported_without_a_traceback(
    run_demo: RunDemo, monkeypatch: pytest.MonkeyPatch, flags: tuple[str, ...]
):
    def refuse(*_: Any) -> Any:
        raise sa.exc.OperationalError("INSERT", {}, Exception("database is locked"))

    monkeypatch.setattr(
        demo_store, "remove_demo_classes" if "--remove" in flags else "create_demo_class", refuse
    )
    result = run_demo(*flags)
    assert result.exit_code == 1
    assert "the database refused: database is locked." in result.stderr


def test_what_a_killed_command_left_is_removed_completely(
    run_demo: RunDemo, database: Database, monkeypatch: pytest.MonkeyPatch
):
    before, write_answers, calls = all_rows(database), demo_store.write_answers, []

    def write_or_die(*arguments: Any) -> int:
        calls.append(1)
        if len(calls) == 3:
            raise SystemExit(137)
        return write_answers(*arguments)

    monkeypatch.setattr(demo_store, "write_answers", write_or_die)
    monkeypatch.setattr(commands, "LEARNERS_PER_TRANSACTION", 4)
    assert run_demo("--learners", "20").exit_code == 137
    with database.read() as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(member)) == 9
    assert run_demo("--learners", "3").exit_code == 1
    assert "Removed 9 invented accounts" in run_demo("--remove").output
    assert all_rows(database) == before


def test_a_class_that_somebody_real_instructs_too_stays(run_demo: RunDemo, database: Database):
    with database.write() as session:
        create_class_with_topics(session)
        teacher = session.scalar(sa.select(person.c.id))
    run_demo("--learners", "2")
    with database.write() as session:
        demo_class_id = session.scalar(sa.select(sa.func.max(member.c.class_id)))
        session.execute(
            sa.insert(member).values(
                class_id=demo_class_id, person_id=teacher, role="instructor",
                joined_at=datetime.now(UTC), state_since=datetime.now(UTC),
            )
        )  # fmt: skip
    assert "0 classes" in run_demo("--remove").output
    with database.read() as session:
        remaining = session.execute(
            sa.select(member).where(member.c.class_id == demo_class_id)
        ).all()
    assert [row.person_id for row in remaining] == [teacher]


def test_a_second_demo_class_is_refused_with_what_to_do(run_demo: RunDemo, database: Database):
    run_demo("--learners", "3")
    before = all_rows(database)
    second_result = run_demo("--learners", "3")
    assert second_result.exit_code == 1
    assert "quizserver demo --remove" in second_result.stderr
    assert all_rows(database) == before


def test_without_questions_it_says_so_and_writes_nothing(
    run_demo: RunDemo, content: Path, database: Database
):
    for path in content.rglob("*.md"):
        path.unlink()
    before = all_rows(database)
    result = run_demo()
    assert result.exit_code == 1
    assert "--content" in result.stderr
    assert all_rows(database) == before


def test_the_same_seed_makes_the_same_answers(run_demo: RunDemo, database: Database):
    def read_answers() -> list[tuple[object, ...]]:
        with database.read() as session:
            columns = sa.select(
                person.c.email, attempt.c.question, attempt.c.number, attempt.c.right
            )
            rows = session.execute(columns.join(attempt, attempt.c.person_id == person.c.id))
            return sorted(map(tuple, rows))

    answers_by_run = []
    for seed in ("5", "5", "6"):
        run_demo("--seed", seed)
        answers_by_run.append(read_answers())
        run_demo("--remove")
    assert answers_by_run[0] == answers_by_run[1] != answers_by_run[2]


def test_it_prints_a_password_of_its_own_each_time(run_demo: RunDemo):
    passwords = []
    for _ in range(2):
        output = run_demo("--learners", "1").output
        match = re.search(r"instructor@demo\.invalid with the password (\S{16})\n", output)
        assert match is not None, output
        passwords.append(match.group(1))
        run_demo("--remove")
    assert passwords[0] != passwords[1]


def question_model(difficulty: float, discrimination: float = 1.0) -> answer_model.QuestionModel:
    return answer_model.QuestionModel(
        "q", ("a",), (("b",), ("c",)), difficulty, discrimination, np.zeros(2), 0, True
    )


def share_of_right_answers(model: answer_model.QuestionModel, number: int = 1) -> float:
    rng = np.random.default_rng(3)
    answers = [
        answer for _ in range(4000) for answer in answer_model.draw_answers(rng, "usual", [model])
    ]
    results = [answer.right for answer in answers if answer.number == number]
    return sum(results) / len(results)


def test_first_answers_follow_the_stated_curve():
    """The mean of the logistic over N(0, 1), by quadrature; three standard errors are 0.024."""
    theta = np.linspace(-6, 6, 2001)
    density = np.exp(-(theta**2) / 2) / np.sqrt(2 * np.pi) * (theta[1] - theta[0])
    for difficulty, discrimination in ((0.0, 1.0), (1.0, 1.5), (-1.0, 0.7)):
        chance = 1 / (1 + np.exp(-discrimination * (theta - difficulty)))
        expected = float((chance * density).sum())
        assert share_of_right_answers(question_model(difficulty, discrimination)) == pytest.approx(
            expected, abs=0.024
        )


def test_later_attempts_are_more_able_and_the_misconception_is_popular():
    model = question_model(0.5)
    assert share_of_right_answers(model, 2) > 0.5 > share_of_right_answers(model, 1)
    rng = np.random.default_rng(4)
    wrong = [
        answer.chosen
        for _ in range(2000)
        for answer in answer_model.draw_answers(rng, "usual", [model])
        if not answer.right
    ]
    assert 0.75 < wrong.count(("b",)) / len(wrong) < 0.9


def test_the_wrong_choices_of_several_right_options_are_one_step_away():
    model = answer_model.draw_question_model(
        np.random.default_rng(1), "q", "abc", frozenset("ac"), has_experiment=False
    )
    assert model.right_choice == ("a", "c")
    assert set(model.wrong_choices) == {("c",), ("a",), ("a", "b", "c")}


def test_learners_are_of_the_stated_kinds_and_do_what_those_do():
    rng = np.random.default_rng(2)
    kinds = answer_model.draw_learner_kinds(rng, 100)
    assert {kind: kinds.count(kind) for kind in set(kinds)} == {
        "never": 6, "stopped": 8, "stuck": 5, "usual": 81
    }  # fmt: skip
    questions = [question_model(0.0), question_model(1.0)]
    assert list(answer_model.draw_answers(rng, "never", questions)) == []
    stopped = list(answer_model.draw_answers(rng, "stopped", questions))
    assert all(answer.seconds_ago > 7 * 86_400 for answer in stopped)
    stuck = list(answer_model.draw_answers(rng, "stuck", questions))
    assert max(answer.number for answer in stuck) >= 3
    assert all(answer.seconds_ago > 0 for answer in (*stuck, *stopped))


def test_names_are_all_different():
    assert len(set(invent_names(5000))) == 5000
