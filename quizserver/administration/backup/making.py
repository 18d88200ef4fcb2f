"""Makes a backup while the server goes on serving, and checks one."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Literal

import sqlalchemy as sa
from sqlalchemy.orm import Session

from quizserver import __version__
from quizserver.administration.backup import tables_store
from quizserver.administration.backup.archive import ArchiveWriter, check_archive, open_archive
from quizserver.administration.backup.content_files import list_content_files, read_file
from quizserver.administration.backup.model import (
    CONTENT_PREFIX,
    KEY_NAME,
    BackupError,
    Manifest,
    Part,
    TablePart,
)
from quizserver.atomic_files import publish_new_file, sync_folder
from quizserver.audit import store as audit_store
from quizserver.authoring.files import ContentError, ContentFiles
from quizserver.data_folder import DataFolderError, check_not_restoring
from quizserver.db.availability import BusyError, database_fault, unavailable_reason
from quizserver.db.migrate import known_revisions
from quizserver.db.session import (
    Database,
    DatabaseUrlError,
    MissingDatabaseError,
    require_database_file,
)
from quizserver.settings import Settings, stored_secret_key

UNFINISHED_SUFFIX = ".unfinished-backup"
_ABANDONED_SECONDS = 24 * 3600


@dataclass(frozen=True, slots=True)
class BackupResult:
    """A backup that was made. ``left_out`` are links of the content folder, which are not in it.

    ``unlogged_reason`` is why the log does not have it, if so: the file is whole all the same.
    """

    path: Path
    size: int
    manifest: Manifest
    left_out: tuple[Path, ...]
    unlogged_reason: str | None


def make_backup(
    settings: Settings,
    target: Path,
    *,
    with_content: bool = True,
    with_secret_key: bool = True,
) -> BackupResult:
    """Writes a backup to ``target``, which must not exist yet; its folder is made. Raises
    BackupError.

    The file appears under its name when it is whole and on the disk, and is readable to its owner
    alone: it holds addresses, hashes of passwords and perhaps the secret key. What people did is
    that of one moment, while others go on writing.
    """
    now = datetime.now(UTC)
    database = _open_existing(settings)
    left_out: list[Path] = []
    try:
        with _new_file(target) as file, ArchiveWriter(file, now) as writer:
            key = stored_secret_key(settings) if with_secret_key else None
            with ExitStack() as stack:
                files = None
                # While authors can't publish, the content is copied and the database's moment
                # begins: the two fit together.
                lock = (
                    ContentFiles(settings.content).write_lock() if with_content else nullcontext()
                )
                with lock:
                    if with_content:
                        files, left_out = _add_content(writer, settings.content)
                    connection = stack.enter_context(database.read()).connection()
                    revision = tables_store.read_revision(connection) or ""
                    tables_store.lift_time_limits(connection)
                _check_revision(revision)
                manifest = Manifest(
                    product=__version__,
                    revision=revision,
                    created_at=now,
                    files=files,
                    secret_key=writer.add_part(KEY_NAME, [key.encode()]) if key else None,
                    tables=_add_tables(writer, connection),
                )
            writer.finish(manifest)
        reason = _record_backup(database, target, manifest)
        return BackupResult(target, target.stat().st_size, manifest, tuple(left_out), reason)
    except sa.exc.DatabaseError as error:
        raise BackupError(f"The database can't be read: {database_fault(error)}.") from error
    except (BusyError, ContentError) as error:
        raise BackupError(str(error)) from error
    except OSError as error:
        raise BackupError(
            f"{error.filename or target} can't be read or written: {error.strerror or error}."
        ) from error
    finally:
        database.dispose()


def check_backup(path: Path) -> Manifest:
    """Reads a whole backup and compares it with its manifest. Raises BackupError."""
    with open_archive(path) as reader:
        check_archive(reader)
        return reader.manifest


def _check_revision(revision: str) -> None:
    """Raises BackupError for a schema of which this version may not know every table."""
    if not revision:
        raise BackupError("The database holds nothing yet: it was never migrated.")
    if revision not in known_revisions():
        raise BackupError(
            f"The database has schema {revision}, which is newer than this version of quizserver."
            " Make the backup with the version that serves it."
        )


def _open_existing(settings: Settings) -> Database:
    try:
        check_not_restoring(settings.data)
        require_database_file(settings.data_url)
        return Database(settings.data_url)
    except (DataFolderError, DatabaseUrlError, MissingDatabaseError) as error:
        raise BackupError(str(error)) from error


@contextmanager
def _new_file(target: Path) -> Iterator[IO[bytes]]:
    """A new file that gets its name when the block has ended well; else it is gone."""
    if target.exists():
        raise BackupError(f"{target} is there already; a backup overwrites nothing.")
    target.parent.mkdir(parents=True, exist_ok=True)
    _remove_abandoned_files(target.parent)
    # mkstemp makes a file that only its owner can read.
    handle, name = tempfile.mkstemp(
        dir=target.parent, prefix=f".{target.name[:40]}-", suffix=UNFINISHED_SUFFIX
    )
    try:
        with os.fdopen(handle, "w+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        try:
            publish_new_file(Path(name), target)
        except FileExistsError:
            raise BackupError(f"{target} is there by now; a backup overwrites nothing.") from None
        sync_folder(target.parent)
    finally:
        Path(name).unlink(missing_ok=True)


def _remove_abandoned_files(folder: Path) -> None:
    """Removes what backups that were killed left behind: it holds secrets, and nobody finishes it.

    A file that was written to within a day may belong to a backup that is being made.
    """
    for path in folder.glob(f".*{UNFINISHED_SUFFIX}"):
        with suppress(OSError):
            if path.is_file() and time.time() - path.lstat().st_mtime > _ABANDONED_SECONDS:
                path.unlink()


def _add_content(writer: ArchiveWriter, content: Path) -> tuple[tuple[Part, ...], list[Path]]:
    files, others = list_content_files(content)
    parts = [
        writer.add_part(f"{CONTENT_PREFIX}{path.as_posix()}", read_file(content / path))
        for path in files
    ]
    return tuple(parts), others


def _add_tables(writer: ArchiveWriter, connection: sa.Connection) -> tuple[TablePart, ...]:
    parts = []
    for table in tables_store.reflect_tables(connection):
        counter = _LineCounter()
        lines = tables_store.read_lasting_lines(connection, table)
        part = writer.add_part(f"tables/{table.name}.jsonl", counter.join(lines))
        parts.append(
            TablePart(
                table=table.name,
                columns=tables_store.column_kinds(table),
                rows=counter.count,
                last_number=tables_store.read_last_number(connection, table),
                part=part,
            )
        )
    return tuple(parts)


class _LineCounter:
    """Joins lines into pieces that are worth compressing, and counts them."""

    def __init__(self) -> None:
        self.count = 0

    def join(self, lines: Iterator[bytes]) -> Iterator[bytes]:
        waiting = bytearray()
        for line in lines:
            self.count += 1
            waiting += line
            if len(waiting) > 1 << 16:
                yield bytes(waiting)
                waiting.clear()
        yield bytes(waiting)


def _record_backup(database: Database, target: Path, manifest: Manifest) -> str | None:
    """Adds the backup to the log; returns why that can't be done, if it can't."""
    try:
        if not sa.inspect(database.engine).has_table("audit_event"):
            return "its schema is of a version that had none"
        with database.write() as session:
            record_in_log(session, "backup-made", target, manifest)
    except (sa.exc.DatabaseError, BusyError) as error:
        return unavailable_reason(error) or str(error)
    return None


def record_in_log(
    session: Session,
    action: Literal["backup-made", "database-restored"],
    path: Path,
    manifest: Manifest,
) -> None:
    """Records that a backup was made or restored."""
    audit_store.record_audit_event(
        session,
        action,
        source="cli",
        now=datetime.now(UTC),
        about=path.name,
        detail={
            "rows": manifest.row_count,
            "files": len(manifest.files or ()),
            "secret_key": manifest.secret_key is not None,
            "created_at": manifest.created_at.isoformat(),
        },
    )
