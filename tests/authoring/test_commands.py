"""``preview`` and the watching commands as an author runs them: files change, Ctrl-C ends it."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.authoring.preview_server import previewing
from tests.serve.server import HttpClient, running_processes

pytestmark = pytest.mark.slow

CLI = [sys.executable, "-m", "quizserver.cli"]


@pytest.fixture(scope="module")
def ropes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A content folder with the topic and the simulation that ``new`` writes, to be copied."""
    content = tmp_path_factory.mktemp("content")
    for arguments in (["topic", "ropes"], ["simulation", "ropes/simulation"]):
        subprocess.run([*CLI, "new", *arguments, "--content", str(content)], check=True, timeout=60)
    return content


def seconds_until(condition: Callable[[], bool], timeout: float = 20) -> float:
    started = time.monotonic()
    while time.monotonic() < started + timeout:
        if condition():
            return time.monotonic() - started
        time.sleep(0.05)
    raise AssertionError("the condition never came true")


def test_a_preview_follows_its_files_shows_errors_at_their_line_and_ends_at_once(
    tmp_path: Path, content: Path
):
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    with previewing(content / "numbers", temporary=temporary) as server:
        assert server.start_url == f"{server.url}/preview/topics/numbers"
        tree = server.tree()
        author = HttpClient(server.url)
        address = "/preview/questions/sides"
        page = author.get(address)
        assert "Right · <code>three</code>" in page

        file = content / "numbers" / "sides.md"
        state = author.get("/preview/state.json")
        file.write_text(file.read_text().replace("triangle", "trilateral"))
        took = seconds_until(lambda: author.get("/preview/state.json") != state)
        assert took < 2
        assert "trilateral" in author.get(address)

        file.write_text(file.read_text().replace("- [ ] Two", "- [v] Two"))
        seconds_until(lambda: "numbers/sides.md:3:3" in author.get(address))
        page = author.get(address)
        (marked,) = re.findall(r'excerpt-marked">(.*?)</code>', page, re.DOTALL)
        assert "- [v] Two {#two}" in marked
        assert "last good version" in page

        code, seconds = server.stop()
        assert code == 0
        assert seconds < 5
        assert running_processes(tree) == set()
    assert list(temporary.iterdir()) == [], "its data went with it"
    assert sorted(p.name for p in (content / "numbers").iterdir()) == [
        "even.md", "lesson.md", "sides.md",
    ]  # fmt: skip


def test_a_run_in_the_preview_is_trained_without_an_answer_and_by_one_worker(
    tmp_path: Path, ropes: Path
):
    content = shutil.copytree(ropes, tmp_path / "content")
    with previewing("--content", content, temporary=tmp_path) as server:
        author = HttpClient(server.url)
        page = "/preview/questions/ropes-simulation"
        seconds_until(lambda: "data-bench" in author.get(page), 60)
        assert "quizserver verify ropes --update --content" in author.get(page)
        token = re.search(r'name="csrf-token" content="([^"]+)"', author.get(page))
        assert token is not None
        run_request = {
            "topic": "ropes",
            "simulation": "simulation",
            "arm": "healthy",
            "replicas": 2,
        }
        status, run = author.post_json("/runs", run_request, token.group(1))
        assert status == 202, run
        assert list(author.stream(run["events"], timeout=90))[-1][1]["state"] == "done"


def test_a_port_in_use_is_one_line(tmp_path: Path, content: Path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = subprocess.run(
            [*CLI, "preview", str(content), "--port", port],
            capture_output=True,
            text=True,
            timeout=60,
            env=os.environ | {"TMPDIR": str(tmp_path)},
        )
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert f"127.0.0.1 port {port}" in done.stderr
    assert "--host" not in done.stderr, "a preview stays on this machine"
    assert not list(tmp_path.glob("quizserver-preview-*"))


class WatchProcess:
    """A command with ``--watch``; its lines as they come."""

    def __init__(self, *arguments: object) -> None:
        self.process = subprocess.Popen(
            [*CLI, *map(str, arguments), "--watch"],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.lines: list[str] = []
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        self.lines.extend(self.process.stdout)

    def wait_for(self, text: str, times: int = 1) -> None:
        seconds_until(lambda: "".join(self.lines).count(text) >= times, 60)

    def end(self) -> int:
        self.process.send_signal(signal.SIGINT)
        code = self.process.wait(20)
        self.reader.join(5)
        return code

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if self.process.stdout is not None:
            self.reader.join(5)
            self.process.stdout.close()


def test_check_watches_until_ctrl_c(content: Path):
    watch = WatchProcess("check", "--content", content)
    try:
        watch.wait_for("no problems.")
        file = content / "numbers" / "sides.md"
        good = file.read_text()
        file.write_text(good.replace("[x]", "[ ]"))
        watch.wait_for("1 problem.")
        assert any(line.startswith("numbers/sides.md:3:3: ") for line in watch.lines)
        file.write_text(good)
        watch.wait_for("no problems.", 2)
        assert watch.end() == 0
        assert all(re.match(r"\d\d:\d\d:\d\d  |numbers/", line) for line in watch.lines)
    finally:
        watch.close()


def test_verify_watches_until_ctrl_c(tmp_path: Path, ropes: Path):
    content = shutil.copytree(ropes, tmp_path / "content")
    watch = WatchProcess("verify", "ropes", "--seeds", "0:16", "--content", content)
    try:
        watch.wait_for("ropes: the key agrees")
        file = content / "ropes" / "ropes-simulation.md"
        text = file.read_text()
        assert "- [x] The" in text
        swapped = text.replace("- [ ] The", "- [?] The").replace("- [x] The", "- [ ] The")
        file.write_text(swapped.replace("- [?] The", "- [x] The"))
        watch.wait_for("ropes: the evidence contradicts the key")
        assert "but the key says" in "".join(watch.lines)
        assert not (content / "ropes" / "evidence.json").exists()
        assert watch.end() == 0
        assert "Traceback" not in "".join(watch.lines)
    finally:
        watch.close()


def test_a_training_is_abandoned_when_its_simulation_is_saved(tmp_path: Path, ropes: Path):
    content = shutil.copytree(ropes, tmp_path / "content")
    file = content / "ropes" / "simulation.py"
    quick = file.read_text()
    assert "        yield count" in quick
    slow = quick.replace("        yield count", "        time.sleep(5)\n        yield count")
    file.write_text(slow.replace("from torch import nn", "import time\n\nfrom torch import nn"))
    watch = WatchProcess("verify", "ropes", "--seeds", "0:16", "--content", content)
    try:
        watch.wait_for("ropes: training.")
        file.write_text(quick)
        watch.wait_for("ropes: changed meanwhile; beginning again.")
        watch.wait_for("ropes: the key agrees")
        assert watch.end() == 0
    finally:
        watch.close()


@pytest.mark.parametrize("command", ["check", "verify"])
def test_watching_prints_no_json(command: str, content: Path):
    done = subprocess.run(
        [*CLI, command, "--watch", "--json", "--content", str(content)],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 2
    assert "leave out one" in done.stderr
