"""The command: two parts, one host on SQLite and two hosts on one PostgreSQL, and a table."""

from __future__ import annotations

import json
import secrets
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import click
import sqlalchemy as sa

from benchmarks.soak import faults
from benchmarks.soak.checks import Part, check_answers, check_growth
from benchmarks.soak.faults import Fault, Scene
from benchmarks.soak.hosts import Host, Watch, wait_until_ready
from benchmarks.soak.learners import UNREACHABLE, Learner, Tally
from benchmarks.soak.questions import RUN_MEMORY_MB, write_content

REST_SECONDS = 6.0  # between two faults, when memory and descriptors are read
DISK_MB = 96


@click.command(context_settings={"show_default": True})
@click.option("--minutes", default=10.0, help="how long, all parts together")
@click.option("--learners", default=8, help="how many answer at once")
@click.option("--part", type=click.Choice(["both", "sqlite", "postgresql"]), default="both")
@click.option("--json", "as_json", is_flag=True, help="print what a program would read")
def main(minutes: float, learners: int, part: str, as_json: bool) -> None:
    """Let learners answer while processes die, disks fill and hosts differ; then check everything.

    Exit code 1 when something did not hold.
    """
    names = ["sqlite", "postgresql"] if part == "both" else [part]
    seconds = 60 * minutes / len(names)
    parts = []
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        for name in names:
            run = soak_on_sqlite if name == "sqlite" else soak_on_postgresql
            parts.append(run(Path(folder) / name, seconds, learners))
    if as_json:
        click.echo(json.dumps([vars(each) | {"faults": dict(each.faults)} for each in parts]))
    else:
        for each in parts:
            click.echo(part_table(each))
    sys.exit(1 if any(each.violations for each in parts) else 0)


def soak_on_sqlite(folder: Path, seconds: float, learners: int) -> Part:
    """One host whose data folder is a small disk of its own."""
    part = Part("one host on SQLite")
    disk = faults.mount_small_disk(folder / "data", DISK_MB)
    chosen = list(faults.SQLITE_FAULTS)
    if disk is None:
        chosen.remove(faults.disk_is_full)
        part.notes.append("a full disk was not tried: mounting a small one needs root")
    host = Host("the host", folder / "data", write_content(folder / "content"), _environment())
    try:
        scene = Scene([host], {host.name: Watch(host)}, disk, "", "")
        url = f"sqlite:///{host.data / 'quizserver.sqlite3'}"
        soak_part(part, scene, chosen, url, seconds, learners)
    finally:
        if disk is not None:
            faults.unmount_disk(disk)
    return part


def soak_on_postgresql(folder: Path, seconds: float, learners: int) -> Part:
    """Two hosts with folders of their own, and one database."""
    from tests.postgres import running

    part = Part("two hosts on PostgreSQL")
    with running() as server, server.fresh(migrated=False) as url:
        environment = _environment() | {"QUIZSERVER_DATABASE_URL": url}
        hosts = [
            Host(
                f"host {letter}",
                folder / letter,
                write_content(folder / f"{letter}-content"),
                environment,
            )
            for letter in "AB"
        ]
        watches = {host.name: Watch(host) for host in hosts}
        admin = sa.make_url(server.url("postgres")).set(drivername="postgresql+psycopg")
        database = sa.make_url(url).database
        assert database is not None
        scene = Scene(hosts, watches, None, database, admin.render_as_string(hide_password=False))
        soak_part(part, scene, faults.POSTGRESQL_FAULTS, url, seconds, learners)
    return part


def soak_part(
    part: Part,
    scene: Scene,
    chosen: Sequence[Fault],
    database_url: str,
    seconds: float,
    learner_count: int,
) -> None:
    """Starts hosts and learners, brings about one fault after another, and checks at the end."""
    tally = Tally()
    with ExitStack() as stack:
        for host in scene.hosts:
            stack.callback(host.close)
            host.start()
        for watch in scene.watches.values():
            stack.callback(watch.is_stopping.set)
            watch.start()
        with answering(scene, learner_count, tally) as learners:
            time.sleep(REST_SECONDS)
            bring_about(part, scene, chosen, seconds)
        if not all(wait_until_ready(host) for host in scene.hosts):
            part.violations.append("a host was not ready at the end")
        part.violations += tally.unexpected
        part.violations += check_answers(learners, scene.host.url, database_url, part)
        part.violations += check_growth(part)
        part.notes.append(
            "answers posted: "
            + ", ".join(f"{n} × {what}" for what, n in sorted(tally.statuses.items()))
        )


@contextmanager
def answering(scene: Scene, count: int, tally: Tally) -> Iterator[list[Learner]]:
    urls = [host.url for host in scene.hosts]
    learners = []
    for number in range(count):
        first = number % len(urls)
        learners.append(Learner(f"learner {number}", urls[first:] + urls[:first], tally, number))
    for learner in learners:
        learner.start()
    try:
        yield learners
    finally:
        for learner in learners:
            learner.is_stopping.set()
        for learner in learners:
            learner.join(60)


def bring_about(part: Part, scene: Scene, chosen: Sequence[Fault], seconds: float) -> None:
    """One fault after another until the time is over, each at least once."""
    deadline, number = time.monotonic() + seconds, 0
    while number < len(chosen) or time.monotonic() < deadline:
        for host in scene.hosts:
            part.memory.setdefault(host.name, []).append(host.memory_mb())
            part.descriptors.setdefault(host.name, []).append(host.descriptors())
        fault = chosen[number % len(chosen)]
        name = fault.__name__.replace("_", " ")
        click.echo(f"{name} …", err=True)
        part.faults[name] += 1
        try:
            part.violations += [f"{name}: {sentence}" for sentence in fault(scene)]
        except UNREACHABLE as error:
            part.violations.append(f"{name}: the host did not answer: {error}")
        time.sleep(REST_SECONDS)
        number += 1


def part_table(part: Part) -> str:
    lines = ["", part.name, "-" * len(part.name)]
    failed = Counter(violation.partition(":")[0] for violation in part.violations)
    for name, times in part.faults.items():
        verdict = "held" if not failed[name] else f"{failed[name]} × did not hold"
        lines.append(f"{name:<28} {times:>3} ×  {verdict}")
    lines += [f"  {note}" for note in part.notes]
    lines += [f"! {violation}" for violation in part.violations] or ["  everything held"]
    return "\n".join(lines)


def _environment() -> dict[str, str]:
    return {
        "QUIZSERVER_SECRET_KEY": secrets.token_urlsafe(48),
        "QUIZSERVER_RUN_MEMORY_MB": str(RUN_MEMORY_MB),
        "QUIZSERVER_WORKERS": "1",
    }


if __name__ == "__main__":
    main()
