"""Backup and restore: whole, between both databases, of any revision, or not at all."""

from __future__ import annotations

import itertools
import json
import os
import stat
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from quizserver.accounts import store as people
from quizserver.administration.backup import commands as backup_commands
from quizserver.administration.backup import making, restoring, tables_store
from quizserver.administration.backup.archive import ArchiveWriter
from quizserver.administration.backup.making import check_backup, make_backup
from quizserver.administration.backup.model import BackupError, Manifest, Part, manifest_from_json
from quizserver.administration.backup.restoring import restore_backup
from quizserver.attempts import store as attempts
from quizserver.audit import store as audit_store
from quizserver.audit.model import EventFilter
from quizserver.cli import main
from quizserver.data_folder import DataFolderError, hold_data_folder, restore_marker
from quizserver.db.availability import BusyError
from quizserver.db.migrate import known_revisions, migrate_database
from quizserver.db.session import Database
from quizserver.settings import Settings
from tests.administration.filled import KEY, SUBMISSION, all_rows, fill_database, write_key
from tests.postgres import Postgres

Target = Callable[[str], Settings]


@pytest.fixture
def source(settings: Settings, database: Database) -> Settings:
    """A server's settings with something in everything."""
    fill_database(database)
    settings = replace(settings, secret_key="")
    write_key(settings)
    (settings.content / "numbers" / "images").mkdir()
    (settings.content / "numbers" / "images" / "a.png").write_bytes(os.urandom(3000))
    (settings.content / ".git").mkdir()
    (settings.content / ".git" / "config").write_text("hidden")
    return settings


@pytest.fixture
def target(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Target]:
    """Makes the settings of a server that was never started, on either kind of database."""
    made, numbers = [], itertools.count()

    def make_target(kind: str) -> Settings:
        folder = tmp_path / f"target{next(numbers)}"
        url = ""
        if kind == "postgresql":
            server: Postgres = request.getfixturevalue("postgres")
            context = server.fresh(migrated=False)
            url = context.__enter__()
            made.append(context)
        return Settings(data=folder / "data", content=folder / "content", database_url=url)

    yield make_target
    for context in made:
        context.__exit__(None, None, None)


@contextmanager
def opened(settings: Settings) -> Iterator[Database]:
    database = Database(settings.data_url)
    yield database
    database.dispose()


def rows_of(settings: Settings) -> dict[str, list[bytes]]:
    with opened(settings) as database:
        return all_rows(database)


def content_of(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and ".git" not in path.parts
    }


@pytest.fixture
def backup(source: Settings, tmp_path: Path) -> Path:
    path = tmp_path / "backup.zip"
    make_backup(source, path)
    return path


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_what_is_restored_is_what_was_there_whichever_the_databases(
    source: Settings, backup: Path, target: Target, kind: str
):
    new = target(kind)
    result = restore_backup(new, backup, replace=False)
    before = rows_of(source)
    assert rows_of(new) == before
    assert sum(map(len, before.values())) > 15
    assert content_of(new.content) == content_of(source.content)
    assert (new.data / "secret_key").read_text() == f"{KEY}\n"
    assert stat.S_IMODE((new.data / "secret_key").stat().st_mode) == 0o600
    assert stat.S_IMODE(new.data.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in new.data.iterdir()} == {0o600}
    assert (result.content, result.set_aside) == (new.content.absolute(), ())
    assert sorted(path.name for path in new.data.iterdir()) == sorted(
        ["secret_key", "server.lock"] + ([] if new.database_url else ["quizserver.sqlite3"])
    )
    with opened(new) as database, database.read() as session:
        (event,) = audit_store.list_events(session, EventFilter(action="database-restored"))
    assert event.about == "backup.zip"
    with opened(new) as database:  # the schema works, and goes on counting
        assert migrate_database(database) == (result.revision, result.revision)
        with database.write() as session:
            attempts.record_attempt(session, 3, replace(SUBMISSION, number=3))
            newest = people.ensure_guest(session, "after the restore")
            assert session.scalar(sa.text("SELECT max(id) FROM person")) == newest.id == 5
        with pytest.raises(sa.exc.IntegrityError), database.write() as session:
            session.execute(sa.text("UPDATE attempt SET person_id = 999"))


