"""Rebuilding: every fault of the standings is found, corrected, and nothing else is touched."""

from __future__ import annotations

import json

import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from quizserver.administration import rebuilding
from quizserver.administration.rebuilding import rebuild_summaries
from quizserver.attempts.rebuild_store import StandingFault
from quizserver.audit import store as audit_store
from quizserver.audit.model import EventFilter
from quizserver.cli import main
from quizserver.db.session import Database
from quizserver.db.tables import standing
from quizserver.settings import Settings
from tests.administration.filled import fill_database


def read_standings(database: Database) -> list[tuple[object, ...]]:
    with database.read() as session:
        return [tuple(row) for row in session.execute(sa.select(standing).order_by("person_id"))]


def damage(database: Database) -> list[StandingFault]:
    """One standing of each fault: person 3's is wrong, 4's is missing, 2's has no attempts."""
    with database.write() as session:
        session.execute(
            sa.update(standing).where(standing.c.person_id == 3).values(attempts=7, best_mark=1)
        )
        session.execute(sa.delete(standing).where(standing.c.person_id == 4))
        (moment,) = session.execute(sa.select(standing.c.first_at)).first() or (None,)
        values = {f"{name}_mark": 0.5 for name in ("first", "best", "latest")}
        session.execute(
            sa.insert(standing).values(
                person_id=2, question="odd", attempts=1, first_at=moment, latest_at=moment, **values
            )
        )
    return [
        StandingFault(2, "odd", "superfluous"),
        StandingFault(3, "even", "wrong", ("attempts", "best_mark")),
        StandingFault(4, "even", "missing"),
    ]


@pytest.mark.parametrize("batch", [1, 500])
def test_every_fault_is_found_and_corrected(
    database: Database, batch: int, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(rebuilding, "PEOPLE_PER_BATCH", batch)
    fill_database(database)
    sound = read_standings(database)
    assert sum((b.faults for b in rebuild_summaries(database, dry_run=False)), ()) == ()
    faults = damage(database)
    broken = read_standings(database)
    batches = list(rebuild_summaries(database, dry_run=True))
    assert [fault for b in batches for fault in b.faults] == faults
    assert sum(b.checked for b in batches) == 2
    assert read_standings(database) == broken, "a dry run writes nothing"
    assert [f for b in rebuild_summaries(database, dry_run=False) for f in b.faults] == faults
    assert read_standings(database) == sound
    with database.read() as session:
        (event,) = audit_store.list_events(session, EventFilter(action="summaries-rebuilt"))
    assert event.detail == {"checked": 2, "written": 3}


@pytest.mark.one_database
def test_the_command_reports_and_its_exit_code_says_whether_anything_is_wrong(
    database: Database, settings: Settings
):
    fill_database(database)
    damage(database)
    environment = {"QUIZSERVER_DATABASE_URL": settings.database_url}
    command = ["rebuild", "--data", str(settings.data)]

    def run(*flags: str):
        return CliRunner(env=environment).invoke(main, [*command, *flags])

    assert run("--dry-run").exit_code == 1
    document = json.loads(run("--json").stdout)
    assert (document["checked"], len(document["faults"])) == (2, 3)
    sound = run("--dry-run")
    assert sound.exit_code == 0
    assert "2 standings compared with the attempts, none wrong" in sound.stdout
