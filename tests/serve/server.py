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
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any

from quizserver.settings import ENVIRONMENT_PREFIX, Settings

START_SECONDS = 90
# Many tests share an address and an account: how fast they come must not decide how they end.
LIMITS = {
    f"{ENVIRONMENT_PREFIX}{each.name.upper()}": "100000/minute"
    for each in fields(Settings)
    if each.name.startswith("limit_")
}


class Server:
    def __init__(self, data: Path, content: Path | None = None, *flags: str, port: int = 0) -> None:
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
            env=os.environ | LIMITS | {"PYTHONUNBUFFERED": "1"},
        )
        self.lines: list[str] = []
        self.url = self._wait()

    def _wait(self) -> str:
        until = time.monotonic() + START_SECONDS
        assert self.process.stdout is not None
        # A silent server must fail the test, not hang it.
        guard = threading.Timer(START_SECONDS, self.process.kill)
        guard.start()
        try:
            for line in self.process.stdout:
                self.lines.append(line)
                found = re.search(r"ready at (http://\S+?)/? ", line)
                if found:
                    return found.group(1)
                assert time.monotonic() < until
        finally:
            guard.cancel()
        raise AssertionError("the server did not start:\n" + "".join(self.lines))

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
        found, todo = set(), [self.process.pid]
        while todo:
            found.add(pid := todo.pop())
            todo += parents.get(pid, [])
        return found

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
        if self.process.stdout is not None:
            self.process.stdout.close()


@contextmanager
def serving(data: Path, content: Path | None = None, *flags: str) -> Iterator[Server]:
    server = Server(data, content, *flags)
    try:
        yield server
    finally:
        server.close()


def alive(pids: Sequence[int] | set[int]) -> set[int]:
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


class Browser:
    """Plain HTTP with a cookie jar."""

    def __init__(self, url: str, jar: http.cookiejar.CookieJar | None = None) -> None:
        self.url = url
        self.jar = jar if jar is not None else http.cookiejar.CookieJar()
        self._opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPCookieProcessor(self.jar)
        )

    def get(self, path: str, timeout: float = 30) -> str:
        with self._opener.open(self.url + path, timeout=timeout) as response:
            return str(response.read().decode())

    def stream(self, path: str, timeout: float = 60) -> Iterator[tuple[str, Any]]:
        """The events of a live curve: name and data."""
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
        fields = [(name, field(page, name)) for name in ("csrf_token", "version", "number")]
        fields += [("option", option) for option in options]
        data = urllib.parse.urlencode(fields).encode()
        with self._opener.open(f"{self.url}/questions/{question}/answer", data, 30) as response:
            return str(response.read().decode())

    def token(self) -> str:
        found = re.search(r'name="csrf-token" content="([^"]+)"', self.get("/"))
        assert found is not None
        return found.group(1)

    def attempts(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self.get("/account/data.json")).get("attempts", [])
        return found


def field(page: str, name: str) -> str:
    found = re.search(f'name="{name}" value="([^"]*)"', page)
    assert found is not None
    return found.group(1)
