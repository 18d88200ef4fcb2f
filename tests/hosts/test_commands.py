"""``quizserver content``: which files are current, and going back to older ones on purpose."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import sqlalchemy as sa
from click.testing import CliRunner, Result

from quizserver.app import create_app
from quizserver.cli import main
from quizserver.db.session import Database
from quizserver.hosts.host import Host
from quizserver.settings import Settings

pytestmark = pytest.mark.one_database


def run_content(settings: Settings, *arguments: str, content: Path | None = None) -> Result:
    environment = settings.to_environment() | {"QUIZSERVER_SECRET_KEY": ""}
    if content is not None:
        environment["QUIZSERVER_CONTENT"] = str(content)
    return CliRunner().invoke(main, ["content", *arguments], env=environment)


def look_once(settings: Settings) -> Host:
    """What a server with these settings finds when it starts."""
    app = create_app(settings)
    host: Host = app.extensions["quizserver-host"]
    host.look()
    app.extensions["quizserver-close"]()
    return host


def test_a_single_machine_is_current_whatever_changed_while_it_was_stopped(
    settings: Settings, caplog: pytest.LogCaptureFixture
):
    result = run_content(settings, "status")
    assert (result.exit_code, "No content is current yet" in result.output) == (0, True)
    assert look_once(settings).differing == ()
    page = settings.content / "numbers" / "sides.md"
    page.write_text(page.read_text().replace("[x]", "[ ]").replace("[ ] Four", "[x] Four"))
    result = run_content(settings, "status")
    assert (result.exit_code, "numbers/sides.md" in result.output) == (1, True)
    assert look_once(settings).differing == ()
    assert run_content(settings, "status").exit_code == 0
    page.unlink()
    assert look_once(settings).differing == ()
    assert not [line for line in caplog.messages if "differs" in line or "behind" in line]


def test_announcing_makes_older_content_current_and_is_logged(settings: Settings, tmp_path: Path):
    look_once(settings)
    older = tmp_path / "older"
    (older / "numbers").mkdir(parents=True)
    (older / "numbers" / "sides.md").write_text("# Older?\n\n- [x] Yes\n- [ ] No\n")
    result = run_content(settings, "announce", content=older)
    assert (result.exit_code, result.output) == (0, "3 files changed.\n")
    assert "current already" in run_content(settings, "announce", content=older).output
    status = json.loads(run_content(settings, "status", "--json", content=older).output)
    assert (status["current"]["origin"], status["differing"]) == ("command", [])
    status = json.loads(run_content(settings, "status", "--json").output)
    assert status["differing"] == ["numbers/even.md", "numbers/lesson.md", "numbers/sides.md"]
    database = Database(settings.data_url)
    with database.read() as session:
        events = session.execute(sa.text("SELECT action, source FROM audit_event")).all()
    database.dispose()
    assert [tuple(event) for event in events] == [("content-announced", "cli")]


def test_an_empty_folder_is_not_announced(settings: Settings, tmp_path: Path):
    look_once(settings)
    (tmp_path / "empty").mkdir()
    result = run_content(settings, "announce", content=tmp_path / "empty")
    assert result.exit_code == 1
    assert "nothing to serve" in result.output
