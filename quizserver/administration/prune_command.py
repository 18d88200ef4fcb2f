"""``quizserver prune``: deletes what is older than its setting says, or counts it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from quizserver.command_line import DATA_OPTION, JSON_OPTION, settings_from_flags
from quizserver.db.commands import migrated_database

if TYPE_CHECKING:
    from quizserver.administration.retention import OldData

DAYS = click.IntRange(0)


@click.command("prune")
@DATA_OPTION
@click.option("--dry-run", is_flag=True, help="Count what would be deleted, and delete nothing.")
@click.option("--keep-guests-days", type=DAYS, help="For this call [QUIZSERVER_KEEP_GUESTS_DAYS].")
@click.option("--keep-runs-days", type=DAYS, help="For this call [QUIZSERVER_KEEP_RUNS_DAYS].")
@click.option(
    "--keep-sessions-days", type=DAYS, help="For this call [QUIZSERVER_KEEP_SESSIONS_DAYS]."
)
@click.option("--keep-log-days", type=DAYS, help="For this call [QUIZSERVER_KEEP_LOG_DAYS].")
@JSON_OPTION
def prune_command(dry_run: bool, as_json: bool, **flags: Any) -> None:
    """Delete guests, runs, sessions and log entries that are older than the settings keep them.

    The settings say for how many days; 0, their default, is for ever. Accounts and whoever is in a
    class are never deleted. A server does this by itself once a day.
    """
    from quizserver.administration.retention import count_old_data, prune_data

    settings, now = settings_from_flags(**flags), datetime.now(UTC)
    with migrated_database(settings) as database:
        if dry_run:
            old_data = count_old_data(settings, database, now)
        else:
            old_data = prune_data(settings, database, now, source="cli")
    if as_json:
        rows = [
            {"kind": old.kind, "before": old.before.isoformat() if old.before else None}
            | {"rows": old.rows, "with_answers": old.with_answers, "attempts": old.attempts}
            for old in old_data
        ]
        click.echo(json.dumps({"deleted": not dry_run, "kinds": rows}, indent=2))
        return
    for old in old_data:
        click.echo(_old_data_line(old, dry_run=dry_run))


def _old_data_line(old: OldData, *, dry_run: bool) -> str:
    if old.before is None:
        return f"{old.kind}\tkept for ever"
    answers = ""
    if old.with_answers:
        answers = f", of whom {old.with_answers:,} have {old.attempts:,} attempts"
    would = "would be deleted" if dry_run else "deleted"
    return f"{old.kind}\t{old.rows:,} {would}, from before {old.before:%Y-%m-%d %H:%M} UTC{answers}"
