"""Old data: counted and deleted as the settings say, once, and never what is precious."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from quizserver.accounts import sessions_store
from quizserver.accounts import store as people
from quizserver.administration import retention, retention_schedule
from quizserver.administration.key_log import record_key_change
from quizserver.administration.retention import OldData, count_old_data, prune_data
from quizserver.administration.retention_schedule import prune_if_due, start_schedule
from quizserver.attempts import store as attempts
from quizserver.audit import store as audit_store
from quizserver.audit.model import EventFilter
from quizserver.cli import main
from quizserver.db.computed import open_computed, run
from quizserver.db.session import Database
from quizserver.db.tables import attempt, experiment, maintenance, member, person, standing
from quizserver.reports import store as reports
from quizserver.reports.model import NewReport
from quizserver.settings import Settings
from tests.administration.filled import SUBMISSION

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
OLD, NEW = NOW - timedelta(days=100), NOW - timedelta(days=5)


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "PAUSE_SECONDS", 0)


def create_guest(database: Database, name: str, *, answers: int = 0, at: datetime = OLD) -> int:
    with database.write() as session:
        guest = people.ensure_guest(session, name).id
        for number in range(1, answers + 1):
            attempts.record_attempt(session, guest, replace(SUBMISSION, number=number))
        session.execute(sa.update(person).where(person.c.id == guest).values(created_at=OLD))
        of_guest = standing.c.person_id == guest
        session.execute(
            sa.update(attempt).where(attempt.c.person_id == guest).values(answered_at=at)
        )
        session.execute(sa.update(standing).where(of_guest).values(first_at=at, latest_at=at))
    return guest


def fill(database: Database) -> tuple[set[int], set[int]]:
    """Guests who are old, and people who are to be kept."""
    old = {create_guest(database, "idle"), create_guest(database, "answered", answers=3)}
    kept = {create_guest(database, "answered lately", answers=1, at=NEW)}
    ids = {
        name: create_guest(database, name)
        for name in (
            "account",
            "absorbed",
            "experimented",
            "in class",
            "new",
            "reported",
            "seen",
        )
    }
    with database.write() as session:
        people.register_account(session, ids["account"], "a@example.org", "hash")
        people.link_guest_to_account(session, ids["absorbed"], ids["account"])
        session.execute(
            sa.insert(experiment).values(
                person_id=ids["experimented"], topic="t", simulation="s", started_at=NEW
            )
        )
        report = NewReport("even", None, "open", "Four is even.")
        reports.record_report(session, ids["reported"], report, NEW)
        reports.record_report(session, max(old), report, OLD)
        session.execute(
            sa.text("INSERT INTO class (id, title, created_at) VALUES (1, 'C', '2026-01-01')")
        )
        session.execute(
            sa.insert(member).values(
                class_id=1, person_id=ids["in class"], role="learner", state="left",
                joined_at=OLD, state_since=OLD,
            )
        )  # fmt: skip
        session.execute(sa.update(person).where(person.c.id == ids["new"]).values(created_at=NEW))
        for name, seen_at in (("account", OLD), ("seen", NEW)):
            sessions_store.open_session(session, ids[name], name, "a browser", seen_at)
        sessions_store.open_session(session, ids["account"], "new", "a browser", NEW)
        sessions_store.open_session(session, min(old), "idle", "a browser", OLD)
        for moment in (OLD, OLD, NEW):
            audit_store.record_audit_event(session, "backup-made", source="cli", now=moment)
    return old, kept | set(ids.values())


def person_ids(database: Database) -> set[int]:
    with database.read() as session:
        return set(session.scalars(sa.select(person.c.id)))


def add_run(settings: Settings, name: str, state: str, used_at: datetime) -> None:
    moment = used_at.timestamp()
    runs = open_computed(settings.store_url)
    with runs.write() as session:
        session.execute(
            sa.insert(run).values(
                id=name, key=name, kind="curves", topic="t", simulation="s", path="p",
                fingerprint="f", files={}, knobs={}, first_seed=0, replicas=1, x_label="x",
                series=[], points_total=1,
                state=state, created_at=moment, heartbeat_at=moment, used_at=moment,
                finished_at=moment if state == "done" else None,
            )
        )  # fmt: skip
    runs.dispose()


def test_by_default_nothing_is_ever_deleted(
    database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(retention_schedule, "FIRST_LOOK_SECONDS", 0)
    old, kept = fill(database)
    add_run(settings, "old", "done", OLD)
    for counts in (
        count_old_data(settings, database, NOW),
        prune_data(settings, database, NOW, source="cli"),
    ):
        assert counts == [OldData(kind, None) for kind in ("guests", "runs", "sessions", "log")]
    assert person_ids(database) == old | kept
    schedule = start_schedule(settings)
    schedule.join(10)
    assert not schedule.is_alive(), "and no thread waits for it"


@pytest.mark.parametrize("part", [1, 200])
def test_what_is_old_is_counted_and_then_deleted_and_nothing_else(
    database: Database, settings: Settings, part: int, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(retention, "ROWS_PER_PART", part)
    monkeypatch.setattr(retention, "GUESTS_PER_PART", part)
    old, kept = fill(database)
    for name, state, used_at in (
        ("old", "done", OLD), ("older", "done", OLD), ("new", "done", NEW), ("busy", "queued", OLD),
    ):  # fmt: skip
        add_run(settings, name, state, used_at)
    settings = replace(settings, keep_guests_days=30, keep_runs_days=30, keep_log_days=30)
    settings = replace(settings, keep_sessions_days=30)
    before = NOW - timedelta(days=30)
    expected = [
        OldData("guests", before, 2, with_answers=1, attempts=3),
        OldData("runs", before, 2),
        OldData("sessions", before, 1),
        OldData("log", before, 2),
    ]
    assert count_old_data(settings, database, NOW) == expected
    assert person_ids(database) == old | kept, "counting deletes nothing"
    assert prune_data(settings, database, NOW, source="cli") == expected
    assert person_ids(database) == kept
    runs = open_computed(settings.store_url)
    with runs.read() as session:
        assert set(session.scalars(sa.select(run.c.id))) == {"new", "busy"}
    runs.dispose()
    with database.read() as session:
        assert set(session.scalars(sa.select(attempt.c.person_id))) <= kept
        events = audit_store.list_events(session, EventFilter())
    assert [event.action for event in events] == ["data-pruned", "backup-made"]
    assert events[0].detail == {"counts": {"guests": 2, "runs": 2, "sessions": 1, "log": 2}}
    again = prune_data(settings, database, NOW, source="cli")
    assert [old_data.rows for old_data in again] == [0, 0, 0, 0]


def test_a_guest_who_comes_back_before_the_deletion_is_kept(
    database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    old, _ = fill(database)
    returning, signing_up = sorted(old)
    next_old_guests = retention.retention_store.next_old_guests

    def find_then_come_back(*arguments: object) -> list[int]:
        ids = next_old_guests(*arguments)
        if ids:
            with database.write() as session:
                attempts.record_attempt(session, returning, replace(SUBMISSION, question="q"))
                people.register_account(session, signing_up, "back@example.org", "hash")
        return ids

    monkeypatch.setattr(retention.retention_store, "next_old_guests", find_then_come_back)
    settings = replace(settings, keep_guests_days=30)
    assert prune_data(settings, database, NOW, source="cli")[0].rows == 0
    assert old <= person_ids(database)


def test_of_many_processes_one_prunes_a_day(database: Database, settings: Settings):
    settings = replace(settings, keep_log_days=30)
    outcomes: list[bool] = []

    def look(now: datetime) -> None:
        own = Database(settings.data_url)
        outcomes.append(prune_if_due(settings, own, now))
        own.dispose()

    for now in (NOW, NOW + timedelta(hours=23), NOW + timedelta(hours=25)):
        threads = [threading.Thread(target=look, args=[now]) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(outcomes) == [False] * 7 + [True] * 2
    with database.read() as session:
        assert session.scalar(sa.select(maintenance.c.task)) == "prune"


@pytest.mark.one_database
def test_the_command_counts_first_and_says_what_it_deleted(database: Database, settings: Settings):
    create_guest(database, "answered", answers=2)
    environment = {"QUIZSERVER_DATABASE_URL": settings.database_url}
    environment["QUIZSERVER_KEEP_LOG_DAYS"] = "30"

    def run_prune(*flags: str) -> str:
        command = ["prune", "--data", str(settings.data), "--keep-guests-days", "1", *flags]
        result = CliRunner(env=environment).invoke(main, command)
        assert result.exit_code == 0, result.output
        return result.stdout

    lines = run_prune("--dry-run").splitlines()
    assert "guests\t1 would be deleted" in lines[0]
    assert lines[0].endswith("of whom 1 have 2 attempts")
    assert lines[1:3] == ["runs\tkept for ever", "sessions\tkept for ever"]
    assert lines[3].startswith("log\t0 would be deleted")
    (guests, *_) = json.loads(run_prune("--json"))["kinds"]
    assert (guests["rows"], guests["with_answers"], guests["attempts"]) == (1, 1, 2)
    assert person_ids(database) == set()


def test_a_server_logs_which_key_it_works_with_whenever_that_changes(
    database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(retention_schedule, "FIRST_LOOK_SECONDS", 0)
    first, second = "a first key that nobody can guess", "a second key that nobody can guess"
    for key in (first, first, second):
        start_schedule(replace(settings, secret_key=key)).join(10)
    assert not record_key_change(database, second, NOW)
    with database.read() as session:
        events = audit_store.list_events(session, EventFilter())
    assert [(event.action, event.source) for event in events] == [
        ("key-changed", "server"),
        ("key-first-seen", "server"),
    ]
    newest, oldest = (event.detail for event in events)
    assert ("before" in oldest, newest["before"]) == (False, oldest["fingerprint"])
    assert newest["fingerprint"] != oldest["fingerprint"]
    assert not any(key in str(events) for key in (first, second))
