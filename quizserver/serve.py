"""The supervisor of a server: starts its processes, restarts those that end, and stops all.

A web process (on PostgreSQL several) answers requests; a worker process, which starts when the
first one answers, trains simulations. Each is a child in a session of its own, so that Ctrl-C
reaches this supervisor alone, which then stops them in order. It imports the standard library and
click only, and sleeps until a child ends or a signal comes.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

import click

from quizserver.confined.limits import die_with_parent
from quizserver.data_folder import (
    DataFolderError,
    claim_serving,
    hold_data_folder,
    make_data_folder,
    prepare_folder,
    warning_about_mode,
)
from quizserver.settings import (
    CANNOT_START,
    Settings,
    SettingsError,
    secret_key,
)

if TYPE_CHECKING:
    from quizserver.authoring.preview.model import Preview

STOP_SECONDS = 3.0
READY_SECONDS = 60.0
READY_POLL = 0.02  # seconds between looks whether the web process answers
WATCH_SECONDS = 5.0
RESTARTS = 5
STEADY_SECONDS = 60.0  # the restarts of a child that lived this long are forgotten
_NO_ANSWER = "it did not answer"


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
    """Creates the data folder and the secret key, and chooses the port. The web process looks at
    the databases.

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
        warning = warning_about_mode(settings.data)
    except SettingsError as error:
        raise ServeError(str(error)) from error
    except OSError as error:
        raise ServeError(
            f"Can't write in the data folder {settings.data} ({error.strerror})."
            " Name another one with --data DIR."
        ) from error
    if warning is not None:
        click.echo(f"quizserver: {warning}", err=True)
    port = free_port(settings.host, settings.port)
    if settings.web_processes > 1 and settings.data_url.startswith("sqlite"):
        raise ServeError(
            "SQLite has one writer, so it is served by one web process. Set"
            " QUIZSERVER_DATABASE_URL to a PostgreSQL, or leave QUIZSERVER_WEB_PROCESSES at 1."
        )
    return replace(settings, port=port)


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
    _claim_serving(settings)
    stop_signal = _StopSignal()
    environment = os.environ | settings.to_environment()
    web_arguments = ["-m", "quizserver.web_process"]
    server_name, start_path = "quizserver", ""
    if preview is not None:
        environment |= preview.to_environ()
        web_arguments.append("--preview")
        server_name, start_path = "The preview", preview.start_path.removeprefix("/")
    children = [_start_child("web", web_arguments, environment, data_lock)]
    try:
        if not _wait_until_ready(settings, children[0], stop_signal):
            return 0 if stop_signal.requested else 1
        url = f"http://{_shown_host(settings.host)}:{settings.port}/"
        click.echo(f"{server_name} is ready at {url}{start_path} (Ctrl-C stops it)")
        worker_arguments = ["-m", "quizserver.cli", "worker"]
        children.append(_start_child("worker", worker_arguments, environment, data_lock))
        return _watch_children(children, environment, stop_signal)
    finally:
        _stop_children(children)


class _StopSignal:
    """Records that SIGINT, SIGTERM or SIGHUP was received; further signals change nothing."""

    def __init__(self) -> None:
        self.requested = False
        self._reader, writer = os.pipe()
        for end in (self._reader, writer):
            os.set_blocking(end, False)
        signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._request_stop)
        # The end of a child has no work of its own here; it wakes ``wait``.
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)

    def _request_stop(self, _number: int, _frame: object) -> None:
        self.requested = True

    def wait(self, seconds: float) -> None:
        """Returns after a signal, the end of a child, or ``seconds``."""
        if select.select([self._reader], [], [], seconds)[0]:
            with contextlib.suppress(BlockingIOError):
                os.read(self._reader, 4096)


def _hold_data_folder(settings: Settings) -> tuple[int, ...]:
    """Keeps restores away from the data folder, as long as any process of this server lives.

    Raises ServeError while a restore goes on. A folder that can't be used is left to
    ``prepare_server``, which says why.
    """
    try:
        make_data_folder(settings.data)
        return (hold_data_folder(settings.data),)
    except OSError:
        return ()
    except DataFolderError as error:
        raise ServeError(str(error)) from error


def _claim_serving(settings: Settings) -> None:
    """Raises ServeError when another server works on the same SQLite files.

    A file system without locks is served as it is.
    """
    if not settings.data_url.startswith("sqlite"):
        return  # each of its hosts has a data folder, and they share the database
    try:
        with contextlib.suppress(OSError):
            claim_serving(settings.data, f"http://{_shown_host(settings.host)}:{settings.port}/")
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
        preexec_fn=partial(_end_with_supervisor, os.getpid()),
    )


def _end_with_supervisor(supervisor: int) -> None:
    """A supervisor that is killed by SIGKILL can't stop its children, so the kernel does.

    Until the child's own program runs, it has the supervisor's handlers, one of which would take
    the signal and end nothing.
    """
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    die_with_parent(supervisor, signal.SIGTERM)


def _wait_until_ready(settings: Settings, web: ChildProcess, stop_signal: _StopSignal) -> bool:
    address = (_shown_host(settings.host).strip("[]"), settings.port)
    deadline = time.monotonic() + READY_SECONDS
    reason: str | None = _NO_ANSWER
    while time.monotonic() < deadline and not stop_signal.requested:
        code = web.process.poll()
        if code is not None:
            if code != CANNOT_START:  # else it has said why, in one line
                click.echo(
                    "The web process ended while it started; its message is above.", err=True
                )
            return False
        reason = _unready_reason(address)
        if reason is None:
            return True
        stop_signal.wait(READY_POLL)
    if not stop_signal.requested:
        click.echo(f"The web process was not ready within {READY_SECONDS:g} s: {reason}.", err=True)
    return False


def _unready_reason(address: tuple[str, int]) -> str | None:
    """Why the web process is not ready, in its own words if it answers; None when it is.

    By hand: an HTTP client is half of what a supervisor would hold in memory.
    """
    try:
        with socket.create_connection(address, timeout=2) as connection:
            connection.sendall(b"GET /readyz HTTP/1.0\r\nHost: localhost\r\n\r\n")
            head, _, body = connection.makefile("rb").read().partition(b"\r\n\r\n")
        is_ready = head.split(b" ", 2)[1:2] == [b"200"]
        return None if is_ready else str(json.loads(body)["reason"])
    except (OSError, ValueError, LookupError, TypeError):
        return _NO_ANSWER


def _watch_children(
    children: list[ChildProcess], environment: dict[str, str], stop_signal: _StopSignal
) -> int:
    """Restarts children that end by themselves; returns 1 after too many restarts in a row."""
    while not stop_signal.requested:
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
            _sleep_unless_stopped(child.restarts * 0.5, stop_signal)
            child.process = _spawn_process(child.command, environment, child.kept_files)
            child.started_at = time.monotonic()
        stop_signal.wait(WATCH_SECONDS)
    return 0


def _sleep_unless_stopped(seconds: float, stop_signal: _StopSignal) -> None:
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0 and not stop_signal.requested:
        stop_signal.wait(left)


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
