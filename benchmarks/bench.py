"""``make bench``: how fast the lab is, as ratios within one run, and where the memory goes.

Every figure is the median of several repetitions on one thread; ratios compare things measured in
the same process a moment apart, so that they hold on a machine whose speed drifts.
"""

from __future__ import annotations

import json
import resource
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass

import click
import torch

from benchmarks.plain_loops import strange_loss
from quizserver.lab.catalog import load
from quizserver.lab.ensemble import simulate
from quizserver.lab.verify import verify
from quizserver.settings import Settings
from quizserver.topics.library import Library

REPETITIONS = 3
SIZES = (1, 8, 64, 512)


@dataclass(frozen=True)
class Row:
    """One measurement: ``seconds`` a unit of work, and how many times as fast as the baseline."""

    what: str
    seconds: float
    ratio: float | None = None
    note: str = ""


def timed(work: Callable[[], object], repetitions: int = REPETITIONS) -> float:
    """Median seconds of ``work``, after one run that does not count."""
    work()
    return statistics.median(_once(work) for _ in range(repetitions))


def _once(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def ensemble_rows() -> list[Row]:
    """Seconds a curve: the plain loop of one replica against ensembles of several sizes."""
    simulation = load(Settings().content / "strange-loss" / "simulation.py")
    plain = timed(lambda: strange_loss(0))
    rows = [Row("strange loss, plain PyTorch loop, a curve", plain, 1.0)]
    for size in SIZES:
        each = timed(lambda size=size: simulate(simulation, {}, range(size))) / size  # type: ignore[misc]
        rows.append(Row(f"strange loss, ensemble of {size}, a curve", each, plain / each))
    return rows


def first_point() -> Row:
    """Seconds from the call to the first point of a learner's run."""
    simulation = load(Settings().content / "strange-loss" / "simulation.py")

    def until_first() -> None:
        seen: list[int] = []
        simulate(
            simulation,
            {},
            range(32),
            on_points=lambda index, _x, _values: seen.append(index),
            should_stop=lambda: bool(seen),
        )

    return Row("first point of a run of 32 replicas", timed(until_first))


def evidence_rows() -> list[Row]:
    """Seconds for the whole default evidence of each topic."""
    topics = Library(Settings().content).snapshot().topics.values()
    return [
        Row(f"evidence of {topic.id}", _once(lambda topic=topic: verify(topic, range(64))))  # type: ignore[misc]
        for topic in topics
        if any(question.claims for question in topic.questions)
    ]


def memory_row() -> Row:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    mebibytes = peak / (1024**2 if sys.platform == "darwin" else 1024)  # bytes there, KiB elsewhere
    return Row("peak memory of this process", 0.0, note=f"{mebibytes:.0f} MiB")


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
def main(as_json: bool) -> None:
    """Measure the lab; a table, or JSON."""
    torch.set_num_threads(1)
    rows = [*ensemble_rows(), first_point(), *evidence_rows(), memory_row()]
    if as_json:
        click.echo(json.dumps([asdict(row) for row in rows], indent=2))
        return
    for row in rows:
        ratio = f"{row.ratio:8.1f} ×" if row.ratio is not None else " " * 10
        spent = f"{1000 * row.seconds:10.2f} ms" if row.seconds else " " * 13
        click.echo(f"{row.what:<48}{spent}{ratio}  {row.note}")


if __name__ == "__main__":
    main()
