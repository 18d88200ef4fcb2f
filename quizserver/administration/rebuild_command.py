"""``quizserver rebuild``: every stored summary, again from the attempts."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from quizserver.command_line import DATA_OPTION, JSON_OPTION, settings_from_flags
from quizserver.db.commands import migrated_database

if TYPE_CHECKING:
    from quizserver.attempts.rebuild_store import StandingFault

SHOWN_FAULTS = 20


@click.command("rebuild")
@DATA_OPTION
@click.option("--dry-run", is_flag=True, help="Only say what is wrong; exit code 1 if anything is.")
@JSON_OPTION
def rebuild_command(data: Path | None, dry_run: bool, as_json: bool) -> None:
    """Compute every summary again from the attempts, and say which were wrong.

    The standings of each learner at each question are the only summaries that are stored: first,
    best and latest mark and how many attempts. The server may go on serving meanwhile.
    """
    from quizserver.administration.rebuilding import rebuild_summaries

    checked = 0
    faults: list[StandingFault] = []
    with migrated_database(settings_from_flags(data=data)) as database:
        for batch in rebuild_summaries(database, dry_run=dry_run):
            checked += batch.checked
            faults += batch.faults
    if as_json:
        rows = [
            {"person": f.person_id, "question": f.question, "fault": f.kind}
            | {"columns": list(f.columns)}
            for f in faults
        ]
        click.echo(
            json.dumps({"checked": checked, "faults": rows, "written": not dry_run}, indent=2)
        )
    else:
        for fault in faults[:SHOWN_FAULTS]:
            columns = f" in {', '.join(fault.columns)}" if fault.columns else ""
            click.echo(f"person {fault.person_id}\t{fault.question}\t{fault.kind}{columns}")
        if len(faults) > SHOWN_FAULTS:
            click.echo(f"… and {len(faults) - SHOWN_FAULTS:,} more; --json lists all")
        outcome = "nothing was written" if dry_run else "they are written anew"
        wrong = f"{len(faults):,} wrong: {outcome}" if faults else "none wrong"
        click.echo(f"{checked:,} standings compared with the attempts, {wrong}.")
    if faults and dry_run:
        sys.exit(1)
