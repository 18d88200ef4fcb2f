"""The faults of a soak. Each is a function that brings it about, ends it, and yields what it saw
that should not be; nothing yielded means that it held."""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
import subprocess
import time
import urllib.error
import urllib.parse
from collections.abc import Callable, Iterator
from copy import copy
from dataclasses import dataclass
from http.cookiejar import CookieJar
from pathlib import Path

import sqlalchemy as sa

from benchmarks.soak import questions
from benchmarks.soak.hosts import Host, Watch, readiness, wait_until_ready
from tests.serve.server import HttpClient, field_value

NOTICED_SECONDS = 5.0  # in which readiness must show that no answer can be kept
LOCK_SECONDS = 8.0
SPARE_MB = 250  # what processes may take beyond the limit of the one that is being limited
PASSWORD = "a soak of some minutes"


@dataclass(frozen=True)
class Scene:
    """What a fault may touch. ``admin_url`` is that of a PostgreSQL's administrator."""

    hosts: list[Host]
    watches: dict[str, Watch]
    disk: Path | None
    database: str
    admin_url: str

    @property
    def host(self) -> Host:
        return self.hosts[0]

    @property
    def watch(self) -> Watch:
        return self.watches[self.host.name]


Fault = Callable[[Scene], Iterator[str]]


def web_process_is_killed(scene: Scene) -> Iterator[str]:
    yield from _kill_and_await(scene.host, "quizserver.web_process", os.kill)


def worker_is_killed(scene: Scene) -> Iterator[str]:
    yield from _kill_and_await(scene.host, "worker", os.killpg)


def _kill_and_await(host: Host, part: str, kill: Callable[[int, int], None]) -> Iterator[str]:
    """Kills a process of the host, and waits until another one has taken its place."""
    killed = host.pid_of(part)
    if killed is None:
        yield "there was none"
        return
    kill(killed, signal.SIGKILL)
    deadline = time.monotonic() + 60
    while host.pid_of(part) in {None, killed}:
        if time.monotonic() > deadline:
            yield "it did not come back within a minute"
            return
        time.sleep(0.2)
    if not wait_until_ready(host):
        yield "the host was not ready within a minute"


def power_cut(scene: Scene) -> Iterator[str]:
    """Every process of the host ends at once; then the host starts again."""
    scene.host.kill()
    scene.host.start()
    if not wait_until_ready(scene.host):
        yield "the host was not ready within a minute"


def disk_is_full(scene: Scene) -> Iterator[str]:
    assert scene.disk is not None
    filler = scene.disk / "filler"
    started = time.monotonic()
    with filler.open("wb") as file, contextlib.suppress(OSError):
        while True:
            file.write(b"\0" * 65536)
            file.flush()
    time.sleep(NOTICED_SECONDS + 3)
    is_noticed = scene.watch.was_unready(started, time.monotonic())
    filler.unlink()
    if not is_noticed:
        yield "the host said that it was ready while its disk was full"
    if not wait_until_ready(scene.host, 20):
        yield "the host was not ready again within 20 s of room on the disk"


def sqlite_is_locked(scene: Scene) -> Iterator[str]:
    connection = sqlite3.connect(scene.host.data / "quizserver.sqlite3", isolation_level=None)
    started = time.monotonic()
    try:
        connection.execute("PRAGMA busy_timeout = 20000")
        connection.execute("BEGIN IMMEDIATE")
        time.sleep(LOCK_SECONDS)
        connection.execute("ROLLBACK")
    finally:
        connection.close()
    if not scene.watch.was_unready(started, time.monotonic()):
        yield "the host said that it was ready while the database was locked"
    if not wait_until_ready(scene.host, 20):
        yield "the host was not ready again within 20 s"


def postgresql_is_gone(scene: Scene) -> Iterator[str]:
    """Nobody may connect for a while, and whoever is connected is cut off."""
    engine = sa.create_engine(scene.admin_url, isolation_level="AUTOCOMMIT")
    started = time.monotonic()
    with engine.connect() as connection:
        connection.execute(sa.text(f"ALTER DATABASE {scene.database} ALLOW_CONNECTIONS false"))
        try:
            connection.execute(
                sa.text(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :n"
                ),
                {"n": scene.database},
            )
            time.sleep(LOCK_SECONDS)
        finally:
            connection.execute(sa.text(f"ALTER DATABASE {scene.database} ALLOW_CONNECTIONS true"))
    engine.dispose()
    for host in scene.hosts:
        if not scene.watches[host.name].was_unready(started, time.monotonic()):
            yield f"{host.name} said that it was ready while the database was gone"
        if not wait_until_ready(host, 30):
            yield f"{host.name} was not ready again within 30 s"


