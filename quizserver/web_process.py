"""The web process: serves the Flask application with granian; settings from the environment.

With ``--preview`` it serves an author's preview, which no setting or variable can turn on.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence

from flask import Flask
from granian.constants import Interfaces
from granian.log import LogLevels
from granian.server import Server

from quizserver.settings import load_settings

APPLICATION_TARGET = "quizserver.web_process:application"
PREVIEW_TARGET = "quizserver.web_process:preview_application"
KILL_SECONDS = 2


def application() -> Flask:
    """Creates the application from the environment's settings; called once in each web worker."""
    from quizserver.administration.retention_schedule import start_schedule
    from quizserver.app import create_app

    settings = load_settings(os.environ)
    app = create_app(settings)
    app.extensions["quizserver-host"].start()
    prepare_application(app)
    start_schedule(settings)
    return app


def prepare_application(app: Flask) -> Flask:
    """Makes an application ready for its first visitor, before granian listens for one."""
    app.extensions["quizserver-readiness"].warm_up()
    freeze_startup_objects()
    return app


def freeze_startup_objects() -> None:
    """Excludes the objects made so far from garbage collection.

    Otherwise every full collection scans them, which adds 0.1 s to some request.
    """
    gc.collect()
    gc.freeze()


def preview_application() -> Flask:
    """Creates the application of a preview, with the key in sight."""
    from quizserver.app import create_app
    from quizserver.authoring.preview.model import Preview

    return prepare_application(
        create_app(load_settings(os.environ), preview=Preview.from_environ(os.environ))
    )


def run_web_process(arguments: Sequence[str] = ()) -> None:
    """Serves until a signal stops it; ``--preview`` in ``arguments`` serves a preview."""
    settings = load_settings(os.environ)
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


if __name__ == "__main__":
    run_web_process(sys.argv[1:])
