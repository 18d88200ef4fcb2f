"""Options that the commands that train share: seeds, device, backend, and the topic."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from quizserver.lab.model import BACKENDS, DEFAULT_BACKEND

if TYPE_CHECKING:
    from quizserver.topics.model import Snapshot, Topic

SEED_END = 2**31
SEEDS_MAX = 100_000


class SeedRange(click.ParamType[range]):
    """A half-open range of seeds, written A:B."""

    name = "A:B"

    def convert(self, value: Any, param: Any, ctx: Any) -> range:
        if isinstance(value, range):
            return value
        match = re.fullmatch("([0-9]{1,12}):([0-9]{1,12})", str(value))
        first, end = map(int, match.groups()) if match else (0, 0)
        if first >= end:
            self.fail(f"{value!r} is not a range of seeds; write A:B with A < B, such as 0:64.")
        if end > SEED_END or end - first > SEEDS_MAX:
            self.fail(f"at most {SEEDS_MAX:,} seeds below {SEED_END:,} can be trained at once.")
        return range(first, end)


def _parse_device(_context: click.Context, _option: click.Parameter, name: str) -> str:
    if name == "cpu":  # always available, so don't import torch for it
        return name
    from quizserver.authoring.confined_training import check_device_confined

    try:
        return check_device_confined(name)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


DEVICE_OPTION = click.option(
    "--device",
    default="cpu",
    show_default=True,
    callback=_parse_device,
    help="Where to train, such as cuda.",
)


BACKEND_OPTION = click.option(
    "--backend",
    type=click.Choice(BACKENDS),
    default=DEFAULT_BACKEND,
    show_default=True,
    help="What trains: the kernel, which says where it can't, or torch; auto takes the kernel for "
    "all that it can train.",
)


def load_topics(folder: Path) -> Snapshot:
    """The topics of the folder; files that can't be served are among its diagnostics."""
    from quizserver.topics.library import Library

    return Library(folder).snapshot()


def require_topic(snapshot: Snapshot, topic_id: str) -> Topic:
    """The topic with this id. Raises click.UsageError, which lists the ids that there are."""
    if topic_id not in snapshot.topics:
        raise click.UsageError(
            f"There is no topic {topic_id!r}; there are {', '.join(snapshot.topics) or 'none'}."
        )
    return snapshot.topics[topic_id]
