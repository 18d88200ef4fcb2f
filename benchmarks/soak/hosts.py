"""The servers of a soak: started on fixed ports, killed, started again, watched from outside."""

from __future__ import annotations

import os
import signal
import socket
import statistics
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.serve.server import Server, running_processes

PROBE_SECONDS = 0.25
PAGE = "/questions/even"
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


class Host:
    """One ``quizserver serve`` with a data folder, a content folder and settings of its own."""

    def __init__(
        self, name: str, data: Path, content: Path, environment: Mapping[str, str]
    ) -> None:
        self.name, self.data, self.content = name, data, content
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._environment = dict(environment)
        self._server: Server | None = None

    def start(self) -> None:
        self._server = Server(
            self.data, self.content, port=self.port, environment=self._environment
        )

    def printed(self) -> str:
        """What the host has printed since it was started."""
        return "" if self._server is None else "".join(self._server.lines)

    def processes(self) -> set[int]:
        return running_processes(self._server.tree()) if self._server is not None else set()

    def pid_of(self, part: str) -> int | None:
        """The oldest process with ``part`` in its command line."""
        for pid in sorted(self.processes()):
            with suppress(OSError):
                if part in Path(f"/proc/{pid}/cmdline").read_text():
                    return pid
        return None

    def kill(self) -> None:
        """Ends every process at once, as a power cut would."""
        for pid in sorted(self.processes(), reverse=True):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.close()

    def close(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    def memory_mb(self) -> float:
        """Proportional share of memory (PSS) of all processes, in MiB."""
        total = 0
        for pid in self.processes():
            with suppress(OSError):
                for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                    if line.startswith("Pss:"):
                        total += int(line.split()[1])
        return total / 1024

    def descriptors(self) -> int:
        """Open files of all processes."""
        total = 0
        for pid in self.processes():
            with suppress(OSError):
                total += len(list(Path(f"/proc/{pid}/fd").iterdir()))
        return total


@dataclass(frozen=True)
class Probe:
    """One look from outside: when, how long a page took, and whether the host said it was ready."""

    at: float
    page_seconds: float | None
    is_ready: bool


@dataclass
class Watch(threading.Thread):
    """Asks a host for a page and for its readiness, again and again."""

    host: Host
    probes: list[Probe] = field(default_factory=list)
    memory: list[tuple[float, float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(daemon=True, name=f"watch of {self.host.name}")
        self.is_stopping = threading.Event()

    def __hash__(self) -> int:
        return id(self)

    def run(self) -> None:
        while not self.is_stopping.wait(PROBE_SECONDS):
            started = time.monotonic()
            page = _status(self.host.url + PAGE, 20)
            seconds = time.monotonic() - started if page == 200 else None
            ready = _status(f"{self.host.url}/readyz", 5) == 200
            self.probes.append(Probe(started, seconds, ready))
            self.memory.append((started, self.host.memory_mb()))

    def page_p95(self, since: float, until: float) -> float | None:
        """Seconds in which 95 % of the pages came that were asked for in this time."""
        seconds = [
            probe.page_seconds
            for probe in self.probes
            if since <= probe.at <= until and probe.page_seconds is not None
        ]
        return statistics.quantiles(seconds, n=20)[-1] if len(seconds) >= 2 else None

    def peak_memory(self, since: float, until: float) -> float:
        return max((mb for at, mb in self.memory if since <= at <= until), default=0.0)

    def was_unready(self, since: float, until: float) -> bool:
        return any(not probe.is_ready for probe in self.probes if since <= probe.at <= until)


def wait_until_ready(host: Host, seconds: float = 60) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if _status(f"{host.url}/readyz", 5) == 200 and _status(host.url + PAGE, 20) == 200:
            return True
        time.sleep(0.1)
    return False


def readiness(host: Host) -> tuple[int | None, str]:
    """The status and the text of the host's answer to "are you ready"."""
    try:
        with _OPENER.open(f"{host.url}/readyz", timeout=5) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()
    except OSError:
        return None, ""


def _status(url: str, timeout: float) -> int | None:
    try:
        with _OPENER.open(url, timeout=timeout) as response:
            response.read()
            return int(response.status)
    except urllib.error.HTTPError as error:
        error.close()
        return error.code
    except OSError:
        return None
