"""The data folder is for the server's user alone; what authors publish is for others too."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from quizserver.authoring.files import ContentFiles, page_ref
from quizserver.data_folder import prepare_folder
from quizserver.db.session import Database
from quizserver.machine import this_machine
from quizserver.runs.queue import RunQueue
from quizserver.serve import prepare_server
from quizserver.settings import Settings
from quizserver.start import prepare_databases


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture(autouse=True)
def usual_umask() -> Iterator[None]:
    earlier = os.umask(0o022)
    yield
    os.umask(earlier)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "content").mkdir()
    return Settings(data=tmp_path / "above" / "data", content=tmp_path / "content", port=0)


def test_what_a_server_makes_in_its_data_folder_only_its_user_may_read(
    settings: Settings, capsys: pytest.CaptureFixture[str]
):
    prepare_server(settings)
    assert (mode(settings.data), mode(settings.data.parent)) == (0o700, 0o755)
    assert capsys.readouterr().err == ""
    prepare_databases(settings)
    this_machine(settings.data)
    database, queue = Database(settings.data_url), RunQueue(settings.broker_url)
    queue.send_run("1")
    with database.read():  # SQLite's log is there while a database is open
        modes = {path.name: mode(path) for path in settings.data.iterdir()}
    queue.close()
    database.dispose()
    assert {"quizserver.sqlite3", "runs.sqlite3", "queue.sqlite3", "secret_key"} <= modes.keys()
    assert {name: oct(bits) for name, bits in modes.items() if bits != 0o600} == {}


def test_a_page_that_is_published_can_be_read_by_others_all_the_same(settings: Settings):
    prepare_server(settings)
    prepare_databases(settings)
    files, ref = ContentFiles(settings.content), page_ref("fresh", "lesson.md")
    files.write_page(ref, "# Fresh\n", expected_digest=None)
    path = settings.content / ref.path
    assert (mode(path), mode(path.parent)) == (0o644, 0o755)


def test_a_folder_that_others_may_enter_keeps_its_mode_and_a_start_says_so_once(
    settings: Settings, capsys: pytest.CaptureFixture[str]
):
    settings.data.mkdir(parents=True)
    old = settings.data / "quizserver.sqlite3"
    old.touch()
    prepare_server(settings)
    assert (mode(settings.data), mode(old)) == (0o755, 0o644)
    [line] = capsys.readouterr().err.splitlines()
    assert f"{settings.data} is open to other users of this machine (mode 0755)" in line
    assert line.endswith("chmod 700 it.")
    prepare_databases(settings)
    assert mode(settings.data / "runs.sqlite3") == 0o600
    settings.data.chmod(0o700)
    prepare_server(settings)
    assert capsys.readouterr().err == ""


def test_a_folder_is_made_by_every_command_for_its_owner_alone(tmp_path: Path):
    prepare_folder(tmp_path / "a" / "b")
    assert mode(tmp_path / "a" / "b") == 0o700
    assert list((tmp_path / "a" / "b").iterdir()) == []
