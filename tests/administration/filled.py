"""A server's data with something of everything, and what is in a database, for comparing."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone

import sqlalchemy as sa

from quizserver.accounts import roles_store, sessions_store
from quizserver.accounts import store as people
from quizserver.administration.backup import tables_store
from quizserver.attempts import experiments_store, reveals_store
from quizserver.attempts import store as attempts
from quizserver.attempts.model import Submission
from quizserver.authoring import store as pages
from quizserver.classes import store as classes
from quizserver.db.session import Database
from quizserver.db.tables import attempt, draft
from quizserver.reports import store as reports
from quizserver.reports.model import NewReport
from quizserver.settings import Settings

NOW = datetime(2026, 3, 1, 12, 30, 15, 123456, tzinfo=timezone(timedelta(hours=2)))
KEY = "a key of the tests that nobody can guess"
SUBMISSION = Submission(
    question="even",
    version="v1",
    source="# Even? ü≠\u2028\n\t\"quoted\"\\",
    number=1,
    shown=("two", "three"),
    chosen=("two",),
    right=False,
    mark=1 / 3,
    hints_seen=1,
    seconds=0.1,
)  # fmt: skip


def fill_database(database: Database) -> None:
    """Accounts, a guest that an account absorbed, attempts, a class, pages, the log."""
    with database.write() as session:
        ids = [people.ensure_guest(session, f"visitor{n}").id for n in range(4)]
        for n in (1, 2):
            people.register_account(session, ids[n], f"person{n}@example.org", "hash")
        sessions_store.open_session(session, ids[1], "a token", "Firefox on Linux", NOW)
        # The guest comes before the account that it refers to.
        people.link_guest_to_account(session, ids[0], ids[2])
        roles_store.grant_role(session, ids[1], "admin", by=None, now=NOW)
        for number in (1, 2):
            attempts.record_attempt(session, ids[2], replace(SUBMISSION, number=number))
        attempts.record_attempt(session, ids[3], SUBMISSION)
        reveals_store.reveal_answer(session, ids[2], "even")
        session.execute(sa.update(attempt).where(attempt.c.number == 2).values(seconds=None))
        for text in ("Four is even.", "Vier\nist ≠ drei."):
            report = NewReport("even", "v1", "tried", text)
            reports.record_report(session, ids[3], report, NOW)
        reports.close_report(session, 1, ids[1], NOW)
        experiments_store.record_experiment(session, ids[2], "topic", "simulation", NOW)
        made = classes.create_class(session, "Klasse ≠", ids[1], NOW)
        classes.set_class_topics(session, made.id, [("numbers", NOW), ("other", None)])
        classes.change_reveal(session, made.id, "tried")
        session.execute(
            sa.insert(draft).values(path="a/b.md", person_id=ids[1], source="x", updated_at=NOW)
        )
        pages.record_version(session, "a/b.md", "# Old", "disk", NOW)


def write_key(settings: Settings) -> None:
    (settings.data / "secret_key").write_text(f"{KEY}\n")


def all_rows(database: Database) -> dict[str, list[bytes]]:
    """The rows of every table as a backup has them, but for the log of backups."""
    with database.read() as session:
        connection = session.connection()
        rows = {
            table.name: list(tables_store.read_lines(connection, table))
            for table in tables_store.reflect_tables(connection)
        }
    rows["audit_event"] = [
        row
        for row in rows.get("audit_event", [])
        if b'"backup-made"' not in row and b'"database-restored"' not in row
    ]
    return rows
