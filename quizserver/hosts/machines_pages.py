"""The page on which admins see the machines of the site, and where they differ."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

import sqlalchemy as sa
from flask import Blueprint, render_template

from quizserver.accounts.current_user import CurrentUser
from quizserver.accounts.guards import require_admin
from quizserver.db.availability import BusyError
from quizserver.db.session import Database
from quizserver.hosts import releases_store, store
from quizserver.hosts.machines_view import (
    simulation_fingerprints,
    unusable_simulations,
    view_machines,
)
from quizserver.hosts.model import ProcessIdentity
from quizserver.hosts.notices import release_source
from quizserver.runs.workers_store import WorkerStatement
from quizserver.topics.library import Library

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class MachinesPages:
    """The view of the machines, for admins alone; ``list_workers()`` reads the store of runs."""

    database: Database
    library: Library
    identity: ProcessIdentity
    list_workers: Callable[[], list[WorkerStatement]]

    def show_machines(self) -> str:
        with self.database.read() as session:
            processes = store.living_processes(session)
            release = releases_store.newest_release(session)
        try:
            workers: list[WorkerStatement] | None = self.list_workers()
        except (sa.exc.SQLAlchemyError, BusyError) as error:
            log.warning("the workers can't be listed: %s", error)
            workers = None
        snapshot = self.library.snapshot()
        machines = view_machines(
            processes,
            workers or [],
            simulation_fingerprints(snapshot),
            unusable_simulations(snapshot),
            this_machine=self.identity.machine,
        )
        return render_template(
            "hosts/machines.html",
            machines=machines,
            release=release,
            release_source=release_source,
            knows_workers=workers is not None,
        )


def create_machines_blueprint(pages: MachinesPages, current: CurrentUser) -> Blueprint:
    """The blueprint ``machines``: every address is for admins, and missing for others."""
    blueprint = Blueprint("machines", __name__, url_prefix="/admin/machines")

    @blueprint.before_request
    def guard() -> None:
        require_admin(current)

    blueprint.add_url_rule("", "list", pages.show_machines)
    return blueprint
