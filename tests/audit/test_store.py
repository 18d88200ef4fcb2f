"""The audit log: added with what it records, read in order, never changed."""

from __future__ import annotations

import ast
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from quizserver.accounts import store as people
from quizserver.audit import store
from quizserver.audit.actions import ACTION_TEXTS, action_label, detail_summary
from quizserver.audit.model import AuditEvent, EventFilter, PersonRef, actor_text
from quizserver.db.session import Database

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
PACKAGE = Path(__file__).parents[2] / "quizserver"


def create_account(database: Database, name: str) -> PersonRef:
    with database.write() as session:
        person = people.ensure_guest(session, name)
        people.register_account(session, person.id, f"{name}@example.org", "hash")
    return PersonRef(person.id, f"{name}@example.org")


def record(database: Database, action: str, **values: object) -> None:
    with database.write() as session:
        store.record_audit_event(session, action, **{"source": "web", "now": NOW} | values)


def read_log(database: Database, **wanted: object) -> list[AuditEvent]:
    with database.read() as session:
        events = store.list_events(session, EventFilter(**wanted))
        assert store.count_events(session, EventFilter(**wanted)) == len(events)
        assert list(store.read_events(session, EventFilter(**wanted))) == events
    return events


def test_an_event_is_read_as_it_was_recorded(database: Database):
    boss, ann = create_account(database, "boss"), create_account(database, "ann")
    detail = {"digest": "ab", "replaced": None, "nested": {"counts": [1, 2.5]}, "text": "ü≠"}
    record(
        database, "content-published", actor=boss, subject=ann, about="a/b.md", detail=detail,
    )  # fmt: skip
    (event,) = read_log(database)
    assert (event.at, event.action, event.source) == (NOW, "content-published", "web")
    assert (event.actor_email, event.subject_email) == (boss.email, ann.email)
    assert (event.about, event.detail) == ("a/b.md", detail)


def test_an_event_is_kept_or_lost_with_what_it_records(database: Database):
    with pytest.raises(RuntimeError), database.write() as session:  # noqa: PT012
        store.record_audit_event(session, "key-changed", source="server", now=NOW)
        raise RuntimeError
    assert read_log(database) == []


def test_the_log_is_searched_by_action_address_and_person(database: Database):
    boss, ann = create_account(database, "boss"), create_account(database, "ann_b")
    record(database, "backup-made", source="cli")
    record(database, "password-set", subject=ann)
    record(database, "content-published", actor=boss, about="x.md")
    record(database, "role-granted", actor=boss, subject=ann)

    def actions(**wanted: object) -> list[str]:
        return [event.action for event in read_log(database, **wanted)]

    assert actions() == ["role-granted", "content-published", "password-set", "backup-made"]
    assert actions(action="backup-made") == ["backup-made"]
    assert actions(address=" N_B@") == ["role-granted", "password-set"]
    assert actions(address="%") == []
    assert actions(subject_id=ann.id) == ["role-granted", "password-set"]
    assert actions(person_id=boss.id) == ["role-granted", "content-published"]
    assert actions(action="role-granted", address="boss") == ["role-granted"]


def test_a_deleted_person_keeps_the_address_in_the_log_and_loses_the_number(database: Database):
    boss, ann = create_account(database, "boss"), create_account(database, "ann")
    record(database, "role-granted", actor=boss, subject=ann, detail={"before": "a", "after": "b"})
    before = read_log(database)
    with database.write() as session:
        assert store.is_in_log(session, ann.id)
        people.delete_person(session, ann.id)
        people.delete_person(session, boss.id)
    with database.read() as session:
        assert not store.is_in_log(session, ann.id)
    assert read_log(database) == before
    assert read_log(database, person_id=ann.id) == []


def test_old_events_are_counted_and_deleted_a_part_at_a_time(database: Database):
    for days in (5, 4, 3, 1):
        record(database, "backup-made", now=NOW - timedelta(days=days))
    moment = NOW - timedelta(days=2)
    with database.write() as session:
        assert store.count_events_before(session, moment) == 3
        deleted = [store.delete_events_before(session, moment, limit=2) for _ in range(3)]
    assert deleted == [2, 1, 0]
    assert [event.at for event in read_log(database)] == [NOW - timedelta(days=1)]


def test_no_code_changes_an_event():
    """Only the log's own store names its table, and it holds no UPDATE."""
    naming = [
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        if "audit_event" in {
            getattr(node, "id", getattr(node, "attr", None))
            for node in ast.walk(ast.parse(path.read_text("utf-8")))
        }
    ]  # fmt: skip
    assert sorted(naming) == ["audit/store.py", "db/tables.py"]
    assert "update(" not in (PACKAGE / "audit" / "store.py").read_text("utf-8")


def test_events_are_read_in_words():
    assert detail_summary("role-granted", {"before": "learner", "after": "admin"}) == (
        "learner → admin"
    )
    assert detail_summary("backup-made", {"rows": 1234567, "files": 3}) == "1,234,567 rows, 3 files"
    assert detail_summary("data-pruned", {"counts": {"guests": 1200, "runs": 3}}) == (
        "1,200 guests, 3 runs"
    )
    assert detail_summary("role-granted", {"other": True}) == "other: true", "of another version"
    assert (action_label("from-the-future"), detail_summary("from-the-future", {})) == (
        "from-the-future",
        "",
    )
    event = AuditEvent(1, NOW, "backup-made", "cli", None, None, None, {})
    assert actor_text(event) == "the server’s command line"
    assert max(map(len, ACTION_TEXTS)) <= 32, "the length of the column"
