"""``quizserver serve``: one command starts everything, one signal stops everything."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest
from click.testing import CliRunner

from quizserver import serve
from quizserver.cli import main
from quizserver.runs.service import UnreachableError, check_backends
from quizserver.settings import Settings
from tests.serve.server import Browser, Server, alive, serving

pytestmark = pytest.mark.slow


def cli(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "quizserver.cli", *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        env=os.environ | environment,
    )


def wait_until_gone(pids: set[int], seconds: float = 10) -> set[int]:
    until = time.monotonic() + seconds
    while alive(pids) and time.monotonic() < until:
        time.sleep(0.1)
    return alive(pids)


def test_one_signal_stops_everything_and_leaves_no_process(tmp_path: Path, content: Path):
    with serving(tmp_path / "data", content) as server:
        tree = server.tree()
        assert len(tree) >= 3, "supervisor, web and worker"
        code, seconds = server.stop(signal.SIGTERM)
        assert code == 0
        assert seconds < 5
        assert wait_until_gone(tree, 1) == set()


def test_a_supervisor_that_is_killed_outright_leaves_no_process_either(
    tmp_path: Path, content: Path
):
    with serving(tmp_path / "data", content) as server:
        tree = server.tree()
        server.stop(signal.SIGKILL)
        assert wait_until_gone(tree) == set()


def test_ctrl_c_stops_it_in_time_while_a_run_trains_and_its_stream_is_open(tmp_path: Path):
    with serving(tmp_path / "data") as server:
        browser = Browser(server.url)
        browser.answer("strange-loss", "low-rate")
        body = {"topic": "strange-loss", "simulation": "simulation", "arm": "healthy"}
        status, run = browser.post_json("/runs", body | {"replicas": 64}, browser.token())
        assert status in {200, 202}
        seen = threading.Event()

        def watch() -> None:
            try:
                for name, _ in browser.stream(run["events"]):
                    if name == "points":
                        seen.set()
            except OSError:
                pass

        threading.Thread(target=watch, daemon=True).start()
        assert seen.wait(60)
        tree = server.tree()
        code, seconds = server.stop(signal.SIGINT)
        assert code == 0
        assert seconds < 5
        assert wait_until_gone(tree, 1) == set()


def test_an_acknowledged_answer_survives_kill_9_at_any_moment(tmp_path: Path, content: Path):
    data = tmp_path / "data"
    acknowledged = 0
    jar = None
    for round_number in range(3):
        with serving(data, content) as server:
            browser = Browser(server.url, jar)
            jar = browser.jar
            assert len(browser.attempts()) >= acknowledged
            acknowledged = len(browser.attempts())
            stop = threading.Event()

            def keep_answering(browser: Browser = browser, stop: threading.Event = stop) -> None:
                nonlocal acknowledged
                while not stop.is_set():
                    try:
                        browser.answer("even", "two")
                    except Exception:  # the server is gone
                        return
                    acknowledged += 1

            thread = threading.Thread(target=keep_answering)
            thread.start()
            time.sleep(1 + 0.3 * round_number)
            for pid in sorted(server.tree(), reverse=True):
                os.kill(pid, signal.SIGKILL)
            stop.set()
            thread.join(30)
        assert acknowledged > 0
    with serving(data, content) as server:
        assert jar is not None
        kept = Browser(server.url, jar).attempts()
    # At most the one answer whose acknowledgement was on its way may be there in addition, a round.
    assert acknowledged <= len(kept) <= acknowledged + 3
    assert [a["number"] for a in kept] == list(range(1, len(kept) + 1))


def test_a_worker_and_a_web_process_that_die_are_started_again(tmp_path: Path):
    with serving(tmp_path / "data") as server:
        browser = Browser(server.url)
        browser.answer("strange-loss", "low-rate")
        worker = _worker(server)
        os.killpg(worker, signal.SIGKILL)
        body = {"topic": "strange-loss", "simulation": "simulation", "arm": "healthy"}
        status, run = browser.post_json("/runs", body | {"replicas": 2}, browser.token())
        assert status == 202
        events = list(browser.stream(run["events"], timeout=90))
        assert events[-1][1]["state"] == "done"
        assert _worker(server) != worker

        for pid in server.tree():
            with suppress(OSError):  # the process of the run may have ended meanwhile
                if "quizserver.web_process" in Path(f"/proc/{pid}/cmdline").read_text():
                    os.kill(pid, signal.SIGKILL)
        until = time.monotonic() + 60
        while time.monotonic() < until:
            try:
                assert "The strange loss" in Browser(server.url).get("/questions/strange-loss")
                return
            except OSError:
                time.sleep(0.2)
        pytest.fail("the web process did not come back")


def test_a_child_that_was_steady_for_a_while_is_started_again_however_often(
    monkeypatch: pytest.MonkeyPatch,
):
    """A worker that dies once a month must not take the server along in half a year."""

    class StopAfterRestarts:
        requested = False

    stop_signal, child = StopAfterRestarts(), serve._start_child("worker", ["-c", ""], {})
    started: list[int] = []

    def spawn(command: list[str], environment: dict[str, str]) -> subprocess.Popen[bytes]:
        started.append(1)
        stop_signal.requested = len(started) == 2 * serve.RESTARTS
        return subprocess.Popen(command)

    monkeypatch.setattr(serve, "_spawn_process", spawn)
    monkeypatch.setattr(serve, "_sleep_unless", lambda _seconds, _ended: None)
    monkeypatch.setattr(serve, "STEADY_SECONDS", 0.0)
    assert serve._watch_children([child], {}, stop_signal) == 0  # type: ignore[arg-type]
    assert len(started) == 2 * serve.RESTARTS
    child.process.wait()
    stop_signal.requested = False
    started.clear()
    monkeypatch.setattr(serve, "STEADY_SECONDS", 3600.0)
    child.restarts = 0
    assert serve._watch_children([child], {}, stop_signal) == 1, "one that never stays is given up"  # type: ignore[arg-type]
    assert len(started) == serve.RESTARTS
    child.process.wait()


def test_a_used_port_is_one_clear_line(tmp_path: Path, content: Path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = cli(
            "serve", "--port", port, "--data", str(tmp_path / "d"), "--content", str(content)
        )
    assert done.returncode == 1
    (line,) = done.stderr.strip().splitlines()
    assert port in line
    assert "--port" in line


def test_a_data_folder_that_cannot_be_written_is_one_clear_line(tmp_path: Path, content: Path):
    (tmp_path / "file").touch()
    done = cli("serve", "--data", str(tmp_path / "file" / "data"), "--content", str(content))
    assert done.returncode == 1
    (line,) = done.stderr.strip().splitlines()
    assert str(tmp_path / "file") in line
    assert "--data" in line


@pytest.mark.parametrize(
    ("named", "told"),
    [
        ({"runs_url": "nonsense"}, "QUIZSERVER_RUNS_URL: This is no address"),
        ({"runs_url": "postgresql://nobody@127.0.0.1:1/none"}, "Can't open the store of runs"),
        ({"queue_url": "nonsense://x"}, "nonsense: is not a queue"),
        ({"queue_url": "redis://127.0.0.1:1"}, "Can't use the queue of runs: .*refused"),
        ({"queue_url": "postgresql://nobody@127.0.0.1:1/none"}, "Can't use the queue of runs"),
    ],
)
def test_runs_and_queue_that_can_not_be_reached_are_one_clear_line(
    tmp_path: Path, named: dict[str, str], told: str
):
    with pytest.raises(UnreachableError, match=told) as raised:
        check_backends(Settings(data=tmp_path, **named))  # type: ignore[arg-type]
    assert "\n" not in str(raised.value)


def test_a_broken_database_is_one_clear_line(tmp_path: Path, content: Path):
    (tmp_path / "quizserver.sqlite3").write_text("this is no database, but a very long text " * 99)
    done = cli("serve", "--port", "0", "--data", str(tmp_path), "--content", str(content))
    assert done.returncode == 1
    (line,) = done.stderr.strip().splitlines()
    assert "quizserver.sqlite3" in line


def test_damaged_files_that_can_be_computed_again_are_made_anew(tmp_path: Path):
    data = tmp_path / "data"
    with serving(data) as server:
        Browser(server.url).answer("strange-loss", "low-rate")
        server.stop()
    for name in ("queue.sqlite3", "runs.sqlite3"):
        file = data / name
        for suffix in ("-wal", "-shm"):
            Path(f"{file}{suffix}").unlink(missing_ok=True)
        file.write_bytes(file.read_bytes()[:100] + b"garbage" * 4000)
    with serving(data) as server:
        browser = Browser(server.url)
        browser.answer("strange-loss", "low-rate")
        body = {"topic": "strange-loss", "simulation": "simulation", "arm": "healthy"}
        _, run = browser.post_json("/runs", body | {"replicas": 2}, browser.token())
        assert list(browser.stream(run["events"], timeout=90))[-1][1]["state"] == "done"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["serve", "--content", "/nowhere/at/all"], "/nowhere/at/all"),
        (["serve", "--host", "no.such.host.invalid"], "--host"),
        (["serve", "--port", "99999"], "65535"),
        (["verify", "no-such-topic"], "no-such-topic"),
        (["simulate", "strange-loss/no-such-arm"], "no-such-arm"),
        (["simulate", "strange-loss/healthy", "--set", "learning_rate=fast"], "learning_rate"),
        (["simulate", "strange-loss/healthy", "--set", "learning_rate=1e9"], "must be between"),
        (["simulate", "strange-loss/healthy", "--set", "wrong=1"], "wrong"),
        (["simulate", "strange-loss/healthy", "--seeds", "9:3"], "A:B"),
    ],
)
def test_a_wrong_call_is_told_in_words(tmp_path: Path, arguments: list[str], told: str):
    if arguments[0] == "serve":
        arguments = [*arguments, "--data", str(tmp_path)]
        arguments += [] if "--port" in arguments else ["--port", "0"]
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code in {1, 2}
    assert told in done.stderr
    assert isinstance(done.exception, SystemExit), "a traceback"


def test_a_wrong_setting_is_told_by_name():
    done = cli("serve", QUIZSERVER_PORT="eighty")
    assert done.returncode == 2
    assert "QUIZSERVER_PORT" in done.stderr


def _worker(server: Server) -> int:
    """The process id (and group) of the worker that the supervisor started."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        for pid in server.tree():
            try:
                command = Path(f"/proc/{pid}/cmdline").read_text()
                group = os.getpgid(pid)
            except OSError:
                continue
            if "\0worker" in command and group == pid:
                return pid
        time.sleep(0.1)
    raise AssertionError("there is no worker")
