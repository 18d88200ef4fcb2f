"""The admins' pages, through HTTP: for admins alone, with a confirmation and a log."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from quizserver.accounts import roles_store as roles
from quizserver.accounts import store as people
from quizserver.db.session import Database
from quizserver.db.tables import person
from quizserver.settings import Settings
from tests.flows.browser_client import Visitor

BOSS, ANA = "boss@example.org", "ana@example.org"
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def store(settings: Settings) -> Iterator[Database]:
    database = Database(settings.data_url)
    yield database
    database.dispose()


def become(store: Database, email: str, role: str) -> int:
    with store.write() as session:
        found = people.person_by_email(session, email)
        assert found is not None
        roles.grant_role(session, found.id, role, by=None, now=NOW)
    return found.id


def role_of(store: Database, email: str) -> str:
    with store.read() as session:
        found = people.person_by_email(session, email)
    assert found is not None
    return found.role


def token(visitor: Visitor) -> str:
    found = re.search(r'name="csrf-token" content="([^"]+)"', visitor.open("/account"))
    assert found is not None
    return found.group(1)


@pytest.fixture
def ana(new_visitor: Callable[[], Visitor]) -> Visitor:
    browser = new_visitor()
    browser.sign_up(ANA)
    return browser


@pytest.fixture
def boss(new_visitor: Callable[[], Visitor], store: Database) -> Visitor:
    browser = new_visitor()
    browser.sign_up(BOSS)
    become(store, BOSS, "admin")
    return browser


@pytest.mark.parametrize("who", ["nobody", "guest", "learner", "author", "instructor"])
def test_for_everybody_but_admins_the_pages_are_not_there(
    who: str, visitor: Visitor, boss: Visitor, store: Database
):
    if who == "guest":
        visitor.answer("even", "two")
    elif who != "nobody":
        visitor.sign_up("eve@example.org")
        become(store, "eve@example.org", who)
    boss_id = become(store, BOSS, "admin")
    for address in ("", f"/{boss_id}", f"/{boss_id}?role=learner", "/log", "/99999"):
        visitor.open(f"/admin/people{address}")
        assert visitor.status == 404, address
        assert BOSS not in visitor.page
    visitor.post(f"/admin/people/{boss_id}", {"csrf_token": token(visitor), "role": "learner"})
    assert visitor.status == 404
    assert role_of(store, BOSS) == "admin"
    assert "/admin/people" not in visitor.open("/account")


def test_an_admin_finds_somebody_is_told_what_the_role_may_do_and_grants_it(
    boss: Visitor, ana: Visitor, store: Database
):
    assert "/admin/people" in boss.open("/account")
    boss.open("/admin/people?q=ANA@")
    assert ANA in boss.page
    assert BOSS not in boss.page
    link = re.search(r'href="(/admin/people/\d+)"', boss.page)
    assert link is not None
    boss.open(link.group(1))
    assert "No role has been granted" in boss.text
    boss.open(f"{link.group(1)}?role=instructor")
    assert "make classes, and see the work of their classes" in boss.text
    assert role_of(store, ANA) == "learner", "nothing is granted before it is confirmed"
    boss.send(link.group(1))
    assert boss.status == 200
    assert "is now an instructor" in boss.text
    assert f"by {BOSS}" in boss.text
    ana.open("/account")
    assert "You are an instructor" in ana.text
    assert f"Granted by {BOSS}" in ana.text
    changes = ana.client.get("/account/data.json").json["role_changes"]
    assert [(c["before"], c["after"], c["by"]) for c in changes] == [
        ("learner", "instructor", BOSS)
    ]
    log = boss.open("/admin/people/log")
    assert ANA in log
    assert "by the server’s command line" in boss.text, "how the first admin came to be"


def test_without_the_pages_token_nothing_is_granted(boss: Visitor, ana: Visitor, store: Database):
    ana_id = become(store, ANA, "learner")
    boss.post(f"/admin/people/{ana_id}", {"role": "admin", "before": "learner"})
    assert boss.status == 400
    assert role_of(store, ANA) == "learner"


def test_a_role_that_there_is_not_is_refused(boss: Visitor, ana: Visitor, store: Database):
    ana_id = become(store, ANA, "learner")
    boss.post(f"/admin/people/{ana_id}", {"csrf_token": token(boss), "role": "king"})
    assert boss.status == 400
    assert role_of(store, ANA) == "learner"


def test_the_only_admin_can_neither_step_down_nor_go(boss: Visitor, store: Database):
    boss_id = become(store, BOSS, "admin")
    boss.open(f"/admin/people/{boss_id}?role=learner")
    assert "This is your own account" in boss.text
    boss.send(f"/admin/people/{boss_id}")
    assert boss.status == 409
    assert "is the only admin" in boss.text
    boss.open("/account/delete")
    assert "The log of roles keeps the address" in boss.text
    boss.send("/account/delete", password="correct horse")
    assert boss.status == 422
    assert "only admin" in boss.text
    assert role_of(store, BOSS) == "admin"


def test_with_another_admin_one_may_step_down_and_sees_the_pages_no_more(
    boss: Visitor, ana: Visitor, store: Database
):
    become(store, ANA, "admin")
    boss_id = become(store, BOSS, "admin")
    boss.open(f"/admin/people/{boss_id}?role=learner")
    boss.send(f"/admin/people/{boss_id}")
    assert boss.status == 200
    assert "You are a learner" in boss.text
    boss.open("/admin/people")
    assert boss.status == 404


def test_two_admins_at_one_account_are_told_of_each_other(
    boss: Visitor, ana: Visitor, store: Database
):
    ana_id = become(store, ANA, "learner")
    boss.open(f"/admin/people/{ana_id}?role=instructor")
    become(store, ANA, "author")
    boss.send(f"/admin/people/{ana_id}")
    assert boss.status == 409
    assert "Meanwhile somebody made" in boss.text
    assert role_of(store, ANA) == "author"


@contextmanager
def statements() -> Iterator[list[str]]:
    seen: list[str] = []

    def note(_c: object, _cur: object, statement: str, *_more: object) -> None:
        seen.append(statement)

    sa.event.listen(sa.Engine, "before_cursor_execute", note)
    yield seen
    sa.event.remove(sa.Engine, "before_cursor_execute", note)


def test_with_twenty_thousand_accounts_a_page_asks_no_more_and_shows_fifty(
    boss: Visitor, store: Database
):
    with statements() as few:
        boss.open("/admin/people")
    with store.write() as session:
        session.execute(
            sa.insert(person),
            [
                {
                    "visitor": f"v{n}",
                    "email": f"learner{n:05}@example.org",
                    "password_hash": "hash",
                    "session_key": "key",
                    "created_at": NOW,
                }
                for n in range(20_000)
            ],
        )
    for address in ("", "?page=400", "?q=learner1", "?page=999999", "?page=x", "?role=learner"):
        with statements() as many:
            page = boss.open(f"/admin/people{address}")
        assert boss.status == 200
        assert len(many) == len(few)
        assert 1 <= len(re.findall(r'<li class="line">', page)) <= 50
        assert len(page) < 20_000
    assert "1–50 of 20,000 accounts" in boss.text
    boss.open("/admin/people?q=learner1&role=learner")
    assert re.search(r"q=learner1&amp;role=learner|role=learner&amp;q=learner1", boss.page), (
        "the next page keeps the search"
    )
