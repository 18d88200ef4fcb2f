"""What admins read of each machine."""

from __future__ import annotations

from quizserver.hosts.machines_view import unusable_simulations, view_machines
from quizserver.runs.workers_store import WorkerStatement
from quizserver.topics.model import Diagnostic, Snapshot

FILES = {"t/simulation.py": "1", "u/simulation.py": "2"}


def holds(snapshot: Snapshot, files: dict[str, str] | None = None) -> str:
    worker = WorkerStatement("m", "host", "1.0", 0.0, files or FILES)
    [machine] = view_machines([], [worker], FILES, unusable_simulations(snapshot), this_machine="m")
    return machine.processes[0].holds


def test_a_worker_holds_simulations_and_says_how_many_can_not_be_read():
    assert holds(Snapshot({}, {})) == "It holds all 2 simulations served here."
    diagnostics = tuple(
        Diagnostic(1, 1, code, "Text.", "", path=path)
        for code, path in (
            ("simulation-ended", "t/simulation.py"),
            ("unusable-simulation", "t/q.md"),
            ("bad-simulation", "gone/simulation.py"),
        )
    )
    said = holds(Snapshot({}, {}, diagnostics=diagnostics))
    assert said.startswith("It holds all 2 simulations served here. 1 of them can't be read;")
    assert holds(Snapshot({}, {}, diagnostics=diagnostics), {"t/simulation.py": "0"}) == ""
