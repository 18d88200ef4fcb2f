"""The web process: serves the Flask application with granian; settings from the environment.

granian's first process imports little, begins the preparation of the databases and forks the ones
that answer, which import the application. With ``--preview`` it serves an author's preview, which
no setting or variable can turn on.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from quizserver.preparation import PREPARATION
from quizserver.settings import CANNOT_START, Settings, load_settings

if TYPE_CHECKING:
    from flask import Flask

    from quizserver.authoring.preview.model import Preview

APPLICATION_TARGET = "quizserver.web_process:application"
PREVIEW_TARGET = "quizserver.web_process:preview_application"
KILL_SECONDS = 2


def application() -> Flask:
    """Creates the application from the environment's settings; called once in each web worker."""
    settings = load_settings(os.environ)
    app = _create_app(settings)

    from quizserver.administration.retention_schedule import start_schedule

    app.extensions["quizserver-host"].start()
    prepare_application(app)
    start_schedule(settings)
    return app


def prepare_application(app: Flask) -> Flask:
    """Makes an application ready for its first visitor, before granian listens for one."""
    from quizserver.web.compiled_templates import keep_compiled_templates

    keep_compiled_templates(app)
    app.extensions["quizserver-readiness"].warm_up()
    freeze_startup_objects()
    return app


def freeze_startup_objects() -> None:
    """Excludes the objects made so far from garbage collection.

    Otherwise every full collection scans them, which adds 0.1 s to some request; one now would find
    a few thousand objects.
    """
    gc.freeze()
    gc.enable()


def preview_application() -> Flask:
    """Creates the application of a preview, with the key in sight."""
    from quizserver.authoring.preview.model import Preview

    preview = Preview.from_environ(os.environ)
    return prepare_application(_create_app(load_settings(os.environ), preview))


def _create_app(settings: Settings, preview: Preview | None = None) -> Flask:
    """Imports the application, and creates it once the databases can be used."""
    if PREPARATION.first_process is not None:
        # Killed a moment after it had started this process, granian would leave it behind, to
        # hold the port and the data folder.
        from quizserver.confined.limits import die_with_parent

        die_with_parent(PREPARATION.first_process)

    from quizserver.runs.queue import skip_unused_drivers

    skip_unused_drivers(settings)

    from quizserver.app import create_app

    PREPARATION.wait()
    return create_app(settings, preview=preview)


def run_web_process(arguments: Sequence[str] = ()) -> None:
    """Serves until a signal stops it; ``--preview`` in ``arguments`` serves a preview.

    Ends the program with CANNOT_START and one line when the databases can't be used.
    """
    # Nothing that is made while it starts becomes garbage in numbers that matter.
    gc.disable()
    settings = load_settings(os.environ)

    PREPARATION.begin(settings)

    from granian.constants import Interfaces
    from granian.log import LogLevels
    from granian.server import Server

    Server(
        PREVIEW_TARGET if "--preview" in arguments else APPLICATION_TARGET,
        factory=True,
        interface=Interfaces.WSGI,
        address=settings.host,
        port=settings.port,
        workers=settings.web_processes,
        blocking_threads=settings.web_threads,
        # An open event stream would hold up a stop for ever.
        workers_kill_timeout=KILL_SECONDS,
        respawn_failed_workers=True,
        log_level=LogLevels.error,
        process_name=None,
    ).serve()
    if PREPARATION.has_failed:
        sys.exit(CANNOT_START)


if __name__ == "__main__":
    run_web_process(sys.argv[1:])
