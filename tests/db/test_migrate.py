"""Migrations: up, down, with data in them, and never half."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from quizserver.accounts import sessions_store
from quizserver.accounts.sessions import GuestToken
from quizserver.attempts.standings_store import select_standings
from quizserver.audit import store as audit_store
from quizserver.audit.model import EventFilter
from quizserver.data_folder import prepare_folder
from quizserver.db.migrate import MigrationError, is_newest, migrate_database
from quizserver.db.revision import newest_revision, read_revision
from quizserver.db.session import Database
from quizserver.db.tables import metadata
from quizserver.settings import shipped_folder
from tests.postgres import Postgres


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request: pytest.FixtureRequest, tmp_path: Path):
    if request.param == "sqlite":
        database = Database(f"sqlite:///{tmp_path / 'empty.sqlite3'}")
        yield database
        database.dispose()
        return
    server: Postgres = request.getfixturevalue("postgres")
    with server.fresh(migrated=False) as url:
        database = Database(url)
        yield database
        database.dispose()


def table_names(database: Database) -> set[str]:
    return set(sa.inspect(database.engine).get_table_names())


def test_the_migrations_make_exactly_the_tables_that_the_code_declares(empty: Database):
    migrate_database(empty)
    with empty.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
    constraints = sa.inspect(empty.engine).get_check_constraints("person")
    assert {c["name"] for c in constraints} == {
        "ck_person_known_role",
        "ck_person_address_and_password_together",
        "ck_person_only_guests_are_absorbed",
    }


def test_migrating_twice_changes_nothing_the_second_time(empty: Database):
    _, after = migrate_database(empty)
    assert migrate_database(empty) == (after, after)


def test_whether_a_database_is_newest_is_told_without_alembic_as_alembic_would(empty: Database):
    config = Config()
    config.set_main_option("script_location", str(shipped_folder("migrations")))
    config.set_main_option("path_separator", "os")
    assert [newest_revision()] == ScriptDirectory.from_config(config).get_heads()
    assert not is_newest(empty)
    migrate_database(empty)
    assert is_newest(empty)
    if empty.is_sqlite:
        assert read_revision(Path(str(empty.url.database))) == newest_revision()
    migrate_database(empty, "0001", down=True)
    assert not is_newest(empty)


REVISIONS = [
    "0001",
    "0002",
    "0003",
    "0004",
    "0005",
    "0006",
    "0007",
    "0008",
    "0009",
    "0010",
    "0011",
    "0012",
    "0013",
    "0014",
]
ROW_QUERIES = {
    "person": "SELECT id, visitor, email, role FROM person ORDER BY id",
    "attempt": "SELECT person_id, question, number, mark FROM attempt ORDER BY id",
    "standing": "SELECT person_id, question, attempts, best_mark FROM standing ORDER BY person_id",
}


def insert_rows(database: Database) -> dict[str, list[tuple[object, ...]]]:
    """People, versions, attempts and standings as the first revision has them; what is in it."""
    moment = "'2026-01-02 03:04:05'"
    rows = [
        f"INSERT INTO person (id, visitor, session_key, created_at) VALUES (1, 'a', 'k', {moment})",
        "INSERT INTO person (id, visitor, email, password_hash, session_key, created_at)"
        f" VALUES (2, 'b', 'b@example.org', 'hash', 'k', {moment})",
        "INSERT INTO question_version (question, version, source, first_answered_at)"
        f" VALUES ('even', 'v1', '# Even', {moment})",
    ]
    for person, number in ((1, 1), (2, 1), (2, 2)):
        rows.append(
            'INSERT INTO attempt (person_id, question, version, number, shown, chosen, "right",'
            f" mark, answered_at) VALUES ({person}, 'even', 'v1', {number}, '[\"two\"]',"
            f" '[\"two\"]', true, 1.0, {moment})"
        )
    rows += [
        "INSERT INTO standing (person_id, question, attempts, first_mark, best_mark, latest_mark,"
        f" first_at, latest_at) VALUES ({person}, 'even', {done}, 1, 1, 1, {moment}, {moment})"
        for person, done in ((1, 1), (2, 2))
    ]
    with database.write() as session:
        for row in rows:
            session.execute(sa.text(row))
    return read_rows(database)


def read_rows(database: Database) -> dict[str, list[tuple[object, ...]]]:
    with database.read() as session:
        return {
            name: [tuple(row) for row in session.execute(sa.text(query))]
            for name, query in ROW_QUERIES.items()
        }


def restore_first_schema(database: Database) -> None:
    """The first revision as it was before its table of people had its final form."""
    statements = ["PRAGMA foreign_keys=OFF"] if database.is_sqlite else []
    if not database.is_sqlite:
        statements += [
            "ALTER TABLE person DROP COLUMN absorbed_by CASCADE",
            "ALTER TABLE person DROP COLUMN session_key",
            "ALTER TABLE person ADD COLUMN session_version INTEGER DEFAULT 0 NOT NULL",
        ]
    else:
        statements += [
            "CREATE TABLE old AS SELECT * FROM person",
            "DROP TABLE person",
            "CREATE TABLE person (id INTEGER NOT NULL, visitor VARCHAR(64) NOT NULL,"
            " email VARCHAR(254), password_hash VARCHAR(255),"
            " role VARCHAR(16) DEFAULT 'learner' NOT NULL,"
            " session_version INTEGER DEFAULT 0 NOT NULL, created_at DATETIME NOT NULL,"
            " CONSTRAINT pk_person PRIMARY KEY (id), CONSTRAINT uq_person_visitor UNIQUE (visitor),"
            " CONSTRAINT uq_person_email UNIQUE (email),"
            " CONSTRAINT ck_person_address_and_password_together"
            " CHECK ((email IS NULL) = (password_hash IS NULL)), CONSTRAINT ck_person_known_role"
            " CHECK (role IN ('learner', 'author', 'instructor', 'admin')))",
            "INSERT INTO person SELECT id, visitor, email, password_hash, role, 0, created_at"
            " FROM old",
            "DROP TABLE old",
        ]
    with database.engine.connect() as connection:
        raw = connection.connection.driver_connection
        assert raw is not None
        for statement in statements:
            raw.execute(statement)
        raw.commit()
        connection.detach()


def test_a_database_of_the_first_schema_is_completed_and_loses_nothing(empty: Database):
    migrate_database(empty, "0001")
    before = insert_rows(empty)
    restore_first_schema(empty)
    migrate_database(empty, "0005")
    with empty.write() as session:  # came a little later
        session.execute(sa.text("DROP INDEX ix_standing_latest_at"))
    migrate_database(empty, "0006")
    assert read_rows(empty) == before
    with empty.engine.connect() as connection:
        keys = connection.scalars(sa.text("SELECT session_key FROM person")).all()
    assert len(set(keys)) == len(keys) == 2
    migrate_database(empty)
    assert read_rows(empty) == before
    with empty.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
    constraints = sa.inspect(empty.engine).get_check_constraints("person")
    assert "ck_person_only_guests_are_absorbed" in {c["name"] for c in constraints}
    with empty.write() as session:  # what refers to people still does
        session.execute(sa.text("DELETE FROM person"))
    assert read_rows(empty)["attempt"] == []


def test_every_migration_keeps_what_people_did_on_the_way_up_and_down(empty: Database):
    migrate_database(empty, "0001")
    before = insert_rows(empty)
    assert all(before.values())
    for revision in REVISIONS[1:]:
        assert migrate_database(empty, revision)[1] == revision
        assert read_rows(empty) == before, revision
    assert migrate_database(empty)[1] == REVISIONS[-1], "a new migration needs a line in this test"
    for revision in REVISIONS[-2::-1]:
        assert migrate_database(empty, revision, down=True)[1] == revision
        assert read_rows(empty) == before, revision
    migrate_database(empty)
    assert read_rows(empty) == before
    with empty.write() as session:  # the schema works, not only its look
        session.execute(
            sa.insert(metadata.tables["class"]).values(
                title="Class", created_at=datetime(2026, 1, 2, tzinfo=UTC)
            )
        )
    with pytest.raises(sa.exc.IntegrityError), empty.write() as session:
        session.execute(sa.text("UPDATE attempt SET seconds = -1"))


def declared_rows(sql: str) -> list[str]:
    """The columns and constraints of a CREATE statement; in which order does not matter."""
    return sorted(line.strip().rstrip(",") for line in sql.replace('"', "").splitlines())


@pytest.mark.parametrize("filled", [False, True])
def test_the_migrations_make_in_sqlite_what_the_code_declares_to_the_letter(
    tmp_path: Path, filled: bool
):
    """With every constraint, index and AUTOINCREMENT, which other comparisons leave out."""
    databases = [Database(f"sqlite:///{tmp_path / name}") for name in ("migrated", "declared")]
    migrate_database(databases[0], "0006")
    if filled:
        insert_rows_of_0006(databases[0])
    migrate_database(databases[0])
    metadata.create_all(databases[1].engine)
    statements = []
    for database in databases:
        with database.engine.connect() as connection:
            rows = connection.exec_driver_sql(
                "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE"
                " 'sqlite_%' AND name <> 'alembic_version'"
            )
            statements.append({name: declared_rows(sql) for name, sql in rows})
        database.dispose()
    assert statements[0] == statements[1]


def insert_rows_of_0006(database: Database) -> None:
    """Rows in every table, with attempts whose numbers are not in the order of time.

    Account 2 had one right answer at 13:00 and 15:00; the older ones of guest 1 were taken over and
    numbered after them, as it was then. Person 3 answered in order.
    """
    moment = "'2026-01-02 03:04:05.000000'"
    rows = [
        "INSERT INTO person (id, visitor, email, password_hash, session_key, created_at) VALUES"
        f" (2, 'b', 'b@x.org', 'hash', 'k', {moment}), (3, 'c', 'c@x.org', 'hash', 'k', {moment})",
        "INSERT INTO person (id, visitor, session_key, absorbed_by, created_at)"
        f" VALUES (7, 'a', 'k', 2, {moment})",
        "INSERT INTO question_version (question, version, source, first_answered_at)"
        f" VALUES ('even', 'v1', '# Even', {moment}), ('odd', 'v1', '# Odd', {moment})",
        f"INSERT INTO class (id, title, created_at) VALUES (5, 'Class', {moment})",
        "INSERT INTO member (class_id, person_id, role, joined_at, state_since)"
        f" VALUES (5, 2, 'learner', {moment}, {moment})",
        "INSERT INTO class_topic (class_id, topic, position) VALUES (5, 'numbers', 1)",
        "INSERT INTO experiment (id, person_id, topic, simulation, started_at)"
        f" VALUES (4, 2, 'numbers', 'sum', {moment})",
        "INSERT INTO role_grant (id, person_id, email, before, after, granted_at)"
        f" VALUES (6, 2, 'b@x.org', 'learner', 'author', {moment})",
        "INSERT INTO file_version (id, path, source, digest, origin, person_id, saved_at)"
        f" VALUES (8, 'numbers/even.md', '# Even', 'd', 'browser', 2, {moment})",
        "INSERT INTO draft (path, person_id, source, updated_at)"
        f" VALUES ('numbers/even.md', 2, '# Even', {moment})",
    ]
    attempts = [
        (1, 2, "even", 1, 1, 13), (2, 2, "even", 2, 1, 15), (3, 2, "even", 3, 0, 12),
        (4, 2, "even", 4, 0, 14), (5, 2, "odd", 1, 0, 12), (6, 3, "even", 1, 0, 12),
        (9, 3, "even", 2, 1, 12),
    ]  # fmt: skip
    rows += [
        'INSERT INTO attempt (id, person_id, question, version, number, shown, chosen, "right",'
        f" mark, answered_at) VALUES ({row}, {person}, '{question}', 'v1', {number}, '[]', '[]',"
        f" {'true' if mark else 'false'}, {mark}, '2026-01-02 {hour}:00:00.000000')"
        for row, person, question, number, mark, hour in attempts
    ]
    rows += [
        "INSERT INTO standing (person_id, question, attempts, first_mark, best_mark, latest_mark,"
        f" first_at, latest_at) VALUES ({person}, '{question}', {count}, {marks},"
        f" '2026-01-02 {first}:00:00.000000', '2026-01-02 {latest}:00:00.000000')"
        for person, question, count, marks, first, latest in (
            (2, "even", 4, "1, 1, 0", 13, 14),
            (2, "odd", 1, "0, 0, 0", 12, 12),
            (3, "even", 2, "0, 1, 1", 12, 12),
        )
    ]
    with database.write() as session:
        for row in rows:
            session.execute(sa.text(row))


def test_0009_numbers_attempts_in_time_and_corrects_the_standings_that_were_wrong(empty: Database):
    migrate_database(empty, "0006")
    insert_rows_of_0006(empty)
    migrate_database(empty, "0008")
    unchanged = table_names(empty) - {"attempt", "standing", "alembic_version"}

    def read_tables() -> dict[str, list[str]]:
        with empty.read() as session:
            return {
                name: sorted(map(repr, session.execute(sa.text(f'SELECT * FROM "{name}"'))))
                for name in unchanged
            }

    before = read_tables()
    assert sum(map(len, before.values())) >= 11
    migrate_database(empty, "0009")
    assert read_tables() == before
    attempt, standing = metadata.tables["attempt"], metadata.tables["standing"]
    with empty.read() as session:
        numbers = session.execute(sa.select(attempt.c.id, attempt.c.number).order_by("id")).all()
        order = (standing.c.person_id, standing.c.question)
        rows = session.execute(sa.select(standing).order_by(*order)).all()
    assert [tuple(row) for row in numbers] == [
        (1, 2), (2, 4), (3, 1), (4, 3), (5, 1), (6, 1), (9, 2),
    ]  # fmt: skip
    assert [(*row[:6], row.first_at.hour, row.latest_at.hour) for row in rows] == [
        (2, "even", 4, 0, 1, 1, 12, 15), (2, "odd", 1, 0, 0, 0, 12, 12),
        (3, "even", 2, 0, 1, 1, 12, 12),
    ]  # fmt: skip
    migrate_database(empty)
    with empty.read() as session:
        expected = session.execute(select_standings().order_by("person_id", "question")).all()
    assert rows == expected


def test_0013_keeps_every_mark_and_gives_what_was_answered_the_moment_of_the_migration(
    empty: Database,
):
    """Also what another machine's clock put into the future; on the way down all attempts count."""
    migrate_database(empty, "0006")
    insert_rows_of_0006(empty)
    migrate_database(empty, "0012")
    ahead = datetime(2126, 1, 2, 12, tzinfo=UTC)
    attempt, standing = metadata.tables["attempt"], metadata.tables["standing"]
    reveal = metadata.tables["reveal"]
    with empty.write() as session:
        session.execute(sa.update(attempt).where(attempt.c.id == 5).values(answered_at=ahead))
        odd = standing.c.question == "odd"
        session.execute(sa.update(standing).where(odd).values(first_at=ahead, latest_at=ahead))

    def read_standings() -> list[sa.Row]:
        order = (standing.c.person_id, standing.c.question)
        with empty.read() as session:
            return list(session.execute(sa.select(standing).order_by(*order)))

    before, started = read_standings(), datetime.now(UTC)
    migrate_database(empty)
    assert read_standings() == before
    with empty.read() as session:
        assert list(session.execute(select_standings().order_by("person_id", "question"))) == before
        reveals = session.execute(sa.select(reveal).order_by("person_id", "question")).all()
    assert [(row.person_id, row.question, row.why) for row in reveals] == [
        (2, "even", "rule"), (2, "odd", "rule"), (3, "even", "rule"),
    ]  # fmt: skip
    moments = [row.revealed_at for row in reveals]
    assert moments[1] == ahead
    assert started <= moments[0] == moments[2] <= datetime.now(UTC)
    with empty.write() as session:  # what only this schema can hold
        mine = standing.c.person_id == 3
        nothing = {"first_mark": None, "best_mark": None, "latest_mark": None}
        session.execute(sa.update(standing).where(mine).values(nothing))
    with pytest.raises(sa.exc.IntegrityError), empty.write() as session:
        session.execute(sa.update(standing).where(mine).values(best_mark=1))
    migrate_database(empty, "0012", down=True)
    assert read_standings() == before
    assert "reveal" not in table_names(empty)


