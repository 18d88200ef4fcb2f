"""``quizserver backup`` and ``quizserver restore``."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from quizserver.command_line import (
    CONTENT_OPTION,
    DATA_OPTION,
    JSON_OPTION,
    exit_with_error,
    settings_from_flags,
)

if TYPE_CHECKING:
    from quizserver.administration.backup.model import Manifest

FILE = click.Path(path_type=Path)


@click.command("backup")
@click.argument("file", default=".")
@DATA_OPTION
@CONTENT_OPTION
@click.option("--check", is_flag=True, help="Read FILE, a backup, and say whether it is whole.")
@click.option("--without-content", is_flag=True, help="Leave the content folder out.")
@click.option("--without-secret-key", is_flag=True, help="Leave the key that signs cookies out.")
@JSON_OPTION
def backup_command(
    file: str,
    check: bool,
    without_content: bool,
    without_secret_key: bool,
    as_json: bool,
    **flags: Any,
) -> None:
    """Copy everything that can't be computed again into one file, while the server serves.

    FILE is a new file, or a folder in which one is made that is named after the moment: a folder
    that is there, or a name that ends in a slash, which is made if it is not there. In the file are
    the database of what people did, whichever it is, the content folder with its images, and the
    secret key. Keep it as safe as the server: it holds addresses and hashes of passwords.
    """
    from quizserver.administration.backup.making import check_backup, make_backup
    from quizserver.administration.backup.model import BackupError

    settings = settings_from_flags(**flags)
    try:
        if check:
            manifest = check_backup(Path(file))
            _print_manifest(f"{file} is whole", manifest, as_json, {"file": file})
            return
        target = _target_file(file)
        result = make_backup(
            settings,
            target,
            with_content=not without_content,
            with_secret_key=not without_secret_key,
        )
    except BackupError as error:
        exit_with_error(f"{file}: {error}" if check else str(error))
    more = {"file": str(target), "bytes": result.size, "left_out": list(map(str, result.left_out))}
    if not without_content:
        more["content"] = str(settings.content.absolute())
    for path in result.left_out:
        click.echo(
            f"{path} is a link, no file, or has a name that is no text: it is not in the backup.",
            err=True,
        )
    if result.unlogged_reason is not None:
        click.echo(f"The log does not have this backup: {result.unlogged_reason}.", err=True)
    _print_manifest(f"{target} is made ({result.size:,} bytes)", result.manifest, as_json, more)
    if not without_secret_key and result.manifest.secret_key is None:
        click.echo("There is no secret key yet, so it is not in the backup.", err=True)


@click.command("restore")
@click.argument("file", type=FILE)
@DATA_OPTION
@CONTENT_OPTION
@click.option("--replace", is_flag=True, help="Set aside what is there already.")
@click.option("--without-content", is_flag=True, help="Leave the content folder as it is.")
@JSON_OPTION
def restore_command(
    file: Path, replace: bool, without_content: bool, as_json: bool, **flags: Any
) -> None:
    """Bring a backup back into an empty data folder, database and content folder.

    The server must be stopped. FILE may come from the other kind of database or from an older
    version: the schema is brought to the newest. It is checked as a whole before anything changes.
    """
    from quizserver.administration.backup.model import BackupError
    from quizserver.administration.backup.restoring import restore_backup

    settings = settings_from_flags(**flags)
    try:
        result = restore_backup(settings, file, replace=replace, with_content=not without_content)
    except BackupError as error:
        exit_with_error(f"{file} is not restored. {error}")
    more = {
        "file": str(file),
        "restored_revision": result.revision,
        "content": str(result.content) if result.content is not None else None,
        "set_aside": list(result.set_aside),
    }
    _print_manifest(f"{file} is restored", result.manifest, as_json, more)
    if as_json:
        return
    if result.revision != result.manifest.revision:
        click.echo(f"Schema {result.manifest.revision} was brought to {result.revision}.")
    for place in result.set_aside:
        click.echo(f"What was there before is kept: {place}.")
    if result.manifest.secret_key is None:
        click.echo("The backup holds no secret key: everybody signs in again.")


def _target_file(name: str) -> Path:
    """The file that a backup goes to. A folder exists, or its name ends in a slash."""
    path = Path(name)
    if not (name.endswith(os.sep) or path.is_dir()):
        return path
    return path / f"quizserver-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.zip"


def _print_manifest(head: str, manifest: Manifest, as_json: bool, more: dict[str, Any]) -> None:
    files = manifest.files
    if as_json:
        document = {
            "product": manifest.product,
            "revision": manifest.revision,
            "created_at": manifest.created_at.isoformat(),
            "tables": {table.table: table.rows for table in manifest.tables},
            "files": None if files is None else len(files),
            "secret_key": manifest.secret_key is not None,
        }
        click.echo(json.dumps(more | document, indent=2))
        return
    content = "no content folder" if files is None else f"{len(files):,} files of content"
    if files is not None and more.get("content"):
        content += f" ({more['content']})"
    key = "the secret key" if manifest.secret_key is not None else "no secret key"
    click.echo(
        f"{head}: {manifest.row_count:,} rows of {len(manifest.tables)} tables, {content}, {key};"
        f" schema {manifest.revision}, {manifest.created_at:%Y-%m-%d %H:%M:%S} UTC."
    )
