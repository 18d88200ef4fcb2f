"""A confined process: forked from a process that trusts itself, limited, heard, and killed at the
end. Whatever runs an author's Python runs in one.

It has no connection to a database, no secret in its environment and no open file but two pipes: one
for messages, one for whatever it prints.
"""

from __future__ import annotations

import faulthandler
import gc
import os
import re
import select
import signal
import sys
import time
import traceback
import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from quizserver.confined import limits as process_limits
from quizserver.confined.limits import Limits

# What a confined process may read from its parent's environment.
_ENVIRONMENT = (
    "PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "OMP_NUM_THREADS", "LD_LIBRARY_PATH",
    "MKL_CBWR", "ATEN_CPU_CAPABILITY",  # in which order sums of products are rounded
)  # fmt: skip
_ENVIRONMENT_PREFIXES = ("CUDA_", "NVIDIA_", "HIP_", "ROCR_")  # of accelerators
_TAIL = 8 * 1024
LONG_NICE = 19
# At this signal it prints where in the code it is.
_WHERE_SIGNAL = signal.SIGUSR2
_WHERE_SECONDS = 0.25

# Takes the writing end of the pipe for messages and returns the exit code.
Body = Callable[[int], int]


@dataclass(slots=True)
class ConfinedProcess:
    """A confined process, seen from its parent.

    Messages are read from ``pipe`` once ``wait_for_message`` says so. What it prints comes from
    ``output``; it is read meanwhile, as a process whose output nobody reads waits.
    """

    pid: int
    pipe: int
    output: int
    on_output: Callable[[bytes], None] | None = None
    printed_bytes: int = 0
    _tail: bytearray = field(default_factory=bytearray)
    _code: int | None = None
    _has_output: bool = True

    def wait_for_message(self, seconds: float) -> bool:
        """Reads what it prints until there is a message (or the end of them), at most ``seconds``;
        whether there is one."""
        poll = select.poll()
        poll.register(self.pipe, select.POLLIN)
        if self._has_output:
            poll.register(self.output, select.POLLIN)
        ready = {number for number, _events in poll.poll(seconds * 1000)}
        if self.output in ready:
            self.read_output()
        return self.pipe in ready

    def read_output(self) -> None:
        """Reads what it has printed since the last call; the end of it all is kept."""
        pieces: list[bytes] = []
        with suppress(BlockingIOError):
            # one that prints without end must not hold up its parent
            while len(pieces) < 16 and self._has_output:
                pieces.append(os.read(self.output, 1 << 16))
                self._has_output = pieces[-1] != b""
        data = b"".join(pieces)
        self.printed_bytes += len(data)
        self._tail += data
        del self._tail[:-_TAIL]
        if data and self.on_output is not None:
            self.on_output(data)

    @property
    def printed_text(self) -> str:
        """The end of what it has printed."""
        return self._tail.decode("utf-8", "replace")

    def wait_for_exit(self, seconds: float) -> int | None:
        """Its exit code (negative: the signal that killed it); None when it is still alive."""
        deadline = time.monotonic() + seconds
        while self._code is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self._code = os.waitstatus_to_exitcode(status)
            elif time.monotonic() > deadline:
                break
            else:
                self.read_output()
                time.sleep(0.005)
        return self._code

    def ask_where(self) -> None:
        """Lets it print where in the code it is, before it is killed; it may not answer."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, _WHERE_SIGNAL)
        poll = select.poll()
        poll.register(self.output, select.POLLIN)
        before = self.printed_bytes
        deadline = time.monotonic() + 2 * _WHERE_SECONDS
        # It comes in pieces: the last one is followed by silence.
        while self._has_output and time.monotonic() < deadline:
            seconds = _WHERE_SECONDS if self.printed_bytes == before else _WHERE_SECONDS / 5
            if not poll.poll(seconds * 1000):
                break
            self.read_output()

    def lower_priority(self) -> None:
        """Gives it, with everything that it starts, the last place in the line for a processor."""
        with suppress(ProcessLookupError, PermissionError):
            os.setpriority(os.PRIO_PROCESS, self.pid, LONG_NICE)

    def waited_seconds(self) -> float:
        """For how long it was ready, but others had the processors; 0 where no system tells it."""
        try:
            fields = Path(f"/proc/{self.pid}/schedstat").read_text().split()
        except OSError:
            return 0.0
        return int(fields[1]) / 1e9

    def _send_signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)

    def kill_group(self) -> None:
        """Kills the process with everything that it started, and leaves no zombie."""
        os.close(self.pipe)
        os.close(self.output)
        self._send_signal(signal.SIGKILL)
        if self._code is None:
            # It may not have made its own process group yet.
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)


def start_confined(body: Body, limits: Limits) -> ConfinedProcess:
    """Forks a process that runs ``body`` within ``limits``; to end it in time is the caller's part.

    The caller must have closed every database connection: the child shares its open files until it
    closes them, and SQLite does not survive being used on both sides of a fork.
    """
    reader, writer = os.pipe()
    output_reader, output_writer = os.pipe()
    parent = os.getpid()
    sys.stdout.flush()
    sys.stderr.flush()
    with warnings.catch_warnings():
        # Newer versions of Python warn of threads; those of torch's pools are never used here.
        warnings.simplefilter("ignore", DeprecationWarning)
        pid = os.fork()
    if pid:
        os.close(writer)
        os.close(output_writer)
        os.set_blocking(output_reader, False)
        return ConfinedProcess(pid, reader, output_reader)
    # From here on nothing may return into the parent's code, whatever happens.
    status = 1
    try:
        _drop_inherited(parent, writer, output_writer)
        process_limits.limit_process(limits)
        # The handlers are written in C: they answer even where the code waits in C itself.
        faulthandler.enable(2, all_threads=False)
        faulthandler.register(_WHERE_SIGNAL, 2, all_threads=False)
        status = body(writer)
    except BaseException:
        with suppress(BaseException):
            traceback.print_exc()
    finally:
        with suppress(BaseException):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(status)


def _drop_inherited(parent: int, writer: int, output: int) -> None:
    """Drops what belongs to the parent: signals, files, environment, process group."""
    process_limits.die_with_parent(parent)
    os.setsid()
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    os.dup2(output, 1)
    os.dup2(output, 2)
    # Its own streams, as those of the parent may be replaced by something that is no file.
    sys.stdout = os.fdopen(1, "w", encoding="utf-8", errors="replace", closefd=False)
    sys.stderr = os.fdopen(2, "w", 1, encoding="utf-8", errors="replace", closefd=False)
    null_device = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null_device, 0)
    os.closerange(3, writer)
    os.closerange(writer + 1, os.sysconf("SC_OPEN_MAX"))
    environment = {
        name: value
        for name, value in os.environ.items()
        if name in _ENVIRONMENT or name.startswith(_ENVIRONMENT_PREFIXES)
    }
    os.environ.clear()
    os.environ.update(environment)
    # No bytecode can be written, so none need be tried.
    sys.dont_write_bytecode = True
    # The objects of the parent must not be finalised in this process.
    gc.freeze()


def last_line(printed: str, path: Path) -> int | None:
    """The line of the file in which the code last said it was, crashed or out of time."""
    # the innermost call comes first
    match = re.search(rf'File "{re.escape(str(path))}", line (\d+)', printed)
    return int(match[1]) if match else None


def describe_exit(code: int | None) -> str:
    """How a process ended, in two words; ``code`` as from ``wait_for_exit``."""
    if code is None:
        return "it closed its pipe"
    if code < 0:
        with suppress(ValueError):
            return f"signal {signal.Signals(-code).name}"
        return f"signal {-code}"
    return f"exit code {code}"
