"""What a confined process may use. It runs its author's code: trusted, but fallible."""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from quizserver.confined.system_calls import deny_processes_and_files

_PR_SET_PDEATHSIG = 1
_FILES = 64
_PROCESSES = 4096
_NICE = 10

# Loaded before any fork, so that a child only calls it.
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


@dataclass(frozen=True, slots=True)
class Limits:
    """What one confined process may use: MiB of memory on top of what it was forked with, seconds
    of wall-clock time, and KiB that it prints.

    ``accelerator``: it trains on one, whose driver reserves far more addresses than it uses, and
    may make files and start processes. Only time and output are limited then. ``threads``: so many
    may compute at the same time.
    """

    memory_mb: int
    seconds: float
    output_kb: int = 1024
    accelerator: bool = False
    threads: int = 1


def die_with_parent(parent: int, signal_number: signal.Signals = signal.SIGKILL) -> None:
    """Asks the kernel to send this process a signal when its parent dies, however that dies.

    Elsewhere than on Linux a process notices only when it next writes to its pipe.
    """
    if _libc is not None:
        _libc.prctl(_PR_SET_PDEATHSIG, signal_number, 0, 0, 0)
    if os.getppid() != parent:  # it died before the kernel was asked
        os._exit(1)


def limit_process(limits: Limits) -> None:
    """Limits what this process may use from now on; only its parent can end it in time.

    Memory is the address space on top of what the process has already, most of which is torch,
    shared with the process that it was forked from. An allocation beyond it fails, which Python and
    torch turn into an error with a message; waiting for the system's out-of-memory killer could
    take the machine down.
    """
    _lower_limit(resource.RLIMIT_CORE, 0)
    if limits.accelerator:
        return
    _lower_limit(resource.RLIMIT_NOFILE, _FILES)
    # No file may grow, those in memory included; pipes and devices are none.
    _lower_limit(resource.RLIMIT_FSIZE, 0)
    # The parent's own deadline is earlier; this ends a process that goes on without its parent.
    # Only the soft limit, as the signal of the hard one looks like any other kill.
    _lower_limit(resource.RLIMIT_CPU, int(limits.seconds * limits.threads) + 5)
    if sys.platform == "linux":
        _lower_limit(resource.RLIMIT_AS, _address_space_size() + limits.memory_mb * 1024 * 1024)
        with suppress(OSError):
            Path("/proc/self/oom_score_adj").write_text("1000", "ascii")
    with suppress(OSError):
        os.nice(_NICE)
    if not deny_processes_and_files():
        # The kernel counts all processes of the user here, so this only bounds a runaway fork.
        _lower_limit(resource.RLIMIT_NPROC, _PROCESSES)


def _lower_limit(resource_id: int, value: int) -> None:
    _soft, hard = resource.getrlimit(resource_id)
    if hard != resource.RLIM_INFINITY:
        value = min(value, hard)
    resource.setrlimit(resource_id, (value, hard if resource_id == resource.RLIMIT_CPU else value))


def _address_space_size() -> int:
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[0])
    return pages * resource.getpagesize()
