"""A whole server from outside: how long it takes to start, what it uses at rest, how soon a run
gives its first point.

Starts are compared with the import of flask and sqlalchemy, round by round, so that a machine that
others use too changes both alike.
"""

from __future__ import annotations

import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.measurement import Measurement
from quizserver.administration.retention_schedule import FIRST_LOOK_SECONDS
from quizserver.db.computed import open_computed
from quizserver.lab.catalog import load
from quizserver.lab.model import Description, default_setting
from quizserver.lab.phase_maps import build_plane
from quizserver.runs.queue import RunQueue
from quizserver.runs.requests import CurveRequest, MapRequest
from quizserver.runs.store import RunStore
from quizserver.settings import Settings

ROOT = Path(__file__).parents[1]
ROUNDS = 5
BASELINE = "python -c 'import flask, sqlalchemy'"
START_AIM, HELP_AIM = 4.0, 1.0  # times the baseline
CORE_AIM, PSS_AIM = 0.3, 300.0  # percent of a core for each process, MiB for all
REST_SECONDS, QUIET_SECONDS = 30.0, 3.0
PROCESSES = 2  # that the worker trains with
KERNEL_RUN, TORCH_RUN, MAP_RUN = (
    ("strange-loss", "simulation"),
    ("zero-error", "depth"),
    ("zero-error", "floor"),
)
SHORT_RUN, SHORT_RUNS = "zero-error/depth, which torch trains,", 20
START_SECONDS = FIRST_LOOK_SECONDS + 5.0  # what is done once after a start is done by then


def start_rows() -> Iterator[Measurement]:
    """Until a server answers its first page, and until ``--help`` is printed."""
    group = f"start, against {BASELINE}: medians of {ROUNDS} interleaved rounds"
    help_command = [sys.executable, "-m", "quizserver.cli", "--help"]
    seconds: dict[str, list[float]] = {BASELINE: [], "--help": [], "new": [], "again": []}
    _command_seconds(help_command)  # compiles what was changed
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory() as data:
            seconds[BASELINE].append(
                _command_seconds([sys.executable, "-c", "import flask, sqlalchemy"])
            )
            seconds["--help"].append(_command_seconds(help_command))
            for kind in ("new", "again"):
                with running_server(Path(data)) as server:
                    seconds[kind].append(server.start_seconds)
    baseline = statistics.median(seconds[BASELINE])
    yield Measurement(group, BASELINE, baseline, amount=1.0, unit="×")
    for kind, what, aim in (
        ("--help", "quizserver --help", HELP_AIM),
        ("new", "quizserver serve, first page, new data folder", START_AIM),
        ("again", "quizserver serve, first page", START_AIM),
    ):
        # The median of each round's own ratio: load that comes and goes counts least so.
        pairs = zip(seconds[kind], seconds[BASELINE], strict=True)
        ratio = statistics.median(spent / base for spent, base in pairs)
        yield Measurement(
            group, what, statistics.median(seconds[kind]), amount=ratio, unit="×", aim=aim
        )


def rest_rows() -> Iterator[Measurement]:
    """CPU time and memory of each process of a server that nobody visits."""
    with tempfile.TemporaryDirectory() as data, running_server(Path(data)) as server:
        urllib.request.urlopen(server.url).read()
        time.sleep(START_SECONDS)
        _wait_until_quiet(server)
        before = {pid: cpu_seconds(pid) for pid in server.process_ids()}
        time.sleep(REST_SECONDS)
        total = 0.0
        group = f"at rest for {REST_SECONDS:.0f} s"
        for number, (pid, spent) in enumerate(before.items(), start=1):
            share = 100 * (cpu_seconds(pid) - spent) / REST_SECONDS
            memory = _pss_mebibytes(pid)
            total += memory
            yield Measurement(
                group,
                f"process {number}: {_command_of(pid)}",
                amount=share,
                unit="% of a core",
                aim=CORE_AIM,
                note=f"{memory:.0f} MiB of PSS",
            )
        yield Measurement(group, "all processes", amount=total, unit="MiB of PSS", aim=PSS_AIM)


