"""Runs one function in a confined process and returns what it returns, as JSON."""

from __future__ import annotations

import json
import os
import secrets
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from types import NoneType
from typing import Any, Literal

from quizserver.confined.error_text import is_memory_error
from quizserver.confined.limits import Limits
from quizserver.confined.process import ConfinedProcess, describe_exit, start_confined

TICK = 0.05  # seconds between looks at the time

Cause = Literal["time", "memory", "output", "died"]
Report = Callable[[Any], None]
# Computes a result that JSON can hold; may report progress, likewise.
Task = Callable[[Report], Any]


class TaskEndedError(Exception):
    """The process was ended or died before it had a result.

    ``printed`` is the end of what it printed, the place in the code included where it is known;
    ``how`` is the limit or the kind of death in words.
    """

    def __init__(self, cause: Cause, how: str, printed: str, line: int | None = None) -> None:
        super().__init__(f"{cause}: {how}")
        self.cause = cause
        self.how = how
        self.printed = printed
        self.line = line


def run_confined(
    task: Task,
    limits: Limits,
    *,
    result_kb: int = 65_536,
    on_report: Callable[[Any], None] = lambda _report: None,
    on_output: Callable[[bytes], None] | None = None,
    on_tick: Callable[[], None] = lambda: None,
) -> Any:
    """The result of ``task``, which runs in a confined process of its own.

    ``on_report`` gets what the task reports, ``on_output`` what it prints, as they come;
    ``on_tick`` is called at least every ``TICK`` seconds; what they raise ends the process too.
    ``result_kb`` bounds one report and the result. Raises TaskEndedError.
    """
    # Begins each message, so that what the author's code writes into the pipe is told from one.
    mark = secrets.token_hex(16).encode()
    process = start_confined(lambda writer: _run_task(task, writer, mark), limits)
    process.on_output = on_output
    try:
        return _Listener(process, limits, mark, result_kb, on_report, on_tick).wait_for_result()
    finally:
        process.kill_group()


@dataclass(slots=True)
class _Listener:
    """Listens to one process until it has given its result."""

    process: ConfinedProcess
    limits: Limits
    mark: bytes
    result_kb: int
    on_report: Callable[[Any], None]
    on_tick: Callable[[], None]

    def wait_for_result(self) -> Any:
        deadline = time.monotonic() + self.limits.seconds
        received = bytearray()
        while True:
            has_message = self.process.wait_for_message(TICK)
            self.on_tick()
            if self.process.printed_bytes > self.limits.output_kb * 1024:
                raise self._ended("output", f"more than {self.limits.output_kb} KiB")
            if has_message:
                data = os.read(self.process.pipe, 1 << 20)
                received += data
                while (end := received.find(b"\n")) >= 0:
                    message = _decode_message(bytes(received[:end]), self.mark)
                    del received[: end + 1]
                    if message is None:
                        raise self._ended("died", "it wrote into the pipe of its result")
                    if "report" not in message:
                        return self._result_of(message)
                    self.on_report(message["report"])
                if not data:
                    raise self._death()
                if len(received) > self.result_kb * 1024:
                    raise self._ended("output", f"more than {self.result_kb} KiB")
            if time.monotonic() > deadline:
                self.process.ask_where()
                raise self._ended("time", f"{self.limits.seconds:g} s")

    def _result_of(self, message: dict[str, Any]) -> Any:
        self.process.read_output()
        if "result" not in message:
            raise self._ended("memory", f"{self.limits.memory_mb} MiB", message.get("line"))
        return message["result"]

    def _death(self) -> TaskEndedError:
        code = self.process.wait_for_exit(2.0)
        if code == -signal.SIGXCPU:
            return self._ended("time", f"{self.limits.seconds:g} s")
        how = "killed, perhaps because the machine ran out of memory"
        return self._ended("died", how if code == -signal.SIGKILL else describe_exit(code))

    def _ended(self, cause: Cause, how: str, line: int | None = None) -> TaskEndedError:
        self.process.read_output()
        return TaskEndedError(cause, how, self.process.printed_text, line)


def _decode_message(line: bytes, mark: bytes) -> dict[str, Any] | None:
    """The message; None where the author's code has written something else into the pipe."""
    if not line.startswith(mark):
        return None
    try:
        message = json.loads(line[len(mark) :])
    except (ValueError, RecursionError, MemoryError):
        return None
    if not isinstance(message, dict):
        return None
    is_memory = message.get("memory") is True and type(message.get("line")) in (int, NoneType)
    if message.keys() in ({"report"}, {"result"}) or (
        message.keys() == {"memory", "line"} and is_memory
    ):
        return message
    return None


def _run_task(task: Task, writer: int, mark: bytes) -> int:
    def send(message: dict[str, Any]) -> None:
        view = memoryview(mark + json.dumps(message).encode() + b"\n")
        while view:
            view = view[os.write(writer, view) :]

    try:
        result = task(lambda report: send({"report": report}))
        sys.stdout.flush()
        sys.stderr.flush()
        send({"result": result})
    except BaseException as error:
        if not is_memory_error(error):
            raise  # which is printed, and ends the process with a code
        with suppress(MemoryError):
            send({"memory": True, "line": getattr(error, "line", None)})
    return 0
