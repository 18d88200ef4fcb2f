"""The web process: granian in front of the Flask application, settings from the environment.

With ``--preview``, the application of an author's preview. No setting or variable turns that on.
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
    """The application as the environment's settings describe it; called once in a web worker."""
    from quizserver.app import create_app

    app = create_app(load_settings(os.environ))
    freeze_startup_objects()
    return app


def freeze_startup_objects() -> None:
    """Tells the garbage collector that what was made so far stays.

    Otherwise it looks through all of that every so often, for 0.1 s of somebody's request.
    """
    gc.collect()
    gc.freeze()


def preview_application() -> Flask:
    """The same application with the key in sight, for the author at this machine."""
    from quizserver.app import create_app
    from quizserver.authoring.preview.model import Preview

    return create_app(load_settings(os.environ), preview=Preview.from_environ(os.environ))


def run_web_process(arguments: Sequence[str] = ()) -> None:
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