def simulation_is_hungry(scene: Scene) -> Iterator[str]:
    """A file takes more memory than a run may as soon as it is imported."""
    rest = scene.host.memory_mb()
    started = time.monotonic()
    questions.write_hungry_simulation(scene.host.content)
    client = HttpClient(scene.host.url)
    for _ in range(20):
        for path in ("/questions/fed", "/topics/numbers"):
            with contextlib.suppress(OSError):
                client.get(path)
        time.sleep(0.5)
    peak = scene.watch.peak_memory(started, time.monotonic())
    questions.remove_hungry_simulation(scene.host.content)
    allowed = rest + questions.RUN_MEMORY_MB + SPARE_MB
    if peak > allowed:
        yield f"reading the file took {peak - rest:.0f} MiB; {allowed - rest:.0f} were allowed"


def page_is_dense(scene: Scene) -> Iterator[str]:
    """A page as large as a request may be is saved again and again while others read."""
    started = time.monotonic()
    path = questions.write_dense_page(scene.host.content, 250)
    for number in range(6):
        time.sleep(1)
        path.write_text(path.read_text() + f"\n\nSaved {number} times.\n")
    time.sleep(2)
    p95 = scene.watch.page_p95(started, time.monotonic())
    path.unlink()
    if p95 is None or p95 > 2:
        yield f"95 % of other pages took up to {p95} s meanwhile"


def cookie_is_copied(scene: Scene) -> Iterator[str]:
    """Somebody signs up and out again; a copy of the cookie must be worth nothing."""
    client = HttpClient(scene.host.url)
    form = {
        "csrf_token": field_value(client.get("/sign-up"), "csrf_token"),
        "email": f"soak-{time.time_ns()}@example.org",
        "password": PASSWORD,
        "next": "",
    }
    with client.open("/sign-up", urllib.parse.urlencode(form).encode()) as response:
        response.read()
    client.answer("even", "two", "four")
    thief = HttpClient(scene.host.url, _copy_of(client.jar))
    if len(thief.attempts()) != 1:
        yield "the copy of the cookie did not work before signing out either"
    body = urllib.parse.urlencode({"csrf_token": client.token()}).encode()
    with client.open("/sign-out", body) as response:
        response.read()
    if thief.attempts():
        yield "a copied cookie still downloads the data after signing out"
    with contextlib.suppress(urllib.error.HTTPError):
        thief.answer("even", "two")


def content_differs(scene: Scene) -> Iterator[str]:
    """The second host has another key for a while; whoever is behind must not grade by it."""
    other = scene.hosts[1]
    questions.change_key(other.content)
    time.sleep(8)
    answers = [readiness(host)[1] for host in scene.hosts]
    if not any("content" in text for text in answers):
        yield "no host said that the contents differ"
    questions.change_key(scene.host.content)
    time.sleep(4)
    for host in scene.hosts:
        questions.restore_key(host.content)
    time.sleep(4)
    for host in scene.hosts:
        if not wait_until_ready(host, 20):
            yield f"{host.name} was not ready again within 20 s"


def second_host_is_gone(scene: Scene) -> Iterator[str]:
    scene.hosts[1].kill()
    time.sleep(10)
    if not wait_until_ready(scene.hosts[0], 10):
        yield "the first host was not ready while the second was gone"
    scene.hosts[1].start()
    if not wait_until_ready(scene.hosts[1]):
        yield "the second host was not ready within a minute"


def _copy_of(jar: CookieJar) -> CookieJar:
    copied = CookieJar()
    for cookie in jar:
        copied.set_cookie(copy(cookie))
    return copied


def mount_small_disk(folder: Path, megabytes: int) -> Path | None:
    """A file system of its own that can be filled; None where that is not allowed."""
    folder.mkdir(parents=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)]
    try:
        done = subprocess.run(command, capture_output=True, check=False)
    except FileNotFoundError:
        return None
    return folder if done.returncode == 0 else None


def unmount_disk(folder: Path) -> None:
    subprocess.run(["umount", "--lazy", str(folder)], capture_output=True, check=False)


SQLITE_FAULTS: list[Fault] = [
    web_process_is_killed,
    cookie_is_copied,
    sqlite_is_locked,
    simulation_is_hungry,
    worker_is_killed,
    disk_is_full,
    page_is_dense,
    power_cut,
]
POSTGRESQL_FAULTS: list[Fault] = [
    web_process_is_killed,
    content_differs,
    postgresql_is_gone,
    cookie_is_copied,
    second_host_is_gone,
    worker_is_killed,
    power_cut,
]
