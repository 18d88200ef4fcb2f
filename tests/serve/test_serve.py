"""``quizserver serve``: one command starts everything, one signal stops everything."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from flask import Flask
from werkzeug.serving import make_server

from quizserver import serve
from quizserver.cli import main
from quizserver.data_folder import DataFolderError, claim_data_folder, claim_serving
from quizserver.hosts.host import WRONG_KEY
from quizserver.runs.service import UnreachableError, check_backends
from quizserver.settings import Settings
from quizserver.start import prepare_databases
from tests.serve.server import START_SECONDS, HttpClient, Server, running_processes, serving

pytestmark = pytest.mark.slow


def run_cli(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "quizserver.cli", *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        env=os.environ | environment,
    )


def wait_until_gone(pids: set[int], seconds: float = 10) -> set[int]:
    deadline = time.monotonic() + seconds
    while running_processes(pids) and time.monotonic() < deadline:
        time.sleep(0.1)
    return running_processes(pids)


def test_one_signal_stops_everything_and_leaves_no_process(tmp_path: Path, content: Path):
    data = tmp_path / "data"
    with serving(data, content) as server:
        tree = server.tree()
        assert len(tree) >= 3, "supervisor, web and worker"
        with pytest.raises(DataFolderError, match="Stop it first"), claim_data_folder(data):
            pass
        code, seconds = server.stop(signal.SIGTERM)
        assert code == 0
        assert seconds < 5
        assert wait_until_gone(tree, 1) == set()
        with claim_data_folder(data):  # nothing keeps a restore away any more
            pass


def test_a_supervisor_that_is_killed_outright_leaves_no_process_either(
    tmp_path: Path, content: Path
):
    with serving(tmp_path / "data", content) as server:
        tree = server.tree()
        server.stop(signal.SIGKILL)
        assert wait_until_gone(tree) == set()


def test_a_child_that_is_just_being_started_ends_with_its_supervisor_too():
    """It still has the supervisor's handlers, which must not take the signal that is its end."""
    supervisor = os.getpid()
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGTERM, lambda _number, _frame: None)
        serve._end_with_supervisor(supervisor)
        os.kill(os.getpid(), signal.SIGTERM)  # as the kernel does when the supervisor dies
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status)
    assert os.WTERMSIG(status) == signal.SIGTERM


def test_ctrl_c_stops_it_in_time_while_a_run_trains_and_its_stream_is_open(tmp_path: Path):
    with serving(tmp_path / "data") as server:
        client = HttpClient(server.url)
        client.answer("strange-loss", "low-rate")
        body = {"topic": "strange-loss", "simulation": "simulation", "arm": "healthy"}
        status, run = client.post_json("/runs", body | {"replicas": 64}, client.token())
        assert status in {200, 202}
        has_points = threading.Event()

        def watch_stream() -> None:
            try:
                for name, _ in client.stream(run["events"]):
                    if name == "points":
                        has_points.set()
            except OSError:
                pass

        threading.Thread(target=watch_stream, daemon=True).start()
        assert has_points.wait(60)
        tree = server.tree()
        code, seconds = server.stop(signal.SIGINT)
        assert code == 0
        assert seconds < 5
        assert wait_until_gone(tree, 1) == set()


def test_an_acknowledged_answer_survives_kill_9_at_any_moment(tmp_path: Path, content: Path):
    data = tmp_path / "data"
    acknowledged = 0
    jar = None
    for round_number in range(2):
        with serving(data, content) as server:
            client = HttpClient(server.url, jar)
            jar = client.jar
            assert len(client.attempts()) >= acknowledged
            acknowledged = len(client.attempts())
            stop = threading.Event()

            def keep_answering(client: HttpClient = client, stop: threading.Event = stop) -> None:
                nonlocal acknowledged
                while not stop.is_set():
                    try:
                        client.answer("even", "two")
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
        attempts = HttpClient(server.url, jar).attempts()
    # At most the one answer whose acknowledgement was on its way may be there in addition, a round.
    assert acknowledged <= len(attempts) <= acknowledged + 2
    assert [a["number"] for a in attempts] == list(range(1, len(attempts) + 1))


