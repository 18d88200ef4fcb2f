"""Starts everything that a server is made of, watches over it, and stops all of it.

One web process answers requests; one worker process trains simulations. Each is a child in a
session of its own, so that Ctrl-C reaches this supervisor alone, which then stops them in order.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import click
import sqlalchemy as sa

from quizserver.authoring.preview.model import Preview
from quizserver.db.guards import unavailable
from quizserver.db.migrate import MigrationError, migrate, prepare_folder
from quizserver.db.session import Database, DatabaseUrlError
from quizserver.runs.reach import UnreachableError, reach
from quizserver.settings import Settings, secret_key

STOP_SECONDS = 3.0
READY_SECONDS = 60.0
RESTARTS = 5
STEADY_SECONDS = 60.0  # a child that lived for so long begins to count anew
PR_SET_PDEATHSIG = 1


class ServeError(RuntimeError):
    """The server can't start; the message is one line that says why and what to do."""


@dataclass(slots=True)
class Child:
    name: str
    command: list[str]
    process: subprocess.Popen[bytes]
    restarts: int = 0
    started: float = field(default_factory=time.monotonic)


def prepare(settings: Settings) -> Settings:
    """Makes the data folder, migrates the database and settles the port.

    Returns the settings with absolute folders and the port that will be used (0 picks a free one).
    Raises ServeError.
    """
    settings = replace(
        settings,
        data=settings.data.absolute(),
        content=settings.content.absolute(),
    )
    if not settings.content.is_dir():
        raise ServeError(
            f"There is no content folder at {settings.content}. Name one with --content DIR."
        )
    try:
        prepare_folder(settings.data)
        secret_key(settings)
    except OSError as error:
        raise ServeError(
            f"Can't write in the data folder {settings.data} ({error.strerror})."
            " Name another one with --data DIR."
        ) from error
    port = free_port(settings.host, settings.port)
    if settings.web_processes > 1 and settings.data_url.startswith("sqlite"):
        raise ServeError(
            "SQLite has one writer, so it is served by one web process. Set"
            " QUIZSERVER_DATABASE_URL to a PostgreSQL, or leave QUIZSERVER_WEB_PROCESSES at 1."
        )
    migrate_store(settings)
    try:
        reach(settings)
    except UnreachableError as error:
        raise ServeError(str(error)) from error
    return replace(settings, port=port)


def migrate_store(settings: Settings) -> tuple[str | None, str | None]:
    """Brings the store of what people did to the newest schema. Raises ServeError."""
    try:
        database = Database(settings.data_url)
    except DatabaseUrlError as error:
        raise ServeError(f"QUIZSERVER_DATABASE_URL: {error}") from error
    try:
        return migrate(database)
    except MigrationError as error:
        raise ServeError(str(error)) from error
    except sa.exc.DatabaseError as error:
        what_to_do = (
            "Move it away to start anew, or bring back a copy."
            if database.is_sqlite
            else "See that PostgreSQL runs and that QUIZSERVER_DATABASE_URL is right."
        )
        said = unavailable(error) or str(error.orig).strip()
        raise ServeError(
            f"Can't open the database {database.url.render_as_string()}: {said.rstrip('.')}."
            f" {what_to_do}"
        ) from error
    finally:
        database.dispose()


def free_port(host: str, port: int) -> int:
    """``port`` if nothing listens on it yet, or a free one for 0. Raises ServeError."""
    if not 0 <= port <= 65535:
        raise ServeError(f"{port} is no port. Name one from 1 to 65535 with --port, or 0 for any.")
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
            return int(probe.getsockname()[1])
    except socket.gaierror as error:
        raise ServeError(
            f"{host} is not an address of this machine ({error.strerror})."
            " Name one with --host, such as 127.0.0.1 or 0.0.0.0."
        ) from error
    except OSError as error:
        address = "" if host == "127.0.0.1" else ", or another address with --host"
        raise ServeError(
            f"Can't listen on {host} port {port} ({error.strerror})."
            f" Name another port with --port{address}."
        ) from error


