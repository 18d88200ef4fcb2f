"""``python -m quizserver.topics.page_reader_process CPU_SECONDS MEMORY_MIB``: reads large pages.

Jobs come on standard input and answers go to standard output, each a pickle with its length before
it. Ends when its input does, and is ended by the kernel when a job takes longer than it may.
"""

from __future__ import annotations

import os
import pickle
import resource
import signal
import sys
import traceback
from dataclasses import replace
from typing import Any, BinaryIO

from quizserver.topics.model import Question
from quizserver.topics.page_file import PageFile, PageTooLargeError, parse_page_file, render_page

_HEADER = 8
_NICE = 5


class _Jobs:
    """Does the jobs; the file that was read last is there when it is to be rendered."""

    def __init__(self) -> None:
        self._last: tuple[bytes, PageFile] | None = None

    def do(self, kind: str, path: str, data: bytes, *arguments: Any) -> Any:
        if kind == "read":
            file = parse_page_file(path, data, *arguments)
            self._last = data, file
            return file
        if self._last is None or self._last[0] != data or self._last[1].path != path:
            self._last = data, parse_page_file(path, data)
        parsed = self._last[1].parsed
        assert parsed is not None, "only what was parsed is rendered"
        cached = render_page(parsed, *arguments)
        page: Any = cached.page
        if isinstance(page, Question):
            page = replace(page, parsed=None)  # type: ignore[arg-type]  # the asking process has it
        return page, dict(cached.resolved_urls)


def serve_jobs(jobs_in: BinaryIO, answers_out: BinaryIO, cpu_seconds: int) -> None:
    """Does one job after the other until the input ends."""
    jobs = _Jobs()
    while len(header := jobs_in.read(_HEADER)) == _HEADER:
        job = pickle.loads(jobs_in.read(int.from_bytes(header, "big")))
        _allow_cpu_seconds(cpu_seconds)
        try:
            answer = pickle.dumps(("done", jobs.do(*job)))
        except PageTooLargeError as error:
            answer = pickle.dumps(("large", error.diagnostic))
        except MemoryError:
            answer = pickle.dumps(("memory", None))
        except Exception:  # the process that asked logs it
            answer = pickle.dumps(("error", traceback.format_exc()))
        answers_out.write(len(answer).to_bytes(_HEADER, "big") + answer)
        answers_out.flush()


def _allow_cpu_seconds(seconds: int) -> None:
    """Lets the process go on for so long; SIGXCPU ends it then."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    _soft, hard = resource.getrlimit(resource.RLIMIT_CPU)
    soft = int(used.ru_utime + used.ru_stime) + 1 + seconds
    resource.setrlimit(resource.RLIMIT_CPU, (soft, hard))


def main() -> None:
    cpu_seconds, memory_mb = map(int, sys.argv[1:3])
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that asks
    os.nice(_NICE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        size = memory_mb * 1024 * 1024
        resource.setrlimit(resource.RLIMIT_AS, (size, size))
    answers_out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever prints, it does not print into the answers
    serve_jobs(sys.stdin.buffer, answers_out, cpu_seconds)


if __name__ == "__main__":
    main()