def latency_rows() -> Iterator[Measurement]:
    """From sending a run to a warm worker to its first stored point; and to its last one, of a
    short run in torch while the processes of the worker train maps."""
    group = "from sending a run to its first point, medians of 10"
    with tempfile.TemporaryDirectory() as data, _running_worker(Path(data)) as (store, queue):
        client = _RunClient(store, queue)
        client.wait_for_points(1)
        waits = [client.wait_for_points(1) for _ in range(10)]
        yield Measurement(group, "one", statistics.median(waits), aim=0.2)
        waits = [client.wait_for_points(2) for _ in range(10)]
        yield Measurement(group, "two at once, the later one", statistics.median(waits), aim=0.4)
        group = f"from sending {SHORT_RUN} with 64 seeds to its end, p95 of {SHORT_RUNS}"
        for busy in range(PROCESSES + 1):
            while client.maps_in_training() < busy:
                client.send_map()
                time.sleep(1)
            waits = []
            while len(waits) < SHORT_RUNS and client.maps_in_training() == busy:
                waits.append(client.wait_for_end())
                time.sleep(0.3)
            client.stop_maps()
            what = f"{busy} of {PROCESSES} processes train a map"
            note = f"median {1000 * statistics.median(waits):.0f} ms"
            p95 = sorted(waits)[int(0.95 * len(waits))]
            yield Measurement(group, what, p95, aim=0.3, note=note)


class _RunClient:
    """Sends runs to a worker, each with seeds of its own, and waits for what they give."""

    def __init__(self, store: RunStore, queue: RunQueue) -> None:
        self._store, self._queue = store, queue
        self._first_seed = 0
        self._maps: list[str] = []

    def wait_for_points(self, count: int) -> float:
        """Sends so many runs at once; the seconds until each of them has a point."""
        started = time.monotonic()
        ids = [
            self._send(_curve_request(*KERNEL_RUN, self._new_seeds(32), 32)) for _ in range(count)
        ]
        while not all((run := self._store.get_run(run_id)) and run.points_done for run_id in ids):
            time.sleep(0.002)
        seconds = time.monotonic() - started
        while any(self._is_active(run_id) for run_id in ids):
            time.sleep(0.02)
        time.sleep(1)
        return seconds

    def wait_for_end(self) -> float:
        """Sends one short run; the seconds until it has ended."""
        started = time.monotonic()
        run_id = self._send(_curve_request(*TORCH_RUN, self._new_seeds(64), 64))
        while self._is_active(run_id):
            time.sleep(0.002)
        return time.monotonic() - started

    def send_map(self) -> None:
        """A map that takes longer than what is measured beside it."""
        self._maps.append(self._send(_map_request(*MAP_RUN, self._new_seeds(64))))

    def maps_in_training(self) -> int:
        runs = [self._store.get_run(run_id) for run_id in self._maps]
        return sum(run is not None and run.state == "running" for run in runs)

    def stop_maps(self) -> None:
        for run_id in self._maps:
            self._store.leave_run(run_id, "ann", time.time())
        while any(self._is_active(run_id) for run_id in self._maps):
            time.sleep(0.02)
        self._maps.clear()

    def _new_seeds(self, count: int) -> int:
        self._first_seed += count
        return self._first_seed

    def _is_active(self, run_id: str) -> bool:
        run = self._store.get_run(run_id)
        return run is not None and run.active

    def _send(self, request: CurveRequest | MapRequest) -> str:
        submitted = self._store.submit_request(
            request, "ann", time.time(), waiting_max=99, per_visitor=99
        )
        self._queue.send_run(submitted.run.id)
        return submitted.run.id


