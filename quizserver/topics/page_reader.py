"""Reads and renders pages: small ones here, large or intricate ones in a child process.

A web process must answer others while it reads an author's text, and a regular expression holds
all threads of a process for as long as it searches. So what might take longer than a moment is done
by a child with limits of time and memory, at once; what takes a moment is rendered here, when it is
shown first. The child is started when it is needed, and ends after a while without work. A text
that a child died of is not tried again until it changes.
"""

from __future__ import annotations

import atexit
import hashlib
import logging
import os
import pickle
import selectors
import signal
import subprocess
import sys
import threading
import time
from collections import OrderedDict
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, cast

from quizserver.file_signatures import FileSignature
from quizserver.server_log import detail
from quizserver.topics.links import SiteMap
from quizserver.topics.model import Diagnostic, Question
from quizserver.topics.page_file import (
    NO_SIGNATURE,
    CachedPage,
    PageFile,
    PageTooLargeError,
    ParsedPage,
    UnrenderedPageError,
    defer_page,
    parse_page_file,
    read_page_bytes,
    repeated_characters,
)
from quizserver.topics.question import ParsedQuestion
from quizserver.topics.source_text import LARGEST_PAGE, decode_source
from quizserver.topics.tangles import costliest_line, estimate_effort

_log = logging.getLogger(__name__)

SMALL_BYTES = 16 * 1024
SMALL_EFFORT = 2000
SMALL_REPEATS = 4 * 1024  # characters of notes; one of these may be much more HTML
REMEMBERED_FAILURES = 200
_HEADER = 8  # bytes of a message's length


class PageTooSlowError(UnrenderedPageError):
    """A page whose text takes too long, or too much memory, to convert."""


@dataclass(frozen=True, slots=True)
class ReadingLimits:
    """Of one job: seconds of processor time and of a clock, MiB of memory; and when to rest."""

    cpu_seconds: int = 5
    clock_seconds: float = 20.0
    least_clock_seconds: float = 1.0  # however long it waited for its turn
    memory_mb: int = 1024
    idle_seconds: float = 30.0


class PageReader:
    """Reads and renders pages for any number of threads, with at most one child at a time."""

    def __init__(self, limits: ReadingLimits | None = None) -> None:
        self._limits = limits or ReadingLimits()
        self._child = _Child(self._limits)
        self._failures: OrderedDict[bytes, Diagnostic] = OrderedDict()
        self._failures_lock = threading.Lock()

    def load_page(
        self, content: Path, path: str, signature: FileSignature, previous: PageFile | None
    ) -> PageFile:
        """The file at ``path``. Never raises: one that cannot be read has a diagnostic."""
        data = read_page_bytes(content, path)
        if isinstance(data, Diagnostic):
            return PageFile(path, signature, None, False, (data,))
        return self.read_page(path, data, signature, previous)

    def read_page(
        self,
        path: str,
        data: bytes,
        signature: FileSignature = NO_SIGNATURE,
        previous: PageFile | None = None,
    ) -> PageFile:
        """The file at ``path`` as it is, or would be, with these bytes. Never raises."""
        if not _is_large(data) or _is_unchanged(data, previous):
            return parse_page_file(path, data, signature, previous)
        try:
            return cast(PageFile, self._ask_child(data, ("read", path, data, signature)))
        except UnrenderedPageError as error:
            return PageFile(path, signature, None, False, (error.diagnostic,))

    def render_page(
        self,
        parsed: ParsedPage,
        topic: str,
        site_map: SiteMap,
        previous: CachedPage | None = None,
    ) -> CachedPage:
        """The page of a file that can be served; a small one is rendered at its first use.

        ``previous`` is what it was before, if it was. Raises UnrenderedPageError.
        """
        data = parsed.text.encode("utf-8", "surrogatepass")
        if not _is_large(data) and repeated_characters(parsed) <= SMALL_REPEATS:
            # It takes a moment only, and can't grow beyond ``MOST_HTML``.
            return defer_page(parsed, topic, site_map, previous)
        page, resolved_urls = self._ask_child(data, ("render", parsed.path, data, topic, site_map))
        if isinstance(page, Question) and isinstance(parsed, ParsedQuestion):
            page = replace(page, parsed=parsed)
        return CachedPage(parsed, topic, page, resolved_urls)

    def close(self) -> None:
        """Ends the child, if there is one."""
        self._child.stop()

    def _ask_child(self, data: bytes, job: tuple[Any, ...]) -> Any:
        """What the child answers. Raises UnrenderedPageError, at once for what failed before."""
        digest = hashlib.sha256(data).digest()
        with self._failures_lock:
            failure = self._failures.get(digest)
        if failure is None:
            try:
                return self._child.ask(job)
            except PageTooLargeError as error:
                failure = error.diagnostic
            except _ChildError as error:
                failure = _failure_diagnostic(data, str(error))
                if not error.is_lasting:
                    raise PageTooSlowError(failure) from error
            with self._failures_lock:
                self._failures[digest] = failure
                while len(self._failures) > REMEMBERED_FAILURES:
                    self._failures.popitem(last=False)
        raise UnrenderedPageError(failure)


@cache
def shared_reader() -> PageReader:
    """The reader of this process."""
    reader = PageReader()
    atexit.register(reader.close)
    return reader


def _is_large(data: bytes) -> bool:
    """Whether a text may take longer than a moment."""
    if len(data) > LARGEST_PAGE:
        return False  # refused for its size alone
    if len(data) > SMALL_BYTES:
        return True
    return estimate_effort(data.decode("utf-8", "replace")) > SMALL_EFFORT


