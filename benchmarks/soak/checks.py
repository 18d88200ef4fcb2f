"""What must hold at the end of a soak, whatever went wrong meanwhile."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import sqlalchemy as sa

from benchmarks.soak.learners import Learner
from quizserver.db.session import Database
from quizserver.db.tables import attempt

# How much more memory and how many more descriptors a host may have at the end than at first.
MEMORY_GROWTH, MEMORY_SLACK_MB, DESCRIPTOR_GROWTH = 1.15, 20, 12


@dataclass
class Part:
    """One part of a soak, and what did not hold in it."""

    name: str
    faults: Counter[str] = field(default_factory=Counter)
    violations: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    memory: dict[str, list[float]] = field(default_factory=dict)
    descriptors: dict[str, list[int]] = field(default_factory=dict)


def check_answers(
    learners: Sequence[Learner], url: str, database_url: str, part: Part
) -> Iterator[str]:
    """Whether every acknowledged answer is stored, once, and nothing that was never sent."""
    stored_rows = acknowledged = 0
    for learner in learners:
        stored = Counter((a["question"], a["number"]) for a in learner.stored_attempts(url))
        sent = {(s.question, s.number) for s in learner.acknowledged}
        in_doubt = {(s.question, s.number) for s in learner.in_doubt}
        stored_rows += stored.total()
        acknowledged += len(sent)
        for key in sorted(sent - set(stored)):
            yield f"{learner.name}: {key} was acknowledged and is lost"
        for key in sorted(set(stored) - sent - in_doubt):
            yield f"{learner.name}: {key} is stored and was never sent"
        for key, times in stored.items():
            if times > 1:
                yield f"{learner.name}: {key} is stored {times} times"
        if learner.is_alive():
            yield f"{learner.name} still waits for an answer after a minute"
    part.notes.append(f"{acknowledged} answers acknowledged, {stored_rows} stored")
    if acknowledged == 0:
        yield "no answer was acknowledged at all"
    database = Database(database_url)
    with database.read() as session:
        key = (attempt.c.person_id, attempt.c.question, attempt.c.number)
        doubled = sa.select(*key).group_by(*key).having(sa.func.count() > 1)
        yield from (f"{tuple(row)} has several rows" for row in session.execute(doubled))
    database.dispose()


def check_growth(part: Part) -> Iterator[str]:
    """Whether a host had about as much memory and as many descriptors at the end as at first."""
    for name, megabytes in part.memory.items():
        first, last = max(megabytes[:2]), megabytes[-1]
        part.notes.append(f"{name}: {first:.0f} MiB at first, {last:.0f} at the end")
        if last > first * MEMORY_GROWTH + MEMORY_SLACK_MB:
            yield f"{name} grew from {first:.0f} to {last:.0f} MiB"
    for name, counts in part.descriptors.items():
        first, last = max(counts[:2]), counts[-1]
        part.notes.append(f"{name}: {first} descriptors at first, {last} at the end")
        if last > first + DESCRIPTOR_GROWTH:
            yield f"{name} grew from {first} to {last} descriptors"