def test_0014_adds_the_table_of_reports_to_a_filled_database_and_changes_nothing_else(
    empty: Database,
):
    migrate_database(empty, "0006")
    insert_rows_of_0006(empty)
    migrate_database(empty, "0013")

    def read_tables() -> dict[str, list[str]]:
        with empty.read() as session:
            return {
                name: sorted(map(repr, session.execute(sa.text(f'SELECT * FROM "{name}"'))))
                for name in table_names(empty) - {"alembic_version", "question_report"}
            }

    before = read_tables()
    assert sum(map(len, before.values())) >= 20
    migrate_database(empty, "0014")
    assert read_tables() == before
    report, person = metadata.tables["question_report"], metadata.tables["person"]
    moment = datetime(2026, 1, 2, tzinfo=UTC)
    values = {"question": "even", "stage": "tried", "text": "Four is even.", "reported_at": moment}
    with empty.write() as session:
        for closed in ({}, {"closed_at": moment, "closed_by": 2}):
            session.execute(sa.insert(report).values(person_id=3, **values, **closed))
    for wrong in ({"text": ""}, {"stage": "shut"}, {"closed_by": 2}, {"person_id": 99}):
        with pytest.raises(sa.exc.IntegrityError), empty.write() as session:
            session.execute(sa.insert(report).values({"person_id": 3} | values | wrong))
    with empty.write() as session:  # who closed it is forgotten, that it is closed is not
        session.execute(sa.delete(person).where(person.c.id == 2))
        closings = sa.select(report.c.closed_at, report.c.closed_by).order_by("id")
        assert [tuple(row) for row in session.execute(closings)] == [(None, None), (moment, None)]
        session.execute(sa.delete(person).where(person.c.id == 3))
        assert session.scalar(sa.select(sa.func.count()).select_from(report)) == 0
    migrate_database(empty, "0013", down=True)
    assert "question_report" not in table_names(empty)
    migrate_database(empty)