@pytest.mark.one_database
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_the_id_of_a_person_who_was_deleted_is_not_given_again_after_a_restore(
    source: Settings, database: Database, tmp_path: Path, target: Target, kind: str
):
    with database.write() as session:
        last = people.ensure_guest(session, "last").id
        people.delete_person(session, last)
    make_backup(source, tmp_path / "b.zip")
    new = target(kind)
    restore_backup(new, tmp_path / "b.zip", replace=False)
    with opened(new) as restored, restored.write() as session:
        following = people.ensure_guest(session, "following").id
    assert following == last + 1


def test_the_file_is_for_its_owner_alone_and_says_what_is_in_it(backup: Path, source: Settings):
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    manifest = check_backup(backup)
    assert manifest.revision == known_revisions()[0]
    assert {table.table: table.rows for table in manifest.tables}["attempt"] == 3
    names = {part.name for part in manifest.files or ()}
    assert "content/numbers/images/a.png" in names
    assert not any(".git" in name for name in names)
    assert manifest.secret_key is not None
    with opened(source) as database, database.read() as session:
        (event,) = audit_store.list_events(session, EventFilter(action="backup-made"))
    assert event.detail["rows"] == manifest.row_count


@pytest.mark.one_database
def test_content_and_key_can_be_left_out(source: Settings, tmp_path: Path, target: Target):
    path = tmp_path / "less.zip"
    make_backup(source, path, with_content=False, with_secret_key=False)
    manifest = check_backup(path)
    assert (manifest.files, manifest.secret_key) == (None, None)
    assert KEY.encode() not in b"".join(zipfile.ZipFile(path).read(n) for n in names_in(path))
    new = target("sqlite")
    restore_backup(new, path, replace=False)
    assert rows_of(new) == rows_of(source)
    assert not new.content.exists()
    assert not (new.data / "secret_key").exists()


def names_in(path: Path) -> list[str]:
    with zipfile.ZipFile(path) as archive:
        return archive.namelist()


