"""A task in a confined process: its result, its reports, and every way to end."""

from __future__ import annotations

import os
import platform
import re
import resource
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from quizserver.confined.limits import Limits
from quizserver.confined.task import Report, TaskEndedError, _decode_message, run_confined

LIMITS = Limits(memory_mb=96, seconds=60)


def failure_of(task: Callable[[Report], object], limits: Limits = LIMITS) -> TaskEndedError:
    with pytest.raises(TaskEndedError) as caught:
        run_confined(task, limits)
    return caught.value


def test_reports_and_output_come_as_they_are_made_and_then_the_result() -> None:
    heard: list[object] = []

    def task(report: Report) -> dict[str, int]:
        sys.stdout.write("printed\n")
        sys.stdout.flush()
        time.sleep(0.1)
        report({"done": 1})
        report({"done": 2})
        return {"pid": os.getpid()}

    result = run_confined(task, LIMITS, on_report=heard.append, on_output=heard.append)
    assert result["pid"] != os.getpid()
    assert heard == [b"printed\n", {"done": 1}, {"done": 2}]
    with pytest.raises(ProcessLookupError):
        os.kill(result["pid"], 0)


def test_what_a_listener_raises_ends_the_process() -> None:
    pids: list[int] = []

    def leave(pid: int) -> None:
        pids.append(pid)
        raise KeyboardInterrupt

    def task(report: Report) -> None:
        report(os.getpid())
        time.sleep(60)

    with pytest.raises(KeyboardInterrupt):
        run_confined(task, LIMITS, on_report=leave)
    with pytest.raises(ProcessLookupError):
        os.kill(pids[0], 0)


def test_memory_beyond_the_limit_ends_it_by_whatever_means_it_was_asked_for() -> None:
    def allocate_much(_report: Report) -> int:
        return len(bytearray(300 * 1024 * 1024))

    def allocate_piecemeal(_report: Report) -> int:
        pieces = []
        while len(pieces) < 300:
            pieces.append(bytearray(1024 * 1024))
        return len(pieces)

    for task in (allocate_much, allocate_piecemeal):
        ended = failure_of(task)
        assert (ended.cause, ended.how) == ("memory", "96 MiB")
    assert run_confined(lambda _report: len(bytearray(40 * 1024 * 1024)), LIMITS) == 40 * 1024**2


def test_threads_are_bounded_by_the_memory_of_their_stacks() -> None:
    def start_threads(_report: Report) -> int:
        started = 0
        with suppress(RuntimeError):
            for _ in range(1000):
                threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
                started += 1
        return started

    assert 0 < run_confined(start_threads, LIMITS) < 100


def test_time_ends_it_even_where_it_waits_in_c_and_ignores_signals() -> None:
    def match_in_c(_report: Report) -> None:
        re.match("(a+)+$", "a" * 40 + "b")

    def ignore_signals(_report: Report) -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        time.sleep(60)

    ended = failure_of(match_in_c, Limits(memory_mb=96, seconds=1))
    assert ended.cause == "time"
    assert "in match_in_c" in ended.printed, "it does not say where it was"
    started = time.monotonic()
    assert failure_of(ignore_signals, Limits(memory_mb=96, seconds=0.3)).cause == "time"
    assert time.monotonic() - started < 20


def test_output_is_bounded_and_its_end_is_kept() -> None:
    def print_forever(_report: Report) -> None:
        while True:
            os.write(2, b"y" * 1000)

    def print_some(_report: Report) -> None:
        os.write(2, b"x" * 10_000)
        raise LookupError("the last words")

    ended = failure_of(print_forever)
    assert (ended.cause, ended.how) == ("output", "more than 1024 KiB")
    ended = failure_of(print_some)
    assert (ended.cause, ended.how) == ("died", "exit code 1")
    assert ended.printed.endswith("LookupError: the last words\n")
    assert len(ended.printed) <= 8192


def test_a_result_is_bounded_too() -> None:
    with pytest.raises(TaskEndedError, match="more than 1 KiB"):
        run_confined(lambda _report: "z" * 1_000_000, LIMITS, result_kb=1)


@pytest.mark.parametrize(
    ("end", "how"),
    [
        (lambda: os._exit(7), "exit code 7"),
        (lambda: sys.exit(3), "exit code 1"),
        (lambda: os.kill(os.getpid(), signal.SIGABRT), "signal SIGABRT"),
        (lambda: os.kill(os.getpid(), signal.SIGKILL), "killed, perhaps"),
    ],
)
def test_a_death_is_described(end: Callable[[], object], how: str) -> None:
    ended = failure_of(lambda _report: end())
    assert ended.cause == "died"
    assert how in ended.how


