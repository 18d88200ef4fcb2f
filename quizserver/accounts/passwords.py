"""Hashes and verifies passwords with Argon2id, a bounded number at a time."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

# OWASP's second recommended setting for Argon2id: 19 MiB, two passes, one lane.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
# Each hash takes 19 MiB and a core while it runs, so only so many run at once. They run in threads
# of their own: the C library keeps what a thread has freed for that thread, so that a process whose
# every thread had hashed once would stay hundreds of megabytes larger.
_HASH_THREADS = ThreadPoolExecutor(min(2, os.cpu_count() or 1), thread_name_prefix="hash")
# The hash of a random password that nobody knows, with the settings above: to make one at each
# start would take as long as a sign-in.
_DUMMY_HASH = (
    "$argon2id$v=19$m=19456,t=2,p=1$Z6Br50P34/Fckv5hqa6DkQ$"
    "F37Dk23DhquRgT1Qd8/++lslxQs0rmrsmW7LXpxEhtI"
)


def hash_password(password: str) -> str:
    return _HASH_THREADS.submit(_HASHER.hash, password).result()


def verify_password(password_hash: str | None, password: str) -> bool:
    """Whether ``password`` has this hash; always False for None, the hash of an unknown account.

    None takes as long as a hash, so that the time does not reveal whether the account exists.
    """
    verification = _HASH_THREADS.submit(_HASHER.verify, password_hash or _DUMMY_HASH, password)
    try:
        matches = verification.result()
    except (VerificationError, InvalidHashError):
        return False
    return matches and password_hash is not None


def needs_rehash(password_hash: str) -> bool:
    """Whether the hash was made with weaker settings than today's."""
    return _HASHER.check_needs_rehash(password_hash)
