"""Two machines on one database: whose key and whose content count, and what the other one says."""

from __future__ import annotations

import logging
import re
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from quizserver.app import create_app
from quizserver.attempts.pages import MACHINE_BEHIND, OTHER_TEXT
from quizserver.db.computed import open_computed
from quizserver.db.session import Database
from quizserver.hosts import releases_store, store
from quizserver.hosts.host import WRONG_KEY, Host
from quizserver.machine import this_machine
from quizserver.runs.workers_store import WorkerStore
from quizserver.settings import Settings
from tests.flows.browser_client import Visitor
from tests.postgres import Postgres

KEY = "a secret key that is long enough for every check"
OLD_KEY, NEW_KEY = "- [x] Two {#two}", "- [ ] Two {#two}"


class Machine:
    """One machine with its own data and content folders, on a database that others may share."""

    def __init__(self, folder: Path, url: str, content: Path, key: str = KEY) -> None:
        self.content = shutil.copytree(content, folder / "content")
        (folder / "data").mkdir()
        self.settings = Settings(
            data=folder / "data",
            content=self.content,
            database_url=url,
            secret_key=key,
            content_poll_seconds=3600.0,  # the tests look when they want
        )
        self.app: Flask = create_app(self.settings)
        self.app.config["TESTING"] = True
        self.host: Host = self.app.extensions["quizserver-host"]

    @property
    def page(self) -> Path:
        return self.content / "numbers" / "even.md"

    def turn_key(self) -> None:
        """Changes the key of the question on this machine's disk, as an author's editor would."""
        self.page.write_text(self.page.read_text().replace(OLD_KEY, NEW_KEY))
        self.app.extensions["quizserver-library"].refresh()

    def beat(self) -> None:
        """Shows the others that this machine is still alive."""
        database = Database(self.settings.data_url)
        with database.write() as session:
            store.state_process(session, self.host._identity)
        database.dispose()

    def visitor(self) -> Visitor:
        return Visitor(self.app.test_client())

    def close(self) -> None:
        self.app.extensions["quizserver-close"]()


@pytest.fixture
def new_machine(
    tmp_path: Path, content: Path, postgres: Postgres, quick_passwords: None
) -> Iterator[Callable[..., Machine]]:
    machines: list[Machine] = []
    with postgres.empty() as url:

        def create(name: str, **changes: Any) -> Machine:
            (tmp_path / name).mkdir()
            machines.append(Machine(tmp_path / name, url, content, **changes))
            return machines[-1]

        yield create
        for machine in machines:
            machine.close()


def attempts_of(visitor: Visitor) -> list[dict[str, Any]]:
    attempts: list[dict[str, Any]]
    attempts = visitor.client.get("/account/data.json").json.get("attempts", [])
    return attempts


def ready(machine: Machine) -> tuple[int, dict[str, Any]]:
    """The answer of ``/readyz`` once a check has ended; a loaded machine may take its time."""
    deadline = time.monotonic() + 20
    while True:
        response = machine.app.test_client().get("/readyz")
        if response.status_code == 200 or response.json["reason"] == WRONG_KEY:
            return response.status_code, response.json
        assert time.monotonic() < deadline, response.json
        time.sleep(0.05)


def test_an_answer_is_not_graded_by_an_older_key_and_the_form_is_kept(
    new_machine: Callable[..., Machine],
):
    first, second = new_machine("first"), new_machine("second")
    for machine in (first, second):
        machine.host.look()
        assert machine.host.differing == ()
    visitor = second.visitor()
    visitor.open("/questions/even")
    first.turn_key()
    first.host.look()
    # Before the second machine has looked: the database decides.
    page = visitor.send("/questions/even/answer", option=["two", "four"])
    assert visitor.status == 409
    assert MACHINE_BEHIND.replace("'", "&#39;") in page
    assert len(re.findall(r"<input[^>]*checked", page)) == 2, "the choice is still marked"
    assert "FEEDBACK" not in page
    assert attempts_of(visitor) == []
    second.host.look()
    assert second.host.differing == ("numbers/even.md",)
    assert OTHER_TEXT in visitor.open("/questions/even"), "said before anybody takes the trouble"
    assert OTHER_TEXT not in visitor.open("/questions/sides")
    assert visitor.answer("sides", "three")
    assert visitor.status == 200, "a question that is the same here is answered as always"
    # The files arrive, and what was kept can be sent.
    shutil.copy(first.page, second.page)
    second.app.extensions["quizserver-library"].refresh()
    assert visitor.answer("even", "four")
    assert visitor.status == 200
    second.host.look()
    assert OTHER_TEXT not in visitor.open("/questions/even?again=1")
    assert second.host.differing == ()
    assert [a["right"] for a in attempts_of(visitor) if a["question"] == "even"] == [True]


