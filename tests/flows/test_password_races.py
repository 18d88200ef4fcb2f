"""A password that changes while it is hashed: the old one opens and changes nothing any more."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import sqlalchemy as sa
from argon2 import PasswordHasher

from quizserver.accounts import pages, store
from quizserver.accounts.passwords import hash_password, needs_rehash, verify_password
from quizserver.db.session import Database
from quizserver.db.tables import browser_session, person
from tests.flows.browser_client import Visitor

ANA = "ana@example.org"
OLD, NEW, NEWEST = "correct horse", "battery staple", "paper clip 99"


def set_password(database: Database, new_hash: str) -> None:
    """As ``quizserver user password`` does."""
    with database.write() as session:
        account = store.person_by_email(session, ANA)
        assert account is not None
        store.change_password(session, account.id, new_hash)


@pytest.fixture
def change_while_hashing(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], None]:
    """Stores another hash right after the next password was verified."""

    def change_to(new_hash: str) -> None:
        def verify_then_change(stored_hash: str | None, password: str) -> bool:
            is_right = verify_password(stored_hash, password)
            monkeypatch.setattr(pages, "verify_password", verify_password)
            set_password(database, new_hash)
            return is_right

        monkeypatch.setattr(pages, "verify_password", verify_then_change)

    return change_to


def stored_hash(database: Database) -> str | None:
    with database.read() as session:
        return store.read_password_hash(session, ANA)


def test_the_old_password_opens_no_session_once_there_is_a_new_one(
    visitor: Visitor,
    new_visitor: Callable[[], Visitor],
    database: Database,
    change_while_hashing: Callable[[str], None],
):
    visitor.sign_up(ANA, OLD)
    new_hash = hash_password(NEW)
    change_while_hashing(new_hash)
    thief = new_visitor()
    thief.sign_in(ANA, OLD)
    assert thief.status == 422
    assert "belong together" in thief.text
    with database.read() as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(browser_session)) == 0
    assert stored_hash(database) == new_hash


def test_a_weaker_hash_is_not_put_over_a_new_password(
    visitor: Visitor,
    new_visitor: Callable[[], Visitor],
    database: Database,
    change_while_hashing: Callable[[str], None],
):
    visitor.sign_up(ANA, OLD)
    weak_hasher = PasswordHasher(time_cost=1, memory_cost=512, parallelism=1)
    weak_hash, new_hash = weak_hasher.hash(OLD), hash_password(NEW)
    set_password(database, weak_hash)
    change_while_hashing(new_hash)
    new_visitor().sign_in(ANA, OLD)
    assert stored_hash(database) == new_hash
    with database.write() as session:
        account_id = session.scalar(sa.select(person.c.id).where(person.c.email == ANA))
        assert account_id is not None
        store.upgrade_password_hash(session, account_id, weak_hash, hash_password(OLD))
    assert stored_hash(database) == new_hash


def test_a_sign_in_still_counts_when_another_one_hashed_the_password_anew(
    visitor: Visitor,
    new_visitor: Callable[[], Visitor],
    database: Database,
    change_while_hashing: Callable[[str], None],
):
    visitor.sign_up(ANA, OLD)
    assert not needs_rehash(stored_hash(database) or "")
    change_while_hashing(hash_password(OLD))
    browser = new_visitor()
    browser.sign_in(ANA, OLD)
    assert ANA in browser.open("/account")


def test_the_old_password_neither_changes_nor_deletes_the_account_of_a_new_one(
    visitor: Visitor,
    database: Database,
    change_while_hashing: Callable[[str], None],
):
    visitor.sign_up(ANA, OLD)
    new_hash = hash_password(NEW)
    visitor.open("/account/password")
    change_while_hashing(new_hash)
    visitor.send("/account/password", password=OLD, new_password=NEWEST)
    assert visitor.status == 422
    assert stored_hash(database) == new_hash
    visitor.sign_in(ANA, NEW)
    visitor.open("/account/delete")
    newest_hash = hash_password(NEWEST)
    change_while_hashing(newest_hash)
    visitor.send("/account/delete", password=NEW)
    assert visitor.status == 422
    assert stored_hash(database) == newest_hash