def test_damaged_files_are_made_again_and_so_are_a_worker_and_a_web_process_that_die(
    tmp_path: Path,
):
    """Only files that can be computed again. One server: its start costs more than all it shows."""
    data = tmp_path / "data"
    data.mkdir(mode=0o700)
    prepare_databases(Settings(data=data))
    for name in ("queue.sqlite3", "runs.sqlite3"):
        file = data / name
        for suffix in ("-wal", "-shm"):
            Path(f"{file}{suffix}").unlink(missing_ok=True)
        file.write_bytes(file.read_bytes()[:100] + b"garbage" * 4000)
    with serving(data) as server:
        client = HttpClient(server.url)
        client.answer("strange-loss", "low-rate")
        assert "done" in train_on(client, "healthy")
        worker = _worker_pid(server)
        os.killpg(worker, signal.SIGKILL)
        assert "done" in train_on(client, "low-rate")
        assert _worker_pid(server) != worker

        web = set()
        for pid in server.tree():
            with suppress(OSError):  # the process of the run may have ended meanwhile
                if "quizserver.web_process" in Path(f"/proc/{pid}/cmdline").read_text():
                    web.add(pid)
        os.kill(min(web), signal.SIGKILL)  # granian's first process, which started the others
        assert wait_until_gone(web) == set()
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                assert "The strange loss" in HttpClient(server.url).get("/questions/strange-loss")
                return
            except OSError:
                time.sleep(0.2)
        pytest.fail("the web process did not come back")


def train_on(client: HttpClient, arm: str) -> tuple[str, ...]:
    """Asks for a run that no store holds; returns the states that its events came to."""
    body = {"topic": "strange-loss", "simulation": "simulation", "arm": arm, "replicas": 2}
    status, run = client.post_json("/runs", body, client.token())
    assert status == 202
    events = client.stream(run["events"], timeout=90)
    return tuple(data["state"] for name, data in events if name == "end")


class NoSignal:
    """In place of the supervisor's own, which would take over those of the tests."""

    requested = False

    def wait(self, _seconds: float) -> None:
        time.sleep(0.01)


