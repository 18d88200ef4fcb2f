"""The web process: granian in front of the Flask application, settings from the environment."""

from __future__ import annotations

import os

from flask import Flask
from granian.constants import Interfaces
from granian.log import LogLevels
from granian.server import Server

from quizserver.settings import load

TARGET = "quizserver.web_process:application"
KILL_SECONDS = 2


def application() -> Flask:
    """The application as the environment's settings describe it; called once in a web worker."""
    from quizserver.app import create_app

    return create_app(load(os.environ))


def main() -> None:
    settings = load(os.environ)
    Server(
        TARGET,
        factory=True,
        interface=Interfaces.WSGI,
        address=settings.host,
        port=settings.port,
        blocking_threads=settings.web_threads,
        # An open event stream would hold up a stop for ever.
        workers_kill_timeout=KILL_SECONDS,
        respawn_failed_workers=True,
        log_level=LogLevels.error,
        process_name=None,
    ).serve()


if __name__ == "__main__":
    main()
