"""Hashes and verifies passwords with Argon2id, a bounded number at a time."""

from __future__ import annotations

import os
import threading

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

# OWASP's second recommended setting for Argon2id: 19 MiB, two passes, one lane.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
# Each hash takes 19 MiB and a core while it runs, so only so many run at once.
_HASH_SLOTS = threading.BoundedSemaphore(max(1, os.cpu_count() or 1))
# The hash of a random password that nobody knows, with the settings above: to make one at each
# start would take as long as a sign-in.
_DUMMY_HASH = (
    "$argon2id$v=19$m=19456,t=2,p=1$Z6Br50P34/Fckv5hqa6DkQ$"
    "F37Dk23DhquRgT1Qd8/++lslxQs0rmrsmW7LXpxEhtI"
)


def hash_password(password: str) -> str:
    with _HASH_SLOTS:
        return _HASHER.hash(password)


def verify_password(password_hash: str | None, password: str) -> bool:
    """Whether ``password`` has this hash; always False for None, the hash of an unknown account.

    None takes as long as a hash, so that the time does not reveal whether the account exists.
    """
    with _HASH_SLOTS:
        try:
            matches = _HASHER.verify(password_hash or _DUMMY_HASH, password)
        except (VerificationError, InvalidHashError):
            return False
    return matches and password_hash is not None


def needs_rehash(password_hash: str) -> bool:
    """Whether the hash was made with weaker settings than today's."""
    return _HASHER.check_needs_rehash(password_hash)
