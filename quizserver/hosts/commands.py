"""The commands ``quizserver content …``: which files are current, and making this machine's so."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from quizserver.command_line import (
    CONTENT_OPTION,
    DATA_OPTION,
    JSON_OPTION,
    content_folder,
    exit_with_error,
    settings_from_flags,
)
from quizserver.db.commands import migrated_database

if TYPE_CHECKING:
    from quizserver.settings import Settings


@click.group("content")
def content_group() -> None:
    """Compare this machine's content with the current one, or make it current."""


@content_group.command("status")
@DATA_OPTION
@CONTENT_OPTION
@JSON_OPTION
def status_command(as_json: bool, **flags: Any) -> None:
    """Show which content is current, since when and by whom, and what differs here.

    Exit code 1 when this machine differs.
    """
    from quizserver.hosts import releases_store
    from quizserver.hosts.notices import release_source
    from quizserver.topics.file_digests import differing_paths

    settings = settings_from_flags(**flags)
    served = _served_digests(settings)
    with migrated_database(settings) as database, database.read() as session:
        release = releases_store.newest_release(session)
        differing = differing_paths(served, releases_store.current_digests(session))
    if as_json:
        current = None if release is None else {
            "digest": release.digest,
            "origin": release.origin,
            "machine": release.host_name,
            "email": release.email,
            "since": release.released_at.isoformat(),
        }  # fmt: skip
        click.echo(json.dumps({"current": current, "differing": differing}, indent=2))
    elif release is None:
        click.echo("No content is current yet: the first server that starts announces its own.")
    else:
        since = release.released_at.strftime("%Y-%m-%d %H:%M")
        click.echo(f"Current since {since} UTC is what {release_source(release)}.")
        click.echo("\n".join([f"{len(differing)} files differ here.", *differing]))
    if release is not None and differing:
        raise SystemExit(1)


@content_group.command("announce")
@DATA_OPTION
@CONTENT_OPTION
def announce_command(**flags: Any) -> None:
    """Make the content of this machine the current one, as after going back to an older one.

    Other machines whose files differ are behind from then on, until they get them.
    """
    from datetime import UTC, datetime

    from quizserver.audit import store as audit_store
    from quizserver.hosts import releases_store
    from quizserver.machine import this_machine
    from quizserver.topics.file_digests import differing_paths

    settings = settings_from_flags(**flags)
    served = _served_digests(settings)
    if not served:
        exit_with_error(f"There is nothing to serve in {settings.content}.")
    with migrated_database(settings) as database, database.write() as session:
        name = this_machine(settings.data).name
        current = releases_store.current_digests(session)
        count = releases_store.announce_changes(
            session,
            {path: served.get(path) for path in differing_paths(served, current)},
            origin="command",
            host_name=name,
        ).files_changed
        if count:
            audit_store.record_audit_event(
                session,
                "content-announced",
                source="cli",
                now=datetime.now(UTC),
                about=name,
                detail={"files": count},
            )
    click.echo(f"{count} files changed." if count else "This content was current already.")


def _served_digests(settings: Settings) -> dict[str, str]:
    from quizserver.topics.library import Library

    return Library(content_folder(settings.content)).digests()
