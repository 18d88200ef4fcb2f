"""The admins' pages over HTTP: for admins alone, with a confirmation and a log."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
import sqlalchemy as sa

from quizserver.accounts import store as people
from quizserver.db.session import Database
from quizserver.db.tables import person
from tests.flows.admins import BOSS, NOW, give_role
from tests.flows.browser_client import Visitor
from tests.statements import recorded_statements

ANA = "ana@example.org"


def role_of(database: Database, email: str) -> str:
    with database.read() as session:
        account = people.person_by_email(session, email)
    assert account is not None
    return account.role


def csrf_token(visitor: Visitor) -> str:
    match = re.search(r'name="csrf-token" content="([^"]+)"', visitor.open("/account"))
    assert match is not None
    return match.group(1)


@pytest.fixture
def ana(new_visitor: Callable[[], Visitor]) -> Visitor:
    browser = new_visitor()
    browser.sign_up(ANA)
    return browser


@pytest.mark.parametrize("kind", ["nobody", "guest", "learner", "author", "instructor"])
def test_the_pages_are_missing_for_everybody_but_admins(
    kind: str, visitor: Visitor, boss: Visitor, database: Database
):
    if kind == "guest":
        visitor.answer("even", "two")
    elif kind != "nobody":
        visitor.sign_up("eve@example.org")
        give_role(database, "eve@example.org", kind)
    boss_id = give_role(database, BOSS, "admin")
    for address in ("", f"/{boss_id}", f"/{boss_id}?role=learner", "/log", "/99999"):
        visitor.open(f"/admin/people{address}")
        assert visitor.status == 404, address
        assert BOSS not in visitor.page
    visitor.post(f"/admin/people/{boss_id}", {"csrf_token": csrf_token(visitor), "role": "learner"})
    assert visitor.status == 404
    assert role_of(database, BOSS) == "admin"
    assert "/admin/people" not in visitor.open("/account")


def test_an_admin_finds_an_account_reads_what_a_role_may_do_and_grants_it(
    boss: Visitor, ana: Visitor, database: Database
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
    assert role_of(database, ANA) == "learner", "nothing is granted before it is confirmed"
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


def test_without_the_pages_token_nothing_is_granted(
    boss: Visitor, ana: Visitor, database: Database
):
    ana_id = give_role(database, ANA, "learner")
    boss.post(f"/admin/people/{ana_id}", {"role": "admin", "before": "learner"})
    assert boss.status == 400
    assert role_of(database, ANA) == "learner"


def test_an_unknown_role_is_refused(boss: Visitor, ana: Visitor, database: Database):
    ana_id = give_role(database, ANA, "learner")
    boss.post(f"/admin/people/{ana_id}", {"csrf_token": csrf_token(boss), "role": "king"})
    assert boss.status == 400
    assert role_of(database, ANA) == "learner"


def test_the_only_admin_can_neither_step_down_nor_delete_the_account(
    boss: Visitor, database: Database
):
    boss_id = give_role(database, BOSS, "admin")
    boss.open(f"/admin/people/{boss_id}?role=learner")
    assert "This is your own account" in boss.text
    boss.send(f"/admin/people/{boss_id}")
    assert boss.status == 409
    assert "is the only admin" in boss.text
    boss.open("/account/delete")
    assert "The log of the server keeps the address" in boss.text
    boss.send("/account/delete", password="correct horse")
    assert boss.status == 422
    assert "only admin" in boss.text
    assert role_of(database, BOSS) == "admin"


def test_with_a_second_admin_the_first_may_step_down_and_loses_the_pages(
    boss: Visitor, ana: Visitor, database: Database
):
    give_role(database, ANA, "admin")
    boss_id = give_role(database, BOSS, "admin")
    boss.open(f"/admin/people/{boss_id}?role=learner")
    boss.send(f"/admin/people/{boss_id}")
    assert boss.status == 200
    assert "You are a learner" in boss.text
    boss.open("/admin/people")
    assert boss.status == 404


def test_a_role_changed_meanwhile_by_another_admin_is_not_overwritten(
    boss: Visitor, ana: Visitor, database: Database
):
    ana_id = give_role(database, ANA, "learner")
    boss.open(f"/admin/people/{ana_id}?role=instructor")
    give_role(database, ANA, "author")
    boss.send(f"/admin/people/{ana_id}")
    assert boss.status == 409
    assert "Meanwhile somebody made" in boss.text
    assert role_of(database, ANA) == "author"


def test_with_twenty_thousand_accounts_a_page_runs_no_more_statements_and_shows_fifty(
    boss: Visitor, database: Database
):
    with recorded_statements() as few:
        boss.open("/admin/people")
    with database.write() as session:
        session.execute(
            sa.insert(person),
            [
                {
                    "visitor": f"v{n}",
                    "email": f"learner{n:05}@example.org",
                    "password_hash": "hash",
                    "created_at": NOW,
                }
                for n in range(20_000)
            ],
        )
    for address in ("", "?page=400", "?q=learner1", "?page=999999", "?page=x", "?role=learner"):
        with recorded_statements() as many:
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
