"""Brings a backup back: everything is prepared beside what is there, then put in place at once.

A file in the data folder says while things are being put in place. No server starts while it is
there, so a restore that was killed leaves nothing that is served half; the next one begins anew.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from quizserver.administration.backup import tables_store
from quizserver.administration.backup.archive import ArchiveReader, check_archive, open_archive
from quizserver.administration.backup.content_files import extract_content, is_same_content
from quizserver.administration.backup.making import record_in_log
from quizserver.administration.backup.model import BackupError, Manifest
from quizserver.atomic_files import sync_folder
from quizserver.data_folder import (
    DataFolderError,
    claim_data_folder,
    make_data_folder,
    restore_marker,
)
from quizserver.db.availability import database_fault
from quizserver.db.migrate import (
    MigrationError,
    known_revisions,
    migrate_connection,
    open_migrating,
    take_migration_lock,
)
from quizserver.db.session import (
    Database,
    DatabaseUrlError,
    MissingDatabaseError,
    database_place,
    require_database_file,
)
from quizserver.settings import Settings, shipped_folder

_STAGE_PREFIX = ".restoring-"
_SQLITE_SUFFIXES = ("", "-wal", "-shm")


@dataclass(frozen=True, slots=True)
class RestoreResult:
    """What a restore did: the revision that the schema was brought to, and what it set aside."""

    manifest: Manifest
    revision: str
    content: Path | None
    set_aside: tuple[str, ...]


def restore_backup(
    settings: Settings, path: Path, *, replace: bool, with_content: bool = True
) -> RestoreResult:
    """Restores the backup at ``path`` into an empty data folder, database and content folder.

    With ``replace``, what is there already is set aside and not deleted. Raises BackupError, and
    then nothing has changed, unless its message says that a part is in place.
    """
    try:
        make_data_folder(settings.data)
        with open_archive(path) as reader, claim_data_folder(settings.data):
            _check_revision(reader.manifest)
            check_archive(reader)
            # Whatever an interrupted restore has put in place is no one's work yet.
            replace = replace or restore_marker(settings.data).exists()
            _remove_stages(settings)
            return _Restore(settings, path, reader, replace, with_content).run()
    except (BackupError, DataFolderError, DatabaseUrlError, MigrationError) as error:
        raise BackupError(f"{error}{_unfinished_note(settings)}") from error
    except sa.exc.DatabaseError as error:
        raise BackupError(
            f"The database can't be restored: {database_fault(error)}.{_unfinished_note(settings)}"
        ) from error
    except OSError as error:
        raise BackupError(
            f"{error.filename or settings.data} can't be written: {error.strerror or error}."
            f"{_unfinished_note(settings)}"
        ) from error


def _unfinished_note(settings: Settings) -> str:
    """What to add to the message of an error that came while things were being put in place."""
    if not restore_marker(settings.data).exists():
        return ""
    return " Part of it is in place: no server starts until a restore has come to its end."


def _check_revision(manifest: Manifest) -> None:
    revisions = known_revisions()
    if manifest.revision not in revisions:
        raise BackupError(
            f"It was made by quizserver {manifest.product} with schema {manifest.revision}, which"
            f" this version does not know (its newest is {revisions[0]}). Install that version or"
            " a newer one."
        )


def _remove_stages(settings: Settings) -> None:
    """Removes what restores that were killed had prepared."""
    for folder, prefix in (
        (settings.data, _STAGE_PREFIX),
        (settings.content.parent, f".{settings.content.name}{_STAGE_PREFIX}"),
    ):
        for stage in folder.glob(f"{prefix}*"):
            shutil.rmtree(stage, ignore_errors=True)


class _Restore:
    """One restore, on a data folder that nobody else uses."""

    def __init__(
        self, settings: Settings, path: Path, reader: ArchiveReader, replace: bool, content: bool
    ) -> None:
        self._settings = settings
        self._path = path
        self._reader = reader
        self._manifest = reader.manifest
        self._replace = replace
        self._aside_name = f"replaced-{datetime.now(UTC):%Y%m%dT%H%M%S%fZ}"
        self._aside: list[str] = []
        self._content = self._content_target() if content else None

    def run(self) -> RestoreResult:
        is_sqlite = self._settings.data_url.startswith("sqlite")
        self._check_unused()
        with ExitStack() as stack:
            data_stage = stack.enter_context(_stage_folder(self._settings.data, _STAGE_PREFIX))
            content_stage = None
            if self._content is not None:
                prefix = f".{self._content.name}{_STAGE_PREFIX}"
                content_stage = stack.enter_context(_stage_folder(self._content.parent, prefix))
                extract_content(self._reader, self._manifest.files or (), content_stage)
            self._stage_key(data_stage)
            if is_sqlite:
                new_file = data_stage / "quizserver.sqlite3"
                database = Database(f"sqlite:///{new_file}")
            else:
                database = Database(self._settings.data_url, connections=1)
            stack.callback(database.dispose)
            with open_migrating(database) as connection:
                with connection.begin():
                    revision = self._fill_database(connection)
                    if not is_sqlite:  # its tables are in place when this transaction ends
                        self._put_in_place(data_stage, content_stage, None)
                if is_sqlite:
                    _leave_one_file(connection)
            if is_sqlite:
                database.dispose()
                self._put_in_place(data_stage, content_stage, new_file)
        restore_marker(self._settings.data).unlink()
        sync_folder(self._settings.data)
        return RestoreResult(self._manifest, revision, self._content, tuple(self._aside))

    def _content_target(self) -> Path | None:
        """Where the content goes; None when it is there already, or not in the backup."""
        files, content = self._manifest.files, self._settings.content.absolute()
        if files is None or (content.is_dir() and is_same_content(content, files)):
            return None
        if content == shipped_folder("content").absolute():
            raise BackupError(
                "The backup has other topics than those that come along with quizserver. Name a"
                " folder for them with --content DIR, and serve with the same; or leave them out"
                " with --without-content."
            )
        return content

    def _check_unused(self) -> None:
        """Raises BackupError that names everything which is there and would be set aside unasked.

        A PostgreSQL is looked at again under its lock.
        """
        if self._replace:
            return
        obstacles = [*self._content_obstacles(), *self._key_obstacles(), *self._row_obstacles()]
        if obstacles:
            raise BackupError(" ".join(obstacles))

    def _content_obstacles(self) -> Iterator[str]:
        content = self._content
        if content is not None and content.exists() and any(content.iterdir()):
            yield (
                f"{content} holds other files than the backup. Name another folder with"
                " --content DIR, leave it as it is with --without-content, or set it aside with"
                " --replace."
            )

    def _key_obstacles(self) -> Iterator[str]:
        key = self._settings.data / "secret_key"
        if self._manifest.secret_key is not None and key.exists():
            backed_up = b"".join(self._reader.read_part(self._manifest.secret_key))
            if key.read_bytes().strip() != backed_up.strip():
                yield (
                    f"{key} is another key than the backup's. Remove it, name another folder with"
                    " --data DIR, or set it aside with --replace."
                )

    def _row_obstacles(self) -> Iterator[str]:
        url = self._settings.data_url
        try:
            require_database_file(url)
        except MissingDatabaseError:
            return
        database = Database(url, connections=1)
        try:
            with database.read() as session:
                connection = session.connection()
                if not database.is_sqlite and tables_store.count_servers(connection):
                    return  # which is refused under the lock, whatever is there
                counts = tables_store.count_rows(connection)
        finally:
            database.dispose()
        if counts:
            yield _rows_obstacle(counts, database_place(url))

    def _fill_database(self, connection: sa.Connection) -> str:
        """Makes the schema of the backup, fills it, and brings it to the newest one."""
        manifest, reader = self._manifest, self._reader
        take_migration_lock(connection)
        tables_store.lift_time_limits(connection)
        if connection.dialect.name == "postgresql":
            self._clear_postgresql(connection)
        migrate_connection(connection, manifest.revision)
        tables_store.load_tables(
            connection, manifest.tables, lambda table: reader.read_lines(table.part)
        )
        # Pending checks of constraints would stand in the way of a migration.
        _, revision = migrate_connection(connection)
        tables_store.advance_numbers(connection, manifest.tables)
        with Session(connection, join_transaction_mode="create_savepoint") as session:
            record_in_log(session, "database-restored", self._path, manifest)
            session.commit()
        assert revision is not None
        return revision

    def _clear_postgresql(self, connection: sa.Connection) -> None:
        servers = tables_store.count_servers(connection)
        if servers:
            raise BackupError(
                f"A server uses this database ({servers} connection{'s' if servers > 1 else ''} of"
                " quizserver). Stop every host's first."
            )
        counts = tables_store.count_rows(connection)
        if counts and self._replace:
            schema = self._aside_name.lower().replace("-", "_")
            tables_store.set_tables_aside(connection, schema)
            self._aside.append(f"schema {schema} of the database")
            return
        if counts:
            raise BackupError(_rows_obstacle(counts, database_place(self._settings.data_url)))
        tables_store.drop_tables(connection)

    def _sqlite_path(self) -> Path:
        return Path(str(Database(self._settings.data_url).url.database))

    def _stage_key(self, stage: Path) -> None:
        if self._manifest.secret_key is None:
            return
        handle = os.open(stage / "secret_key", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            for piece in self._reader.read_part(self._manifest.secret_key):
                file.write(piece)
            file.write(b"\n")
            file.flush()
            os.fsync(file.fileno())

    def _put_in_place(
        self, data_stage: Path, content_stage: Path | None, sqlite_file: Path | None
    ) -> None:
        """Sets aside what is there and renames what was prepared; the database comes last."""
        data = self._settings.data
        marker = restore_marker(data)
        marker.touch(mode=0o600)
        sync_folder(data)
        if content_stage is not None and self._content is not None:
            self._set_content_aside(self._content)
            content_stage.chmod(0o755)
            content_stage.rename(self._content)
            sync_folder(self._content.parent)
        key = data_stage / "secret_key"
        if key.exists():
            self._set_aside([data / "secret_key"])
            key.rename(data / "secret_key")
        if sqlite_file is not None:
            path = self._sqlite_path()
            self._set_aside([Path(f"{path}{suffix}") for suffix in _SQLITE_SUFFIXES])
            _sync_file(sqlite_file)
            sqlite_file.rename(path)
            sync_folder(path.parent)
        sync_folder(data)

    def _set_aside(self, paths: list[Path]) -> None:
        present = [path for path in paths if path.exists()]
        if not present:
            return
        folder = self._settings.data / self._aside_name
        if not folder.exists():
            folder.mkdir(mode=0o700)
            self._aside.append(str(folder))
        for path in present:
            path.rename(folder / path.name)
        sync_folder(folder)

    def _set_content_aside(self, content: Path) -> None:
        if content.exists() and any(content.iterdir()):
            aside = content.with_name(f"{content.name}.{self._aside_name}")
            content.rename(aside)
            self._aside.append(str(aside))


def _rows_obstacle(counts: dict[str, int], place: str) -> str:
    rows = ", ".join(f"{count:,} of {name}" for name, count in counts.items())
    return (
        f"There is a database already, {place}, with rows: {rows}. Name another one, or set"
        " this one aside with --replace."
    )


def _leave_one_file(connection: sa.Connection) -> None:
    """Moves what SQLite has in its log into the file itself, so that one rename moves it all."""
    raw: Any = connection.connection.dbapi_connection
    if raw.execute("PRAGMA journal_mode=DELETE").fetchone() != ("delete",):
        raise BackupError("SQLite could not finish the new database. Try again.")


@contextmanager
def _stage_folder(parent: Path, prefix: str) -> Iterator[Path]:
    """A new folder beside its later place, gone with the block unless it was renamed."""
    parent.mkdir(parents=True, exist_ok=True)
    stage = Path(tempfile.mkdtemp(dir=parent, prefix=prefix))
    try:
        yield stage
    finally:
        shutil.rmtree(stage, ignore_errors=True)


def _sync_file(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
