"""A web process as it states itself to the others. Plain values."""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass
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