def test_it_has_no_secret_no_open_file_and_few_rights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QUIZSERVER_SECRET_KEY", "hidden")
    with (tmp_path / "open.txt").open("w"):

        def look(_report: Report) -> dict[str, Any]:
            files = [str(Path(f"/proc/self/fd/{n}").readlink()) for n in range(3, 20)
                     if Path(f"/proc/self/fd/{n}").is_symlink()]  # fmt: skip
            return {
                "environment": sorted(os.environ),
                "files": [file for file in files if "pipe:" not in file and "/proc" not in file],
                "core": resource.getrlimit(resource.RLIMIT_CORE)[1],
                "open": resource.getrlimit(resource.RLIMIT_NOFILE)[1],
                "size": resource.getrlimit(resource.RLIMIT_FSIZE)[1],
                "own_group": os.getpgid(0) == os.getpid(),
            }

        seen = run_confined(look, LIMITS)
    assert not [name for name in seen.pop("environment") if name.startswith("QUIZSERVER")]
    assert seen == {"files": [], "core": 0, "open": 64, "size": 0, "own_group": True}


@pytest.mark.skipif(
    platform.machine() not in ("x86_64", "aarch64"), reason="the filter knows two architectures"
)
def test_no_way_to_start_a_process_or_make_a_file_is_open(tmp_path: Path) -> None:
    there = tmp_path / "there"
    there.write_text("kept")
    new = str(tmp_path / "new")
    attempts: dict[str, Callable[[], object]] = {
        "fork": os.fork,
        "posix_spawn": lambda: os.posix_spawn("/bin/true", ["true"], {}),
        "open": lambda: os.open(new, os.O_CREAT | os.O_WRONLY),
        "tmpfile": lambda: os.open(tmp_path, os.O_TMPFILE | os.O_RDWR),
        "truncate": lambda: os.truncate(there, 0),
        "ftruncate": lambda: os.ftruncate(os.open(there, os.O_RDWR), 0),
        "empty": lambda: os.open(there, os.O_WRONLY | os.O_TRUNC),
        "mkdir": lambda: os.mkdir(new),  # noqa: PTH102
        "mkfifo": lambda: os.mkfifo(new),
        "symlink": lambda: os.symlink(there, new),  # noqa: PTH211
        "link": lambda: os.link(there, new),
        "rename": lambda: os.rename(there, new),  # noqa: PTH104
        "unlink": lambda: os.unlink(there),  # noqa: PTH108
        "rmdir": lambda: os.rmdir(tmp_path),  # noqa: PTH106
        "grow": lambda: os.write(os.open(there, os.O_WRONLY | os.O_APPEND), b"more"),
        "memory": lambda: os.write(os.memfd_create("x"), b"more"),
    }

    def attempt_all(_report: Report) -> list[str]:
        succeeded = []
        for name, attempt in attempts.items():
            with suppress(OSError):
                attempt()
                succeeded.append(name)
        return succeeded

    assert run_confined(attempt_all, LIMITS) == []
    assert there.read_text() == "kept"
    assert [path.name for path in tmp_path.iterdir()] == ["there"]


NONSENSE = [
    b'{"result": 5}\n',
    b'{"result": {}}\n',
    b'{"memory": true, "line": "one"}\n',
    b"{}\n",
    b"[" * 60_000 + b"\n",
    b"no end of a line, ",
]


@pytest.mark.parametrize("written", NONSENSE, ids=range(len(NONSENSE)))
def test_what_the_code_writes_into_the_pipe_is_no_message(written: bytes) -> None:
    def write_everywhere(report: Report) -> str:
        report("the parent knows what the task reports")
        for number in range(3, 64):
            with suppress(OSError):
                os.write(number, written)
        return "a good result"

    ended = failure_of(write_everywhere)
    assert (ended.cause, ended.how) == ("died", "it wrote into the pipe of its result")


def test_a_message_is_read_strictly_even_with_its_mark() -> None:
    for text in (b"[" * 100_000, b"5", b"{}", b'{"memory": true, "line": "x"}', b'{"memory": 1}'):
        assert _decode_message(b"mark" + text, b"mark") is None
    assert _decode_message(b'mark{"result": 5}', b"mark") == {"result": 5}
    assert _decode_message(b'mark{"memory": true, "line": null}', b"mark") is not None


def test_several_threads_may_take_as_much_processor_time_as_they_all_have() -> None:
    def limit(_report: Report) -> int:
        return resource.getrlimit(resource.RLIMIT_CPU)[0]

    assert run_confined(limit, LIMITS) == 65
    assert run_confined(limit, Limits(memory_mb=96, seconds=60, threads=3)) == 185