@pytest.mark.one_database
def test_a_backup_overwrites_nothing_and_one_that_fails_leaves_nothing(
    source: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    path = tmp_path / "kept.zip"
    path.write_text("precious")
    with pytest.raises(BackupError, match="overwrites nothing"):
        make_backup(source, path)
    assert path.read_text() == "precious"
    folder = tmp_path / "backups"
    folder.mkdir()
    read_lines = tables_store.read_lines

    def break_off(connection: sa.Connection, table: sa.Table) -> Iterator[bytes]:
        yield from read_lines(connection, table)
        if table.name == "member":
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(tables_store, "read_lines", break_off)
    with pytest.raises(BackupError, match="No space left"):
        make_backup(source, folder / "b.zip")
    assert list(folder.iterdir()) == []
    monkeypatch.undo()

    def appear_meanwhile(*arguments: object) -> None:
        (folder / "b.zip").write_text("of somebody else")

    monkeypatch.setattr(making.ArchiveWriter, "finish", appear_meanwhile)
    with pytest.raises(BackupError, match="overwrites nothing"):
        make_backup(source, folder / "b.zip")
    assert (folder / "b.zip").read_text() == "of somebody else"
    assert len(list(folder.iterdir())) == 1


def test_a_backup_made_while_many_write_is_of_one_moment(
    source: Settings, tmp_path: Path, target: Target
):
    stop, written = threading.Event(), []

    def write_answers(person: int) -> None:
        number = 0
        with opened(source) as database:
            while not stop.is_set():
                number += 1
                answer = replace(SUBMISSION, question=f"q{person}", number=number)
                with database.write() as session:
                    attempts.record_attempt(session, person, answer)
                written.append(number)

    threads = [threading.Thread(target=write_answers, args=(person,)) for person in (2, 3)]
    for thread in threads:
        thread.start()
    while len(written) < 20:
        time.sleep(0.01)
    make_backup(source, tmp_path / "b.zip")
    during = len(written)
    stop.set()
    for thread in threads:
        thread.join()
    assert during > 20
    new = target("sqlite")
    restore_backup(new, tmp_path / "b.zip", replace=False)
    with opened(new) as database, database.read() as session:
        counted = session.execute(
            sa.text(
                "SELECT (SELECT count(*) FROM attempt), (SELECT sum(attempts) FROM standing),"
                " (SELECT sum(n) FROM (SELECT max(number) AS n FROM attempt"
                " GROUP BY person_id, question) AS numbers)"
            )
        ).one()
    assert len(set(counted)) == 1, "standings and attempts of one transaction are both there"
    assert 20 <= counted[0] - 3 <= len(written)


@pytest.fixture
def old(request: pytest.FixtureRequest, tmp_path: Path, content: Path, target: Target):
    """Settings of a server whose database is of the revision before the audit log."""
    settings = replace(target(request.param), content=content)
    settings.data.mkdir(parents=True)
    with opened(settings) as database:
        migrate_database(database, "0006")
        moment = "'2026-01-02 03:04:05'"
        with database.write() as session:
            for row in (
                "INSERT INTO person (id, visitor, email, password_hash, session_key, created_at)"
                f" VALUES (7, 'b', 'b@example.org', 'hash', 'k', {moment})",
                "INSERT INTO role_grant (person_id, email, before, after, granted_at)"
                f" VALUES (7, 'b@example.org', 'learner', 'admin', {moment})",
            ):
                session.execute(sa.text(row))
    return settings


@pytest.mark.parametrize("old", ["sqlite", "postgresql"], indirect=True)
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_backup_of_an_older_schema_is_brought_up_on_restoring(
    old: Settings, tmp_path: Path, target: Target, kind: str
):
    result = make_backup(old, tmp_path / "old.zip")
    assert result.manifest.revision == "0006"
    assert "role_grant" in {table.table for table in result.manifest.tables}
    new = target(kind)
    assert restore_backup(new, tmp_path / "old.zip", replace=False).revision == known_revisions()[0]
    with opened(new) as database, database.read() as session:
        events = audit_store.list_events(session, EventFilter(action="role-granted"))
        assert [(e.subject_email, e.at) for e in events] == [
            ("b@example.org", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))
        ]
        assert people.person_by_email(session, "b@example.org").id == 7


def table_of(manifest: dict, name: str) -> dict:
    return next(table for table in manifest["tables"] if table["table"] == name)