def test_a_question_that_was_moved_elsewhere_is_not_graded_here(
    new_machine: Callable[..., Machine],
):
    first, second = new_machine("first"), new_machine("second")
    for machine in (first, second):
        machine.host.look()
    first.turn_key()
    text = first.page.read_text()
    first.page.with_name("moved.md").write_text(f"---\nid: even\n---\n{text}")
    first.page.unlink()
    first.app.extensions["quizserver-library"].refresh()
    first.host.look()
    visitor = second.visitor()
    visitor.answer("even", "two", "four")
    assert visitor.status == 409
    assert attempts_of(visitor) == []


def test_two_processes_of_one_machine_change_over_without_an_older_grade(
    new_machine: Callable[..., Machine],
):
    """The second reads the disk a moment after the first, as its turn comes later."""
    first, second = new_machine("first"), new_machine("second")
    for machine in (first, second):
        machine.host.look()
    visitor = second.visitor()
    visitor.open("/questions/even")
    first.turn_key()
    first.host.look()
    shutil.copy(first.page, second.page)  # on the disk, but not read yet
    page = visitor.send("/questions/even/answer", option=["two", "four"])
    assert (visitor.status, "The question has been edited" in page) == (409, True)
    visitor.send("/questions/even/answer", option=["four"])
    assert visitor.status == 200, "the very next time it is graded by the newer text"
    assert [a["right"] for a in attempts_of(visitor)] == [True]


def test_another_explanation_on_the_disk_is_no_reason_to_refuse_an_answer(
    new_machine: Callable[..., Machine],
):
    first, second = new_machine("first"), new_machine("second")
    for machine in (first, second):
        machine.host.look()
    visitor = second.visitor()
    visitor.open("/questions/even")
    first.page.write_text(first.page.read_text().replace("EXPLANATION", "Another EXPLANATION"))
    first.app.extensions["quizserver-library"].refresh()
    first.host.look()
    visitor.send("/questions/even/answer", option=["two", "four"])
    assert visitor.status == 409, "the current text is not here, and nobody knows what changed"
    shutil.copy(first.page, second.page)  # on the disk, but not read yet
    visitor.send("/questions/even/answer", option=["two", "four"])
    assert visitor.status == 200
    assert [a["right"] for a in attempts_of(visitor)] == [True]


def test_a_file_edited_here_is_graded_at_once_and_then_announced(
    new_machine: Callable[..., Machine],
):
    machine = new_machine("only")
    machine.host.look()
    machine.turn_key()
    visitor = machine.visitor()
    visitor.answer("even", "four")
    assert visitor.status == 200, "not announced yet, but it is this machine that changes it"
    machine.host.look()
    visitor.answer("even", "four")
    assert visitor.status == 200
    database = Database(machine.settings.data_url)
    with database.read() as session:
        release = releases_store.newest_release(session)
        current = releases_store.current_digests(session)
    database.dispose()
    assert release is not None
    assert (release.id, release.origin) == (2, "disk")
    assert current == machine.app.extensions["quizserver-library"].digests()


def test_a_machine_that_starts_beside_another_is_behind_and_one_that_starts_alone_is_current(
    new_machine: Callable[..., Machine],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
):
    first = new_machine("first")
    first.host.look()
    second = new_machine("second")
    second.turn_key()
    second.host.look()
    assert second.host.differing == ("numbers/even.md",), "until it is known who is alive"
    first.beat()
    with caplog.at_level(logging.WARNING):
        second.host.look()
        second.host.look()
    lines = [line for line in caplog.messages if "differs from the current one" in line]
    assert len(lines) == 1, "one line"
    assert "in 1 file: numbers/even.md" in lines[0]
    assert "quizserver content announce" in lines[0]
    status, body = ready(second)
    assert status == 200, "it answers all that is the same, so it is not taken away"
    assert body["note"] == "this machine's content differs from the current one in 1 file"
    # The first one dies without a word, and a third starts with what the second has.
    third = new_machine("third")
    third.turn_key()
    third.host.look()
    assert third.host.differing
    monkeypatch.setattr(third.host._peers, "_clock", lambda: time.monotonic() + 3600)
    third.host.look()
    assert third.host.differing == (), "nobody else has stated anything since"
    second.host.look()
    assert second.host.differing == ()


def test_a_change_in_the_browser_is_current_and_a_machine_behind_does_not_undo_it(
    new_machine: Callable[..., Machine],
):
    first, second = new_machine("first"), new_machine("second")
    for machine in (first, second):
        machine.host.look()
    author = first.visitor()
    author.sign_up("ana@example.org")
    database = Database(first.settings.data_url)
    with database.write() as session:
        session.execute(sa.text("UPDATE person SET role = 'author'"))
    with first.app.app_context():
        publish(first, author, "even", "Pick the even numbers, all of them.")
    with database.read() as session:
        release = releases_store.newest_release(session)
    database.dispose()
    assert release is not None
    assert (release.origin, release.email) == ("browser", "ana@example.org")
    first.host.look()
    assert first.host.differing == ()
    second.host.look()
    assert second.host.differing == ("numbers/even.md",)
    elsewhere = second.visitor()
    elsewhere.sign_in("ana@example.org")
    page = publish(second, elsewhere, "even", "Pick some.")
    assert "has the current text of numbers/even.md" in page
    assert "Pick some." not in second.page.read_text()
    assert "Pick the even numbers, all of them." in first.page.read_text()


