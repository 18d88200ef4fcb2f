"""``quizserver preview`` in processes of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.serve.server import Server


class PreviewServer(Server):
    """``url`` has no path; ``start_url`` is the address that the command printed."""

    def __init__(self, *arguments: object, temporary: Path) -> None:
        command = [sys.executable, "-m", "quizserver.cli", "preview", "--port", "0"]
        self.process = subprocess.Popen(
            [*command, *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            env=os.environ | {"PYTHONUNBUFFERED": "1", "TMPDIR": str(temporary)},
        )
        self.lines: list[str] = []
        self.start_url = self._wait()
        self.url = self.start_url.partition("/preview")[0]


@contextmanager
def previewing(*arguments: object, temporary: Path) -> Iterator[PreviewServer]:
    server = PreviewServer(*arguments, temporary=temporary)
    try:
        yield server
    finally:
        server.close()
