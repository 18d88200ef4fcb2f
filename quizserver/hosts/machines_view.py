"""What the page of the machines shows: each with its processes, and where they differ."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from quizserver.hosts.model import ProcessStatement
from quizserver.hosts.notices import named_paths
from quizserver.lab.fingerprint import file_fingerprint
from quizserver.runs.workers_store import WorkerStatement
from quizserver.topics.file_digests import differing_paths
from quizserver.topics.model import Snapshot


@dataclass(frozen=True, slots=True)
class ProcessView:
    """A line: ``role`` is "Web process" or "Worker"; ``faults`` are what differs, in sentences."""

    role: str
    version: str
    started_at: datetime
    holds: str
    faults: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MachineView:
    name: str
    is_this: bool
    processes: tuple[ProcessView, ...]

    @property
    def differs(self) -> bool:
        return any(process.faults for process in self.processes)


def view_machines(
    processes: Sequence[ProcessStatement],
    workers: Sequence[WorkerStatement],
    simulations: Mapping[str, str],
    unusable: Collection[str] = (),
    *,
    this_machine: str,
) -> list[MachineView]:
    """The machines by name. ``processes`` come with those that have run longest first: the key of
    the first is the site's. ``simulations`` are the fingerprints of those that are served here,
    ``unusable`` the paths of those among them that can't be read."""
    key = processes[0].key_fingerprint if processes else ""
    lines: dict[str, list[ProcessView]] = {}
    names: dict[str, str] = {}
    for process in processes:
        names[process.machine] = process.name
        lines.setdefault(process.machine, []).append(_view_web_process(process, key))
    for worker in workers:
        names[worker.machine] = worker.name
        lines.setdefault(worker.machine, []).append(_view_worker(worker, simulations, unusable))
    machines = [
        MachineView(names[machine], machine == this_machine, tuple(lines[machine]))
        for machine in names
    ]
    return sorted(machines, key=lambda machine: (machine.name, not machine.is_this))


def simulation_fingerprints(snapshot: Snapshot) -> dict[str, str]:
    """The fingerprint of each simulation that is served, by its path in the content folder."""
    fingerprints: dict[str, str] = {}
    for topic in snapshot.topics.values():
        for path in topic.simulations.values():
            try:
                fingerprints[f"{topic.folder.name}/{path.name}"] = file_fingerprint(path)
            except (OSError, UnicodeDecodeError):  # the topic's own page says so
                continue
    return fingerprints


def _view_web_process(process: ProcessStatement, key: str) -> ProcessView:
    faults = []
    if process.key_fingerprint != key:
        faults.append("Its secret key is another one, so it serves no pages.")
    count = process.differing_count
    if count:
        paths = named_paths(process.differing_paths, at_most=5)
        if count > len(process.differing_paths):
            paths += " and others"
        faults.append(f"{_files(count)} from the current content: {paths}.")
    holds = "It has the current content." if process.content_digest and not count else ""
    return ProcessView("Web process", process.version, process.started_at, holds, tuple(faults))


def unusable_simulations(snapshot: Snapshot) -> set[str]:
    """The paths of the simulations that can't be read, as far as they were tried."""
    codes = ("bad-simulation", "simulation-ended")
    return {problem.path for problem in snapshot.diagnostics if problem.code in codes}


def _view_worker(
    worker: WorkerStatement, simulations: Mapping[str, str], unusable: Collection[str]
) -> ProcessView:
    held = {path: digest for path, digest in worker.files.items() if path in simulations}
    missing = differing_paths(held, simulations)
    faults = []
    if missing:
        faults.append(f"{_files(len(missing))} from those served here: {named_paths(missing)}.")
    started_at = datetime.fromtimestamp(worker.started_at, UTC)
    holds = "" if missing else f"It holds all {_simulations(simulations)} served here."
    count = len(simulations.keys() & set(unusable))
    if count and holds:
        holds += f" {count} of them can't be read; the topics' pages say why."
    return ProcessView("Worker", worker.version, started_at, holds, tuple(faults))


def _files(count: int) -> str:
    return "1 file differs" if count == 1 else f"{count} files differ"


def _simulations(simulations: Iterable[str]) -> str:
    count = len(list(simulations))
    return f"{count} simulation" if count == 1 else f"{count} simulations"