def test_a_file_saved_right_after_its_publication_is_announced_and_published_again(
    new_machine: Callable[..., Machine],
):
    machine = new_machine("only")
    machine.host.look()
    author = machine.visitor()
    author.sign_up("ana@example.org")
    database = Database(machine.settings.data_url)
    with database.write() as session:
        session.execute(sa.text("UPDATE person SET role = 'author'"))
    publish(machine, author, "even", "Pick the even numbers, all of them.")
    machine.turn_key()  # before the next look
    machine.host.look()
    with database.read() as session:
        current = releases_store.current_digests(session)
    database.dispose()
    assert current == machine.app.extensions["quizserver-library"].digests()
    assert machine.host.differing == (), "its own publication is no other machine's"
    page = publish(machine, author, "even", "Pick them.")
    assert "another machine" not in page.lower()


def publish(machine: Machine, visitor: Visitor, question: str, sentence: str) -> str:
    """Publishes the question with another sentence, in the browser; the page that comes then."""
    address = f"/write/numbers/{question}.md"
    visitor.open(address)
    text = machine.page.read_text().replace("Pick the even numbers.", sentence)
    visitor.send(address, text=text, do="publish")
    return visitor.page


def test_a_machine_with_another_secret_key_answers_nothing_and_signs_nobody_out(
    new_machine: Callable[..., Machine], caplog: pytest.LogCaptureFixture
):
    first = new_machine("first")
    first.host.look()
    visitor = first.visitor()
    visitor.sign_up("ana@example.org")
    second = new_machine("second", key="another key that is long enough for every check")
    second.host.look()
    second.host.look()
    assert sum("secret key of this machine" in line for line in caplog.messages) == 1
    assert ready(second) == (503, {"status": "not ready", "reason": WRONG_KEY})
    # One browser at two machines, as behind a balancer.
    cookie = visitor.client.get_cookie("session")
    assert cookie is not None
    other = second.app.test_client()
    other.set_cookie("session", cookie.value)
    for response in (other.get("/"), other.post("/questions/even/answer", data={"number": "1"})):
        assert response.status_code == 503
        assert "Set-Cookie" not in response.headers
    assert other.get("/livez").status_code == 200
    caplog.clear()
    first.host._beat_at = float("-inf")
    first.host.look()
    assert sum("another secret key than this machine" in line for line in caplog.messages) == 1
    assert "ana@example.org" in visitor.open("/account")
    assert ready(first)[0] == 200


def test_admins_see_where_the_machines_differ_and_nobody_else_sees_the_page(
    new_machine: Callable[..., Machine], caplog: pytest.LogCaptureFixture
):
    first = new_machine("first")
    first.host.look()
    visitor = first.visitor()
    database = Database(first.settings.data_url)
    for role in ("guest", "learner", "author", "instructor"):
        if role != "guest":
            if role == "learner":
                visitor.sign_up("ana@example.org")
            with database.write() as session:
                session.execute(sa.text(f"UPDATE person SET role = '{role}'"))
        visitor.open("/admin/machines")
        assert visitor.status == 404, role
        assert "/admin/machines" not in visitor.open("/account")
    with database.write() as session:
        session.execute(sa.text("UPDATE person SET role = 'admin'"))
    assert "/admin/machines" in visitor.open("/account")
    visitor.open("/admin/machines")
    assert "One machine serves this site." in visitor.text
    second = new_machine("second", key="another key that is long enough for every check")
    second.turn_key()
    second.host.look()
    content = first.content / "numbers"
    (content / "simulation.py").write_text("x = 1\n")
    first.app.extensions["quizserver-library"].refresh()
    runs = open_computed(first.settings.store_url)
    WorkerStore(runs).state_worker("w" * 32, this_machine(second.settings.data), "0.1", {})
    runs.dispose()
    page = visitor.open("/admin/machines")
    database.dispose()
    assert "Not all machines agree." in visitor.text
    assert "Its secret key is another one, so it serves no pages." in visitor.text
    assert "1 file differs from the current content: numbers/even.md." in visitor.text
    assert "1 file differs from those served here: numbers/simulation.py." in visitor.text
    assert second.host._identity.key_fingerprint not in page
    assert str(second.content) not in page


def test_a_new_key_counts_once_the_machines_with_the_old_one_are_gone(
    new_machine: Callable[..., Machine], monkeypatch: pytest.MonkeyPatch
):
    new_machine("first").host.look()
    second = new_machine("second", key="another key that is long enough for every check")
    second.host.look()
    assert second.host.has_wrong_key
    monkeypatch.setattr(second.host._peers, "_clock", lambda: time.monotonic() + 3600)
    second.host._beat_at = float("-inf")
    second.host.look()
    assert not second.host.has_wrong_key
    assert ready(second)[0] == 200
    assert second.visitor().open("/questions/even")
