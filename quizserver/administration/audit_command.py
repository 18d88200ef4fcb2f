"""``quizserver audit``: the audit log on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import click

from quizserver.command_line import DATA_OPTION, JSON_OPTION, settings_from_flags
from quizserver.db.commands import migrated_database


@click.command("audit")
@DATA_OPTION
@click.option("--action", help="Only this action, such as role-granted or content-published.")
@click.option("--person", default="", help="Only what an address with this text did or got done.")
@click.option("--limit", type=click.IntRange(1), help="Only so many of the newest events.")
@JSON_OPTION
def audit_command(
    data: Path | None, action: str | None, person: str, limit: int | None, as_json: bool
) -> None:
    """Show who did what to others, newest first: roles, accounts, pages published, backups.

    Admins read the same log in the browser, at /admin/log.
    """
    from quizserver.administration.log_export import event_line
    from quizserver.audit import store
    from quizserver.audit.actions import ACTION_TEXTS
    from quizserver.audit.model import EventFilter, export_event

    if action is not None and action not in ACTION_TEXTS:
        raise click.BadParameter(
            f"{action} is none. There are: {', '.join(ACTION_TEXTS)}.", param_hint="--action"
        )
    wanted = EventFilter(action=action, address=person)
    with (
        migrated_database(settings_from_flags(data=data)) as database,
        database.read() as session,
    ):
        if as_json:
            events = store.list_events(session, wanted, limit=limit)
            click.echo(json.dumps({"events": [export_event(e) for e in events]}, indent=2))
            return
        for number, event in enumerate(store.read_events(session, wanted)):
            if limit is not None and number >= limit:
                break
            click.echo(event_line(event))
