"""A whole server in processes of its own, started and stopped as a person would."""

from __future__ import annotations

import http.cookiejar
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any

from quizserver.settings import ENVIRONMENT_PREFIX, Settings

START_SECONDS = 90
# Many tests share an address and an account: how fast they come must not decide how they end.
LIMITS = {
    f"{ENVIRONMENT_PREFIX}{setting.name.upper()}": "100000/minute"
    for setting in fields(Settings)
    if setting.name.startswith("limit_")
}


class Server:
    """``lines`` is what it has printed; ``environment`` are variables for it alone."""

    def __init__(
        self,
        data: Path,
        content: Path | None = None,
        *flags: str,
        port: int = 0,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        command = [sys.executable, "-m", "quizserver.cli", "serve", "--port", str(port)]
        command += ["--data", str(data), *flags]
        if content is not None:
            command += ["--content", str(content)]
        self.process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            env=os.environ | LIMITS | {"PYTHONUNBUFFERED": "1"} | dict(environment or {}),
        )
        self.lines: list[str] = []
        self.url = self._wait()

    _collector: threading.Thread | None = None

    def _wait(self) -> str:
        deadline = time.monotonic() + START_SECONDS
        assert self.process.stdout is not None
        # A silent server must fail the test, not hang it.
        watchdog = threading.Timer(START_SECONDS, self.process.kill)
        watchdog.start()
        try:
            for line in self.process.stdout:
                self.lines.append(line)
                ready = re.search(r"ready at (http://\S+?)/? ", line)
                if ready:
                    # A pipe that nobody reads fills up, and then the server waits for ever.
                    self._collector = threading.Thread(target=self._collect_lines, daemon=True)
                    self._collector.start()
                    return ready.group(1)
                assert time.monotonic() < deadline
        finally:
            watchdog.cancel()
        raise AssertionError("the server did not start:\n" + "".join(self.lines))

    def _collect_lines(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line)

    def tree(self) -> set[int]:
        """The ids of every process of this server."""
        parents: dict[int, list[int]] = {}
        for entry in Path("/proc").iterdir():
            if entry.name.isdecimal():
                try:
                    stat = (entry / "stat").read_text()
                except OSError:
                    continue
                parents.setdefault(int(stat.rpartition(")")[2].split()[1]), []).append(
                    int(entry.name)
                )
        tree, pending = set(), [self.process.pid]
        while pending:
            tree.add(pid := pending.pop())
            pending += parents.get(pid, [])
        return tree

    def stop(self, number: signal.Signals = signal.SIGINT) -> tuple[int, float]:
        """Sends one signal; returns the exit code and how many seconds it took."""
        started = time.monotonic()
        self.process.send_signal(number)
        code = self.process.wait(30)
        return code, time.monotonic() - started

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        if self._collector is not None:
            self._collector.join(15)  # until the last process that could print has ended
            if self._collector.is_alive():
                return  # closing would wait for it
        assert self.process.stdout is not None
        self.process.stdout.close()


@contextmanager
def serving(data: Path, content: Path | None = None, *flags: str) -> Iterator[Server]:
    server = Server(data, content, *flags)
    try:
        yield server
    finally:
        server.close()


def running_processes(pids: Sequence[int] | set[int]) -> set[int]:
    """Which of the processes still run (a zombie that waits for its parent does not)."""
    running = set()
    for pid in pids:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue
        if state not in "ZX":
            running.add(pid)
    return running


class HttpClient:
    """A plain HTTP client with a cookie jar."""

    def __init__(self, url: str, jar: http.cookiejar.CookieJar | None = None) -> None:
        self.url = url
        self.jar = jar if jar is not None else http.cookiejar.CookieJar()
        self._opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPCookieProcessor(self.jar)
        )

    def open(self, path: str, data: bytes | None = None, timeout: float = 30) -> Any:
        """The response, an open file. Raises urllib's HTTPError for a status of 400 and above."""
        return self._opener.open(self.url + path, data, timeout)

    def get(self, path: str, timeout: float = 30) -> str:
        with self.open(path, timeout=timeout) as response:
            return str(response.read().decode())

    def stream(self, path: str, timeout: float = 60) -> Iterator[tuple[str, Any]]:
        """The events of a run: name and data."""
        with self._opener.open(self.url + path, timeout=timeout) as response:
            name = ""
            for line in response:
                text = line.decode().rstrip("\n")
                if text.startswith("event: "):
                    name = text[7:]
                elif text.startswith("data: "):
                    yield name, json.loads(text[6:])
                    if name == "end":
                        return

    def post_json(self, path: str, body: Any, token: str) -> tuple[int, Any]:
        request = urllib.request.Request(
            self.url + path,
            json.dumps(body).encode(),
            {"Content-Type": "application/json", "X-CSRFToken": token},
        )
        try:
            with self._opener.open(request, timeout=30) as response:
                return response.status, json.load(response)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)

    def answer(self, question: str, *options: str) -> str:
        page = self.get(f"/questions/{question}?again=1")
        fields = [(name, field_value(page, name)) for name in ("csrf_token", "version", "number")]
        fields += [("option", option) for option in options]
        data = urllib.parse.urlencode(fields).encode()
        with self._opener.open(f"{self.url}/questions/{question}/answer", data, 30) as response:
            return str(response.read().decode())

    def token(self) -> str:
        token = re.search(r'name="csrf-token" content="([^"]+)"', self.get("/"))
        assert token is not None
        return token.group(1)

    def attempts(self) -> list[dict[str, Any]]:
        attempts: list[dict[str, Any]]
        attempts = json.loads(self.get("/account/data.json")).get("attempts", [])
        return attempts


def field_value(page: str, name: str) -> str:
    value = re.search(f'name="{name}" value="([^"]*)"', page)
    assert value is not None
    return value.group(1)
