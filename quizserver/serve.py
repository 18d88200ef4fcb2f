"""The supervisor of a server: starts its processes, restarts those that end, and stops all.

A web process (on PostgreSQL several) answers requests; a worker process trains simulations. Each is
a child in a session of its own, so that Ctrl-C reaches this supervisor alone, which then stops them
in order.
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
from quizserver.data_folder import DataFolderError, hold_data_folder
from quizserver.db.availability import unavailable_reason
from quizserver.db.migrate import MigrationError, migrate_database, prepare_folder
from quizserver.db.session import Database, DatabaseUrlError
from quizserver.runs.service import UnreachableError, check_backends
from quizserver.settings import Settings, SettingsError, secret_key

STOP_SECONDS = 3.0
READY_SECONDS = 60.0
RESTARTS = 5
STEADY_SECONDS = 60.0  # the restarts of a child that lived this long are forgotten
PR_SET_PDEATHSIG = 1


class ServeError(RuntimeError):
    """The server can't start; the message is one line that says why and what to do."""


@dataclass(slots=True)
class ChildProcess:
    name: str
    command: list[str]
    process: subprocess.Popen[bytes]
    restarts: int = 0
    started_at: float = field(default_factory=time.monotonic)
    kept_files: tuple[int, ...] = ()


def prepare_server(settings: Settings) -> Settings:
    """Creates the data folder, migrates the database and chooses the port.

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
    except SettingsError as error:
        raise ServeError(str(error)) from error
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
        check_backends(settings)
    except UnreachableError as error:
        raise ServeError(str(error)) from error
    return replace(settings, port=port)


def migrate_store(settings: Settings) -> tuple[str | None, str | None]:
    """Migrates the database to the newest schema. Returns the revisions before and after.

    Raises ServeError.
    """
    try:
        database = Database(settings.data_url)
    except DatabaseUrlError as error:
        raise ServeError(f"QUIZSERVER_DATABASE_URL: {error}") from error
    try:
        return migrate_database(database)
    except MigrationError as error:
        raise ServeError(str(error)) from error
    except sa.exc.DatabaseError as error:
        advice = (
            "Move it away to start again, or bring back a copy."
            if database.is_sqlite
            else "See that PostgreSQL runs and that QUIZSERVER_DATABASE_URL is right."
        )
        reason = unavailable_reason(error) or str(error.orig).strip()
        raise ServeError(
            f"Can't open the database {database.url.render_as_string()}: {reason.rstrip('.')}."
            f" {advice}"
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


def run_server(settings: Settings, *, preview: Preview | None = None) -> int:
    """Runs the server until a signal stops it; returns the exit code. Raises ServeError.

    With ``preview``, runs a preview for the author at this machine, with the key in sight.
    """
    data_lock = _hold_data_folder(settings)
    settings = prepare_server(settings)
    stop_signal = _StopSignal()
    environment = os.environ | settings.to_environment()
    web_arguments = ["-m", "quizserver.web_process"]
    server_name, start_path = "quizserver", ""
    if preview is not None:
        environment |= preview.to_environ()
        web_arguments.append("--preview")
        server_name, start_path = "The preview", preview.start_path.removeprefix("/")
    children = [
        _start_child("web", web_arguments, environment, data_lock),
        _start_child("worker", ["-m", "quizserver.cli", "worker"], environment, data_lock),
    ]
    try:
        if not _wait_until_ready(settings, children[0], stop_signal):
            return 0 if stop_signal.requested else 1
        url = f"http://{_shown_host(settings.host)}:{settings.port}/"
        click.echo(f"{server_name} is ready at {url}{start_path} (Ctrl-C stops it)")
        return _watch_children(children, environment, stop_signal)
    finally:
        _stop_children(children)


class _StopSignal:
    """Records that SIGINT, SIGTERM or SIGHUP was received; further signals change nothing."""

    def __init__(self) -> None:
        self.requested = False
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._request_stop)

    def _request_stop(self, _number: int, _frame: object) -> None:
        self.requested = True


def _hold_data_folder(settings: Settings) -> tuple[int, ...]:
    """Keeps restores away from the data folder, as long as any process of this server lives.

    Raises ServeError while a restore goes on. A folder that can't be used is left to
    ``prepare_server``, which says why.
    """
    try:
        settings.data.mkdir(parents=True, exist_ok=True)
        return (hold_data_folder(settings.data),)
    except OSError:
        return ()
    except DataFolderError as error:
        raise ServeError(str(error)) from error


def _start_child(
    name: str, arguments: list[str], environment: dict[str, str], kept_files: tuple[int, ...]
) -> ChildProcess:
    command = [sys.executable, *arguments]
    process = _spawn_process(command, environment, kept_files)
    return ChildProcess(name, command, process, kept_files=kept_files)


def _spawn_process(
    command: list[str], environment: dict[str, str], kept_files: tuple[int, ...]
) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command,
        env=environment,
        pass_fds=kept_files,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=_die_with_parent if sys.platform == "linux" else None,
    )


def _die_with_parent() -> None:
    # A supervisor that is killed by SIGKILL can't stop its children, so the kernel does.
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def _wait_until_ready(settings: Settings, web: ChildProcess, stop_signal: _StopSignal) -> bool:
    url = f"http://{_shown_host(settings.host)}:{settings.port}/readyz"
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline and not stop_signal.requested:
        if web.process.poll() is not None:
            click.echo("The web process ended while it started; its message is above.", err=True)
            return False
        if _is_healthy(url):
            return True
        time.sleep(0.05)
    if not stop_signal.requested:
        click.echo(f"The web process did not answer within {READY_SECONDS:.0f} s.", err=True)
    return False


def _is_healthy(url: str) -> bool:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=2) as response:
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _watch_children(
    children: list[ChildProcess], environment: dict[str, str], stop_signal: _StopSignal
) -> int:
    """Restarts children that end by themselves; returns 1 after too many restarts in a row."""
    while not stop_signal.requested:
        time.sleep(0.1)
        for child in children:
            code = child.process.poll()
            if code is None or stop_signal.requested:
                continue
            if time.monotonic() - child.started_at > STEADY_SECONDS:
                child.restarts = 0
            if child.restarts >= RESTARTS:
                click.echo(f"The {child.name} process keeps ending (code {code}).", err=True)
                return 1
            child.restarts += 1
            click.echo(
                f"The {child.name} process ended (code {code}); starting it again.", err=True
            )
            _kill_group(child, signal.SIGKILL)
            _sleep_unless(child.restarts * 0.5, lambda: stop_signal.requested)
            child.process = _spawn_process(child.command, environment, child.kept_files)
            child.started_at = time.monotonic()
    return 0


def _sleep_unless(seconds: float, is_stopping: Callable[[], bool]) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and not is_stopping():
        time.sleep(0.05)


def _stop_children(children: list[ChildProcess]) -> None:
    """Sends every child SIGTERM, then kills what is left of their process groups."""
    for child in children:
        _kill_group(child, signal.SIGTERM)
    deadline = time.monotonic() + STOP_SECONDS
    for child in children:
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.process.wait(max(0.0, deadline - time.monotonic()))
        _kill_group(child, signal.SIGKILL)
        child.process.wait()


def _kill_group(child: ChildProcess, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.process.pid, number)


def _shown_host(host: str) -> str:
    if host in {"0.0.0.0", "::"}:
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host