def test_no_id_is_given_twice(empty: Database):
    """In SQLite too, where the id of a deleted newest row would go to the next one."""
    migrate_database(empty, "0006")
    insert_rows_of_0006(empty)
    migrate_database(empty)
    moment = datetime(2026, 1, 2, tzinfo=UTC)
    person = metadata.tables["person"]
    if not empty.is_sqlite:  # the rows above came with ids of their own
        with empty.write() as session:
            session.execute(sa.text("SELECT setval('person_id_seq', 7)"))
    ids = []
    for visitor in ("x", "y"):
        with empty.write() as session:
            newest = session.scalar(sa.select(sa.func.max(person.c.id)))
            session.execute(sa.delete(person).where(person.c.id == newest))
            values = {"visitor": visitor, "created_at": moment}
            ids.append(session.scalar(sa.insert(person).values(values).returning(person.c.id)))
    assert ids == [8, 9]


def test_two_processes_that_migrate_at_once_do_it_once(empty: Database):
    outcomes: list[object] = []

    def migrate():
        database = Database(empty.url.render_as_string(hide_password=False))
        try:
            outcomes.append(migrate_database(database)[1])
        except Exception as error:  # compared below
            outcomes.append(error)
        database.dispose()

    threads = [threading.Thread(target=migrate) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes == [REVISIONS[-1]] * 2


def test_down_and_up_again(empty: Database):
    migrate_database(empty)
    migrate_database(empty, "base", down=True)
    assert table_names(empty) == {"alembic_version"}
    migrate_database(empty)
    assert set(metadata.tables) <= table_names(empty)


def test_a_database_from_the_future_is_refused_in_words_and_left_alone(empty: Database):
    migrate_database(empty)
    with empty.write() as session:
        session.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(MigrationError, match=r"9999.*newer"):
        migrate_database(empty)
    with empty.read() as session:
        assert session.scalar(sa.text("SELECT version_num FROM alembic_version")) == "9999"


def test_a_data_folder_that_cannot_be_written_is_an_error(tmp_path: Path):
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file"):
        prepare_folder(tmp_path / "file")
    prepare_folder(tmp_path / "new" / "deep")
    assert list((tmp_path / "new" / "deep").iterdir()) == []


GRANTS = "SELECT person_id, email, before, after, granted_by, granted_by_email FROM role_grant"
AUDITED_GRANTS = (
    "SELECT subject_id, subject_email, action, source, actor_id, actor_email FROM audit_event"
)


def test_the_log_of_roles_moves_into_the_audit_log_in_its_order_and_back(empty: Database):
    migrate_database(empty, "0001")
    insert_rows(empty)
    migrate_database(empty, "0006")
    moment = "'2026-01-02 03:04:05'"
    rows = [
        (2, "'b@example.org'", "'learner'", "'admin'", "NULL", "NULL"),
        ("NULL", "'gone@example.org'", "'learner'", "'author'", 2, "'b@example.org'"),
        (2, "'b@example.org'", "'admin'", "'author'", "NULL", "'deleted@example.org'"),
    ]
    columns = "person_id, email, before, after, granted_by, granted_by_email, granted_at"
    with empty.write() as session:
        for row in rows:
            values = ", ".join(map(str, row))
            session.execute(
                sa.text(f"INSERT INTO role_grant ({columns}) VALUES ({values}, {moment})")
            )
        before = session.execute(sa.text(f"{GRANTS} ORDER BY id")).all()
    migrate_database(empty, "0007")
    with empty.read() as session:
        events = session.execute(sa.text(f"{AUDITED_GRANTS} ORDER BY id")).all()
        assert [tuple(event) for event in events] == [
            (2, "b@example.org", "role-granted", "cli", None, None),
            (None, "gone@example.org", "role-granted", "web", 2, "b@example.org"),
            (2, "b@example.org", "role-granted", "web", None, "deleted@example.org"),
        ]
        found = audit_store.list_events(session, EventFilter())
    moment = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert [(event.at, event.detail) for event in found] == [
        (moment, {"before": "admin", "after": "author"}),
        (moment, {"before": "learner", "after": "author"}),
        (moment, {"before": "learner", "after": "admin"}),
    ]
    migrate_database(empty, "0006", down=True)
    with empty.read() as session:
        assert session.execute(sa.text(f"{GRANTS} ORDER BY id")).all() == before


def insert_people_of_0006(database: Database) -> None:
    """A guest, an account with an umlaut, a guest whom it absorbed, and 2,500 more guests."""
    moment = "'2026-01-02 03:04:05'"
    columns = "id, visitor, email, password_hash, session_key, absorbed_by, created_at"
    rows = [
        f"(1, 'guest', NULL, NULL, 'k1', NULL, {moment})",
        f"(2, 'b', 'bärbel@example.org', 'hash', 'k2', NULL, {moment})",
        f"(3, 'absorbed', NULL, NULL, 'k3', 2, {moment})",
        *(f"({n}, 'v{n}', NULL, NULL, 'k', NULL, {moment})" for n in range(4, 2504)),
    ]
    with database.write() as session:
        session.execute(sa.text(f"INSERT INTO person ({columns}) VALUES {', '.join(rows)}"))


def test_who_was_signed_in_before_sessions_had_an_identity_still_is(empty: Database):
    migrate_database(empty, "0006")
    insert_people_of_0006(empty)
    migrate_database(empty, "0011")
    before = datetime.now(UTC) - timedelta(minutes=5)
    with empty.read() as session:
        account = sessions_store.find_account_session(session, "2.k2")
        guest = sessions_store.find_guest_session(session, GuestToken("guest", "guest"))
        assert account is not None
        assert guest is not None
        assert (account.person.email, guest.person.id) == ("bärbel@example.org", 1)
        assert account.session is not None
        # Nobody knows when they were last used, so that no clean-up may take them for old ones.
        assert account.session.last_seen_at > before
        for token in ("2.k1", "1.k1", "k2", "guest", ""):
            assert sessions_store.find_account_session(session, token) is None
        with pytest.raises(sessions_store.SessionEndedError):
            sessions_store.find_guest_session(session, GuestToken("absorbed", "absorbed"))
        count = sa.select(sa.func.count()).select_from(metadata.tables["browser_session"])
        assert session.scalar(count) == 2502
    migrate_database(empty, "0010", down=True)
    with empty.read() as session:
        keys = session.scalars(sa.text("SELECT session_key FROM person")).all()
    assert len(set(keys)) == len(keys) == 2503, "an older version signs everybody out"
    assert all(len(key) == 32 for key in keys)
