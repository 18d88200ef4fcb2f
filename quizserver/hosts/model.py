"""A web process as it states itself to the others, and what is current. Plain values."""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from quizserver import __version__
from quizserver.machine import this_machine


@dataclass(frozen=True, slots=True)
class ProcessIdentity:
    """What does not change while a process runs.

    ``machine`` is the id of its machine and ``name`` the name; ``key_fingerprint`` is equal for two
    processes exactly when their secret keys are.
    """

    id: str
    machine: str
    name: str
    version: str
    key_fingerprint: str


def identify_process(data: Path, secret: str) -> ProcessIdentity:
    """The identity of this process: ``data`` is its data folder, ``secret`` its secret key."""
    machine = this_machine(data)
    return ProcessIdentity(
        id=secrets.token_hex(16),
        machine=machine.id,
        name=machine.name,
        version=__version__,
        key_fingerprint=key_fingerprint(secret),
    )


def key_fingerprint(secret: str) -> str:
    """32 hex digits that tell two keys apart, and from which no key can be computed."""
    return hmac.new(secret.encode(), b"quizserver key fingerprint", "sha256").hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Release:
    """A change of what is current: ``digest`` is of all files from then on.

    ``origin`` is "browser" (published by the account ``email``), "disk" (a file changed on the
    machine ``host_name``) or "command" (announced there on the command line).
    """

    id: int
    digest: str
    origin: str
    host_name: str
    email: str | None
    released_at: datetime


@dataclass(frozen=True, slots=True)
class ProcessStatement:
    """A web process as its row has it.

    ``content_digest`` is None until it has compared its files with the current ones; it differs in
    ``differing_count`` of them, the first of which are ``differing_paths``.
    """

    id: str
    machine: str
    name: str
    version: str
    key_fingerprint: str
    content_digest: str | None
    differing_count: int
    differing_paths: tuple[str, ...]
    started_at: datetime
    seen_at: datetime