@pytest.mark.parametrize("answers", [True, False])
def test_a_server_that_is_not_ready_in_time_says_why(
    app: Flask,
    settings: Settings,
    answers: bool,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    """As a machine with another secret key than its site's, which stays up and serves no page."""
    monkeypatch.setattr(serve, "READY_SECONDS", 0.5)
    monkeypatch.setattr(app.extensions["quizserver-host"]._peers, "has_wrong_key", True)
    web = serve._start_child("web", ["-c", "import time; time.sleep(60)"], {}, ())
    with make_server("127.0.0.1", 0, app) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        if answers:
            thread.start()
        else:
            server.socket.close()
        try:
            settings = replace(settings, host="127.0.0.1", port=server.server_port)
            assert not serve._wait_until_ready(settings, web, NoSignal())  # type: ignore[arg-type]
        finally:
            if answers:
                server.shutdown()
                thread.join()
            web.process.kill()
            web.process.wait()
    reason = WRONG_KEY if answers else "it did not answer"
    assert f"The web process was not ready within 0.5 s: {reason}.\n" in capsys.readouterr().err


def test_a_child_that_was_steady_for_a_while_is_started_again_however_often(
    monkeypatch: pytest.MonkeyPatch,
):
    """A worker that dies once a month must not take the server along in half a year."""

    stop_signal, child = NoSignal(), serve._start_child("worker", ["-c", ""], {}, ())
    started: list[int] = []

    def count_and_spawn(
        command: list[str], _environment: dict[str, str], _kept_files: tuple[int, ...]
    ) -> subprocess.Popen[bytes]:
        started.append(1)
        stop_signal.requested = len(started) == 2 * serve.RESTARTS
        return subprocess.Popen(command)

    monkeypatch.setattr(serve, "_spawn_process", count_and_spawn)
    monkeypatch.setattr(serve, "_sleep_unless_stopped", lambda _seconds, _stop: None)
    monkeypatch.setattr(serve, "STEADY_SECONDS", 0.0)
    assert serve._watch_children([child], {}, stop_signal) == 0  # type: ignore[arg-type]
    assert len(started) == 2 * serve.RESTARTS
    child.process.wait()
    stop_signal.requested = False
    started.clear()
    monkeypatch.setattr(serve, "STEADY_SECONDS", 3600.0)
    child.restarts = 0
    assert serve._watch_children([child], {}, stop_signal) == 1, "a child that never stays up"  # type: ignore[arg-type]
    assert len(started) == serve.RESTARTS
    child.process.wait()


def test_a_used_port_is_one_clear_line(tmp_path: Path, content: Path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        result = run_cli(
            "serve", "--port", port, "--data", str(tmp_path / "d"), "--content", str(content)
        )
    assert result.returncode == 1
    (line,) = result.stderr.strip().splitlines()
    assert port in line
    assert "--port" in line


def test_a_second_server_on_the_same_sqlite_is_one_line_that_names_the_first(
    tmp_path: Path, content: Path
):
    data = tmp_path / "d"
    data.mkdir(mode=0o700)
    held = claim_serving(data, "http://127.0.0.1:8000/")
    try:
        result = run_cli("serve", "--port", "0", "--data", str(data), "--content", str(content))
        assert result.returncode == 1
        (line,) = result.stderr.strip().splitlines()
        assert f"{data} already (process {os.getpid()}, http://127.0.0.1:8000/)" in line
    finally:
        os.close(held)
    os.close(claim_serving(data, "http://127.0.0.1:8001/"))


def test_a_data_folder_that_cannot_be_written_is_one_clear_line(tmp_path: Path, content: Path):
    (tmp_path / "file").touch()
    result = run_cli("serve", "--data", str(tmp_path / "file" / "data"), "--content", str(content))
    assert result.returncode == 1
    (line,) = result.stderr.strip().splitlines()
    assert str(tmp_path / "file") in line
    assert "--data" in line


@pytest.mark.parametrize(
    ("urls", "message"),
    [
        ({"runs_url": "nonsense"}, "QUIZSERVER_RUNS_URL: This is no address"),
        ({"runs_url": "postgresql://nobody@127.0.0.1:1/none"}, "Can't open the store of runs"),
        ({"queue_url": "nonsense://x"}, "nonsense: is not a queue"),
        ({"queue_url": "redis://127.0.0.1:1"}, "Can't use the queue of runs: .*refused"),
        ({"queue_url": "postgresql://nobody@127.0.0.1:1/none"}, "Can't use the queue of runs"),
    ],
)
def test_runs_and_queue_that_can_not_be_reached_are_one_clear_line(
    tmp_path: Path, urls: dict[str, str], message: str
):
    with pytest.raises(UnreachableError, match=message) as raised:
        check_backends(Settings(data=tmp_path, **urls))  # type: ignore[arg-type]
    assert "\n" not in str(raised.value)


def test_a_broken_database_is_one_clear_line(tmp_path: Path, content: Path):
    (tmp_path / "quizserver.sqlite3").write_text("this is no database, but a very long text " * 99)
    result = run_cli("serve", "--port", "0", "--data", str(tmp_path), "--content", str(content))
    assert result.returncode == 1
    (line,) = result.stderr.strip().splitlines()
    assert "quizserver.sqlite3" in line


@pytest.mark.parametrize(
    ("arguments", "message"),
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
def test_a_wrong_call_is_explained(tmp_path: Path, arguments: list[str], message: str):
    if arguments[0] == "serve":
        arguments = [*arguments, "--data", str(tmp_path)]
        arguments += [] if "--port" in arguments else ["--port", "0"]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code in {1, 2}
    assert message in result.stderr
    assert isinstance(result.exception, SystemExit), "a traceback"


def test_a_wrong_setting_is_named():
    result = run_cli("serve", QUIZSERVER_PORT="eighty")
    assert result.returncode == 2
    assert "QUIZSERVER_PORT" in result.stderr


def _worker_pid(server: Server) -> int:
    """The process id (and group) of the worker that the supervisor started."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
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


@pytest.fixture
def web_address(tmp_path: Path, content: Path) -> Iterator[tuple[str, int]]:
    """Host and port of a web process without the rest of a server."""
    settings = serve.prepare_server(Settings(data=tmp_path / "data", content=content, port=0))
    command = [sys.executable, "-m", "quizserver.web_process"]
    process = subprocess.Popen(command, env=os.environ | settings.to_environment())
    deadline = time.monotonic() + START_SECONDS
    try:
        while True:
            with suppress(OSError), socket.create_connection(("127.0.0.1", settings.port), 1):
                break
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
        yield "127.0.0.1", settings.port
    finally:
        process.terminate()
        process.wait(20)


def test_a_request_with_two_lengths_is_one_request(web_address: tuple[str, int]):
    """Or else what a proxy takes for a body could pass for the next visitor's request."""
    inner = b"GET /sign-in HTTP/1.1\r\nHost: x\r\n\r\n"
    lengths = b"Content-Length: %d\r\nTransfer-Encoding: chunked\r\n" % (5 + len(inner))
    head = b"POST /sign-out HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
    for smuggled in (
        head + lengths + b"\r\n0\r\n\r\n" + inner,
        head + b"Content-Length: 0\r\nContent-Length: 5\r\n\r\n" + inner,
        head + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n" + inner,
        b"TRACE / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Secret: told\r\n\r\n",
    ):
        with socket.create_connection(web_address, timeout=10) as connection:
            connection.sendall(smuggled)
            answer = b"".join(iter(lambda c=connection: c.recv(65536), b""))
        assert answer.count(b"HTTP/1.1 ") == 1, answer[:500]
        assert re.match(rb"HTTP/1\.1 4\d\d ", answer), answer[:500]
        assert b"told" not in answer