class RunningServer:
    """A server in processes of its own, that has answered its first page."""

    def __init__(self, data: Path) -> None:
        command = [sys.executable, "-m", "quizserver.cli", "serve", "--port", "0"]
        started = time.monotonic()
        self.process = subprocess.Popen(
            [*command, "--data", str(data)],
            cwd=ROOT,
            env=_environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        ready = re.search(r"ready at (\S+)", line)
        assert ready is not None, f"it did not start: {line}"
        self.url = ready[1]
        with urllib.request.urlopen(self.url, timeout=60) as response:
            response.read()
        self.start_seconds = time.monotonic() - started

    def process_ids(self) -> list[int]:
        """The process that was started, and every one below it, parents first."""
        return process_tree(self.process.pid)

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)
        assert self.process.stdout is not None
        self.process.stdout.close()


def process_tree(root: int) -> list[int]:
    """The process ``root``, and every one below it, parents first."""
    parents: dict[int, list[int]] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            try:
                fields = (folder / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            parents.setdefault(int(fields[1]), []).append(int(folder.name))
    found = [root]
    for pid in found:
        found += sorted(parents.get(pid, []))
    return found


@contextmanager
def running_server(data: Path) -> Iterator[RunningServer]:
    server = RunningServer(data)
    try:
        yield server
    finally:
        server.stop()


@contextmanager
def _running_worker(data: Path) -> Iterator[tuple[RunStore, RunQueue]]:
    settings = Settings(data=data, workers=PROCESSES)
    database = open_computed(settings.store_url)
    queue = RunQueue(settings.broker_url)
    process = subprocess.Popen(
        [sys.executable, "-m", "quizserver.worker.main"],
        cwd=ROOT,
        env=_environment() | settings.to_environment(),
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield RunStore(database), queue
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)
        queue.close()
        database.dispose()


def _curve_request(topic: str, name: str, first_seed: int, replicas: int) -> CurveRequest:
    path, description = _load_description(topic, name)
    return CurveRequest(
        topic=topic,
        simulation=name,
        path=path,
        fingerprint=description.fingerprint,
        arm=None,
        knobs=default_setting(description.knobs),
        first_seed=first_seed,
        replicas=replicas,
        x_label=description.x.label,
        series=tuple(description.series),
        points=description.points,
    )


def _map_request(topic: str, name: str, first_seed: int) -> MapRequest:
    path, description = _load_description(topic, name)
    return MapRequest(
        topic=topic,
        simulation=name,
        path=path,
        fingerprint=description.fingerprint,
        arm=None,
        series=tuple(description.series),
        plane=build_plane(description, description.maps[0], replicas=64, first_seed=first_seed),
    )


def _load_description(topic: str, name: str) -> tuple[str, Description]:
    path = f"{topic}/{name}.py"
    return path, load(Settings().content / path).describe()


def _environment() -> dict[str, str]:
    """This process's environment, in which Python keeps what it compiled."""
    dropped = {"PYTHONDONTWRITEBYTECODE"}
    return {name: value for name, value in os.environ.items() if name not in dropped}


def _command_seconds(command: list[str]) -> float:
    started = time.monotonic()
    subprocess.run(command, cwd=ROOT, env=_environment(), stdout=subprocess.DEVNULL, check=True)
    return time.monotonic() - started


def _wait_until_quiet(server: RunningServer) -> None:
    """Waits until the processes are those at rest: they stay the same and use little time."""
    while True:
        before = {pid: cpu_seconds(pid) for pid in server.process_ids()}
        time.sleep(QUIET_SECONDS)
        if before.keys() != set(server.process_ids()):
            continue
        spent = [cpu_seconds(pid) - seconds for pid, seconds in before.items()]
        if max(spent) < 0.05 * QUIET_SECONDS:
            return


def cpu_seconds(pid: int) -> float:
    """By the scheduler's clock; ticks of 10 ms are too coarse for a process at rest."""
    files = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(file.read_text().split()[0]) for file in files) / 1e9


def _pss_mebibytes(pid: int) -> float:
    found = re.search(r"^Pss:\s+(\d+) kB", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.M)
    assert found is not None
    return int(found[1]) / 1024


def _command_of(pid: int) -> str:
    arguments = Path(f"/proc/{pid}/cmdline").read_text().rstrip("\0").split("\0")[1:]
    return " ".join(arguments)[:50]