def serve(settings: Settings, *, preview: Preview | None = None) -> int:
    """Runs until a signal asks it to stop; returns the exit code. Raises ServeError.

    With ``preview``, for the author at this machine, who is shown the key.
    """
    settings = prepare(settings)
    stopping = _Stop()
    environment = os.environ | settings.environment()
    web = ["-m", "quizserver.web_process"]
    name, at = "quizserver", ""
    if preview is not None:
        environment |= preview.environment()
        web.append("--preview")
        name, at = "The preview", preview.at.removeprefix("/")
    children = [
        _start("web", web, environment),
        _start("worker", ["-m", "quizserver.cli", "worker"], environment),
    ]
    try:
        if not _wait_until_ready(settings, children[0], stopping):
            return 0 if stopping.asked else 1
        url = f"http://{_shown_host(settings.host)}:{settings.port}/"
        click.echo(f"{name} is ready at {url}{at} (Ctrl-C stops it)")
        return _watch(children, environment, stopping)
    finally:
        _stop(children)


class _Stop:
    """Remembers that SIGINT, SIGTERM or SIGHUP asked to stop; a second one changes nothing."""

    def __init__(self) -> None:
        self.asked = False
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._ask)

    def _ask(self, _number: int, _frame: object) -> None:
        self.asked = True


def _start(name: str, arguments: list[str], environment: dict[str, str]) -> Child:
    command = [sys.executable, *arguments]
    return Child(name, command, _spawn(command, environment))


def _spawn(command: list[str], environment: dict[str, str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=_die_with_parent if sys.platform == "linux" else None,
    )


def _die_with_parent() -> None:
    # A supervisor that is killed outright can stop nobody, so the kernel does it.
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def _wait_until_ready(settings: Settings, web: Child, stopping: _Stop) -> bool:
    url = f"http://{_shown_host(settings.host)}:{settings.port}/healthz"
    give_up = time.monotonic() + READY_SECONDS
    while time.monotonic() < give_up and not stopping.asked:
        if web.process.poll() is not None:
            click.echo("The web process ended while it started; its message is above.", err=True)
            return False
        if _answers(url):
            return True
        time.sleep(0.05)
    if not stopping.asked:
        click.echo(f"The web process did not answer within {READY_SECONDS:.0f} s.", err=True)
    return False


def _answers(url: str) -> bool:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=2) as response:
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _watch(children: list[Child], environment: dict[str, str], stopping: _Stop) -> int:
    """Starts a child again when it ends by itself, a few times in a row; then gives up."""
    while not stopping.asked:
        time.sleep(0.1)
        for child in children:
            code = child.process.poll()
            if code is None or stopping.asked:
                continue
            if time.monotonic() - child.started > STEADY_SECONDS:
                child.restarts = 0
            if child.restarts >= RESTARTS:
                click.echo(f"The {child.name} process keeps ending (code {code}).", err=True)
                return 1
            child.restarts += 1
            click.echo(
                f"The {child.name} process ended (code {code}); starting it again.", err=True
            )
            _kill_group(child, signal.SIGKILL)
            _pause(child.restarts * 0.5, lambda: stopping.asked)
            child.process = _spawn(child.command, environment)
            child.started = time.monotonic()
    return 0


def _pause(seconds: float, ended: Callable[[], bool]) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until and not ended():
        time.sleep(0.05)


def _stop(children: list[Child]) -> None:
    """Asks every child to stop, and after a while kills what is left of their process groups."""
    for child in children:
        _kill_group(child, signal.SIGTERM)
    until = time.monotonic() + STOP_SECONDS
    for child in children:
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.process.wait(max(0.0, until - time.monotonic()))
        _kill_group(child, signal.SIGKILL)
        child.process.wait()


def _kill_group(child: Child, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.process.pid, number)


def _shown_host(host: str) -> str:
    if host in {"0.0.0.0", "::"}:
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host