def _is_unchanged(data: bytes, previous: PageFile | None) -> bool:
    parsed = previous.parsed if previous is not None else None
    return parsed is not None and decode_source(data).text == parsed.text


def _failure_diagnostic(data: bytes, reason: str) -> Diagnostic:
    line = costliest_line(decode_source(data).text)
    message = f"{reason} Its costliest part begins here."
    hint = "Split it with blank lines, put it into a code block, or make two pages of this one."
    return Diagnostic(line, 1, "too-slow", message, hint, True)


class _ChildError(Exception):
    """Why the child has no answer. ``is_lasting``: the same text would fail again."""

    def __init__(self, message: str, *, is_lasting: bool = True) -> None:
        super().__init__(message)
        self.is_lasting = is_lasting


class _Child:
    """One child process, which does one job at a time; another is started when it died."""

    def __init__(self, limits: ReadingLimits) -> None:
        self._limits = limits
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._owner = os.getpid()
        self._used_at = 0.0
        self._timer: threading.Timer | None = None

    def ask(self, job: tuple[Any, ...]) -> Any:
        """What the child makes of a job. Raises _ChildError, PageTooLargeError."""
        deadline = time.monotonic() + self._limits.clock_seconds
        if not self._lock.acquire(timeout=self._limits.clock_seconds):
            raise _ChildError(
                "This text could not be read yet: others are being read.", is_lasting=False
            )
        try:
            answer = self._exchange(
                job, max(deadline, time.monotonic() + self._limits.least_clock_seconds)
            )
        finally:
            self._used_at = time.monotonic()
            self._schedule_rest()
            self._lock.release()
        kind, value = answer
        if kind == "error":
            _log.error("a page could not be read", extra=detail(value))
            raise _ChildError("This text could not be read.")
        if kind == "large":
            raise PageTooLargeError(value)
        if kind == "memory":
            raise _ChildError(f"Reading this text takes more than {self._limits.memory_mb:,} MiB.")
        return value

    def _exchange(self, job: tuple[Any, ...], deadline: float) -> tuple[str, Any]:
        process = self._running_process()
        assert process.stdin is not None, "it is a pipe"
        assert process.stdout is not None, "it is a pipe"
        message = pickle.dumps(job)
        try:
            process.stdin.write(len(message).to_bytes(_HEADER, "big") + message)
            process.stdin.flush()
            header = _read_bytes(process.stdout.fileno(), _HEADER, deadline)
            answer = _read_bytes(process.stdout.fileno(), int.from_bytes(header, "big"), deadline)
        except (OSError, EOFError) as error:
            seconds = self._limits.cpu_seconds
            returncode = self._end_process()
            if isinstance(error, TimeoutError) or returncode == -signal.SIGXCPU:
                raise _ChildError(f"This text takes more than {seconds} s to read.") from None
            raise _ChildError("The process that read this text died.") from None
        return cast(tuple[str, Any], pickle.loads(answer))

    def _running_process(self) -> subprocess.Popen[bytes]:
        if self._owner != os.getpid():  # forked: the child belongs to the process before
            self._owner, self._process, self._timer = os.getpid(), None, None
        if self._process is not None and self._process.poll() is not None:
            self._end_process()
        if self._process is None:
            package = str(Path(__file__).resolve().parents[2])
            search = os.pathsep.join(filter(None, [package, os.environ.get("PYTHONPATH")]))
            environment = {k: v for k, v in os.environ.items() if not k.startswith("QUIZSERVER_")}
            self._process = subprocess.Popen(
                _child_command(self._limits),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env={**environment, "PYTHONPATH": search},
            )
        return self._process

    def _end_process(self) -> int | None:
        process, self._process = self._process, None
        if process is None or self._owner != os.getpid():
            return None
        for pipe in (process.stdin, process.stdout):
            with suppress(OSError):
                if pipe is not None:
                    pipe.close()
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=0.2)  # it may just be dying, of a signal that tells why
        if process.poll() is None:
            process.kill()
        return process.wait()

    def _schedule_rest(self) -> None:
        if self._timer is None and self._process is not None:
            self._timer = threading.Timer(self._limits.idle_seconds, self._rest)
            self._timer.daemon = True
            self._timer.start()

    def _rest(self) -> None:
        """Ends the child when it had no work for a while."""
        with self._lock:
            self._timer = None
            if time.monotonic() - self._used_at >= self._limits.idle_seconds * 0.9:
                self._end_process()
            else:
                self._schedule_rest()

    def stop(self) -> None:
        if self._owner == os.getpid():
            with self._lock:
                self._end_process()


def _child_command(limits: ReadingLimits) -> list[str]:
    numbers = [str(limits.cpu_seconds), str(limits.memory_mb)]
    return [sys.executable, "-m", "quizserver.topics.page_reader_process", *numbers]


def _read_bytes(descriptor: int, count: int, deadline: float) -> bytes:
    """Exactly ``count`` bytes. Raises TimeoutError, or EOFError when there are fewer."""
    parts: list[bytes] = []
    with selectors.DefaultSelector() as selector:
        selector.register(descriptor, selectors.EVENT_READ)
        while count:
            if not selector.select(max(0.0, deadline - time.monotonic())):
                raise TimeoutError
            part = os.read(descriptor, min(count, 1 << 20))
            if not part:
                raise EOFError
            parts.append(part)
            count -= len(part)
    return b"".join(parts)