def rewritten(backup: Path, path: Path, change: Callable[[dict], None]) -> Path:
    """The backup with another manifest."""
    with zipfile.ZipFile(backup) as old, zipfile.ZipFile(path, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            if name == "manifest.json":
                document = json.loads(data)
                change(document)
                data = json.dumps(document).encode()
            new.writestr(name, data)
    return path


def test_what_a_killed_backup_left_is_removed_by_the_next_one_after_a_day(
    source: Settings, tmp_path: Path
):
    suffix = making.UNFINISHED_SUFFIX
    old, new, other = (
        tmp_path / name for name in (f".a.zip-1{suffix}", f".b.zip-2{suffix}", ".a.zip-3")
    )
    for path in (old, new, other):
        path.write_bytes(b"half")
    for path in (old, other):
        os.utime(path, (time.time() - 90_000,) * 2)
    make_backup(source, tmp_path / "whole.zip")
    assert not old.exists()
    assert new.exists()
    assert other.exists()


def changed_entry(data: bytes, which: str) -> dict[str, bytes]:
    """A backup whose table of contents gives another way of compression, or an encryption, for its
    first part or for the manifest, which is the last."""
    start = (data.find if which == "first" else data.rfind)(b"PK")
    method, flags = bytearray(data), bytearray(data)
    method[start + 10] ^= 64
    flags[start + 8] |= 1
    return {"method": bytes(method), "encrypted": bytes(flags)}


@pytest.mark.one_database
def test_a_backup_that_is_not_whole_is_refused_before_anything_changes(
    backup: Path, tmp_path: Path, target: Target
):
    data = bytearray(backup.read_bytes())
    offset = data.find(b"tables/attempt.jsonl") + 60
    damaged = {
        "cut": data[: len(data) // 2],
        "changed": data[:offset] + bytes([data[offset] ^ 255]) + data[offset + 1 :],
        **{
            f"{name} of {which}": content
            for which in ("first", "manifest")
            for name, content in changed_entry(bytes(data), which).items()
        },
        "none": b"something else",
        "empty": b"",
    }
    new = target("sqlite")
    for name, content in damaged.items():
        path = tmp_path / f"{name}.zip"
        path.write_bytes(content)
        for work in (check_backup, lambda path: restore_backup(new, path, replace=True)):
            with pytest.raises(BackupError, match=r"is damaged|is no backup|is not what"):
                work(path)
    changes: dict[str, Callable[[dict], None]] = {
        "3 rows; the manifest says 4": lambda m: table_of(m, "attempt").update(rows=4),
        "instead of 1": lambda m: m["files"][0].update(size=1),
        "is missing": lambda m: m["files"][0].update(name="content/other"),
        "lies outside": lambda m: m["files"][0].update(name="content/../../evil"),
        "lies outside of": lambda m: m["files"][0].update(name="content//etc/passwd"),
        "can't be one": lambda m: table_of(m, "attempt").update(table='x"; DROP TABLE person'),
        "schema 9999.*newer": lambda m: m.update(revision="9999"),
        "has format 2": lambda m: m.update(format=2),
        "can't be read": lambda m: m.pop("tables"),
    }
    for number, (message, change) in enumerate(changes.items()):
        path = rewritten(backup, tmp_path / f"m{number}.zip", change)
        with pytest.raises(BackupError, match=message):
            restore_backup(new, path, replace=True)
    assert [path.name for path in new.data.iterdir()] == ["server.lock"]
    assert not new.content.exists()


@pytest.mark.one_database
def test_rows_that_contradict_each_other_are_refused(backup: Path, tmp_path: Path, target: Target):
    manifest = check_backup(backup)
    path = tmp_path / "wrong.zip"
    with (
        zipfile.ZipFile(backup) as old,
        path.open("wb") as file,
        ArchiveWriter(file, manifest.created_at) as new,
    ):
        tables = []
        for table in manifest.tables:
            data = b"" if table.table == "person" else old.read(table.part.name)
            part = new.add_part(table.part.name, [data])
            tables.append(replace(table, part=part, rows=data.count(b"\n")))
        new.finish(replace(manifest, tables=tuple(tables), files=None, secret_key=None))
    for kind in ("sqlite", "postgresql"):
        settings = target(kind)
        with pytest.raises(BackupError, match="contradict each other"):
            restore_backup(settings, path, replace=False)
        with opened(settings) as database:
            assert not sa.inspect(database.engine).has_table("person")


@pytest.mark.one_database
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_what_is_there_is_refused_or_set_aside_whole(
    backup: Path, source: Settings, target: Target, kind: str
):
    new = target(kind)
    restore_backup(new, backup, replace=False)
    with opened(new) as database, database.write() as session:
        people.ensure_guest(session, "since then")
    (new.content / "numbers" / "new.md").write_text("since then")
    (new.data / "secret_key").write_text("another key that nobody can guess")
    before = rows_of(new), content_of(new.content)
    everything = "holds other files.* is another key.* There is a database already.* 5 of person"
    for message, change in {
        everything: None,
        "is another key": lambda: restore_backup(new, backup, replace=False, with_content=False),
    }.items():
        with pytest.raises(BackupError, match=message):
            (change or (lambda: restore_backup(new, backup, replace=False)))()
    (new.data / "secret_key").unlink()
    with pytest.raises(BackupError, match="5 of person"):
        restore_backup(new, backup, replace=False, with_content=False)
    assert (rows_of(new), content_of(new.content)) == before
    result = restore_backup(new, backup, replace=True)
    assert rows_of(new) == rows_of(source)
    assert content_of(new.content) == content_of(source.content)
    (aside,) = new.content.parent.glob("content.replaced-*")
    assert content_of(aside) == before[1]
    if kind == "sqlite":
        (folder,) = new.data.glob("replaced-*")
        assert rows_of(replace(new, data=folder)) == before[0]
    else:
        schema = next(name.split()[1] for name in result.set_aside if name.startswith("schema"))
        url = sa.make_url(new.database_url).update_query_dict(
            {"options": f"-csearch_path={schema}"}
        )
        kept = replace(new, database_url=url.render_as_string(hide_password=False))
        assert rows_of(kept) == before[0]


@pytest.mark.one_database
def test_a_database_that_a_server_made_and_nobody_used_counts_as_empty(
    backup: Path, source: Settings, target: Target
):
    for kind in ("sqlite", "postgresql"):
        new = target(kind)
        new.data.mkdir(parents=True)
        with opened(new) as database:
            migrate_database(database)
        restore_backup(new, backup, replace=False)
        assert rows_of(new) == rows_of(source)


@pytest.mark.one_database
def test_a_restore_is_refused_while_a_server_runs(backup: Path, target: Target):
    new = target("sqlite")
    new.data.mkdir(parents=True)
    server = hold_data_folder(new.data)
    with pytest.raises(BackupError, match="A server, or another restore, uses"):
        restore_backup(new, backup, replace=True)
    os.close(server)
    shared = target("postgresql")
    with opened(shared) as database, database.read() as session:
        session.execute(sa.text("SELECT 1"))
        with pytest.raises(BackupError, match=r"uses this database \(1 connection"):
            restore_backup(shared, backup, replace=True)
    restore_backup(shared, backup, replace=True)


@pytest.mark.one_database
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_restore_that_is_killed_at_any_step_leaves_nothing_that_is_served_half(
    backup: Path, source: Settings, target: Target, kind: str
):
    """Killed before each rename in turn, over an older state, until it comes to its end."""
    expected = rows_of(source), content_of(source.content)
    steps = 0
    new = target(kind)
    restore_backup(new, backup, replace=False)
    with opened(new) as database, database.write() as session:
        people.ensure_guest(session, "since then")
    (new.content / "numbers" / "even.md").write_text("# Since then")
    state = rows_of(new), content_of(new.content)
    while True:
        pid = os.fork()
        if pid == 0:
            kill_before_rename(steps)
            with_error = 1
            try:
                restore_backup(new, backup, replace=True)
                with_error = 0
            finally:
                os._exit(with_error)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        if code == 0:
            break
        assert code == 9
        if restore_marker(new.data).exists():
            with pytest.raises(DataFolderError, match="was interrupted"):
                hold_data_folder(new.data)
        else:
            assert (rows_of(new), content_of(new.content)) == state, steps
        steps += 1
    assert steps >= 3
    os.close(hold_data_folder(new.data))
    assert (rows_of(new), content_of(new.content)) == expected
    assert not list(new.data.parent.rglob("*restoring*")), "no leftovers"


def kill_before_rename(count: int) -> None:
    rename, left = Path.rename, [count]

    def rename_or_die(self: Path, other: Path) -> Path:
        if left[0] == 0:
            os._exit(9)
        left[0] -= 1
        return rename(self, other)

    Path.rename = rename_or_die  # type: ignore[method-assign]


@pytest.mark.one_database
def test_what_a_backup_would_not_have_whole_is_refused_or_named(
    source: Settings, database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (source.content / "numbers" / os.fsdecode(b"\xff\xfe")).mkdir()
    (source.content / "numbers" / os.fsdecode(b"\xff.md")).write_text("# A")
    with monkeypatch.context() as patched:
        patched.setattr(making, "record_in_log", fail_to_write)
        result = make_backup(source, tmp_path / "a.zip")
    assert result.unlogged_reason == "the disk is full"
    assert check_backup(tmp_path / "a.zip") == result.manifest
    assert len(result.left_out) == 2
    restore_marker(source.data).touch()
    with pytest.raises(BackupError, match="was interrupted"):
        make_backup(source, tmp_path / "b.zip")
    restore_marker(source.data).unlink()
    set_revision = "UPDATE alembic_version SET version_num = '{}'"
    with database.write() as session:
        session.execute(sa.text(set_revision.format("9999")))
    with pytest.raises(BackupError, match="schema 9999, which is newer"):
        make_backup(source, tmp_path / "c.zip")
    with database.write() as session:  # another test may get this database
        session.execute(sa.text(set_revision.format(known_revisions()[0])))
    assert sorted(path.name for path in tmp_path.glob("*.zip")) == ["a.zip"]


def fail_to_write(*_arguments: object) -> None:
    raise BusyError("the disk is full")


@pytest.mark.one_database
def test_the_commands_say_what_they_did(source: Settings, tmp_path: Path):
    def run(*arguments: object) -> tuple[int, str, str]:
        result = CliRunner().invoke(main, [str(argument) for argument in arguments])
        return result.exit_code, result.stdout, result.stderr

    (tmp_path / "backups").mkdir()
    (source.content / "link.md").symlink_to("numbers/even.md")
    where = ("--data", source.data, "--content", source.content)
    environment = {"QUIZSERVER_DATABASE_URL": source.database_url}
    result = CliRunner(env=environment).invoke(
        main, ["backup", str(tmp_path / "backups"), *map(str, where), "--json"]
    )
    assert result.exit_code == 0, result.stderr
    assert "link.md is a link" in result.stderr
    made = json.loads(result.stdout)
    assert made["left_out"] == ["link.md"]
    assert (made["tables"]["attempt"], made["secret_key"]) == (3, True)
    file = Path(made["file"])
    assert file.parent == tmp_path / "backups"
    code, out, _ = run("backup", "--check", file)
    assert (code, "is whole" in out, "the secret key" in out) == (0, True, True)
    assert made["content"] == str(source.content)
    restored = ("restore", file, "--data", tmp_path / "new", "--content", tmp_path / "topics")
    code, out, err = run(*restored)
    assert code == 0, err
    assert f"{file} is restored" in out
    code, _, err = run(*restored)
    assert (code, "--replace" in err) == (1, True)
    code, out, err = run(*restored, "--replace")
    assert "What was there before is kept" in out, err
    code, _, err = run("backup", tmp_path / "x.zip", "--data", tmp_path / "nowhere")
    assert (code, "There is no database" in err) == (1, True)
    file.write_bytes(file.read_bytes()[:-100])
    code, _, err = run("backup", "--check", file)
    assert (code, "was cut short" in err) == (1, True)


@pytest.mark.one_database
@pytest.mark.parametrize("name", ["new/folder/", "there", "there/"])
def test_a_folder_is_made_and_gets_a_file_named_after_the_moment(
    source: Settings, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "there").mkdir()
    command = ["backup", f"{tmp_path}/{name}", "--data", str(source.data)]
    command += ["--content", str(source.content)]
    environment = {"QUIZSERVER_DATABASE_URL": source.database_url}
    for night in (1, 2):
        moment = SimpleNamespace(now=lambda _zone, day=night: datetime(2026, 11, day, tzinfo=UTC))
        monkeypatch.setattr(backup_commands, "datetime", moment)
        result = CliRunner(env=environment).invoke(main, command)
        assert result.exit_code == 0, result.stderr
        assert f" files of content ({source.content})" in result.stdout
        files = list((tmp_path / name).iterdir())
        assert sorted(file.name for file in files) == [
            f"quizserver-2026110{day}T000000Z.zip" for day in range(1, night + 1)
        ]


def test_a_manifest_is_read_as_it_was_written():
    part = Part("tables/person.jsonl", 5, "ab")
    manifest = Manifest("1.0", "0007", datetime(2026, 1, 2, tzinfo=UTC), (), (), part)
    assert manifest_from_json(json.loads(json.dumps(manifest.to_json()))) == manifest
    assert restoring.known_revisions()[-1] == "0001"
