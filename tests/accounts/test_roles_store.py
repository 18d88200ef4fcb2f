"""Roles in the database: every grant is in the log, and the server keeps an admin."""

from __future__ import annotations

import threading
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest

from quizserver.accounts import roles_store
from quizserver.accounts import store as people
from quizserver.accounts.model import Person
from quizserver.accounts.roles import ROLE_PERMISSIONS, role_with_article
from quizserver.audit import store as audit_store
from quizserver.db.session import Database
from quizserver.db.tables import ROLES

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def create_account(database: Database, name: str, role: str = "learner") -> Person:
    with database.write() as session:
        person = people.ensure_guest(session, name)
        people.register_account(session, person.id, f"{name}@example.org", "hash")
        roles_store.grant_role(session, person.id, role, by=None, now=NOW)
    return read_account(database, person.id)


def read_account(database: Database, person_id: int) -> Person:
    with database.read() as session:
        person = people.person_by_id(session, person_id)
    assert person is not None
    return person


def grant_role(
    database: Database, person: Person, role: str, by: Person | None, **options: object
) -> bool:
    with database.write() as session:
        return (
            roles_store.grant_role(session, person.id, role, by=by, now=NOW, **options) is not None
        )


def read_role_log(database: Database) -> list[tuple[str, str, str, str | None]]:
    with database.read() as session:
        return [(g.email, g.before, g.after, g.by) for g in roles_store.list_grants(session)]


@pytest.mark.parametrize(
    ("role", "writes", "teaches", "administers"),
    [
        ("learner", False, False, False),
        ("author", True, False, False),
        ("instructor", False, True, False),
        ("admin", True, True, True),
    ],
)
def test_each_role_has_its_permissions(
    database: Database, role: str, writes: bool, teaches: bool, administers: bool
):
    person = create_account(database, "ann", role)
    assert (person.may_write, person.may_teach, person.is_admin) == (writes, teaches, administers)


def test_every_role_is_explained():
    assert tuple(ROLE_PERMISSIONS) == ROLES
    assert [role_with_article(role) for role in ROLES] == [
        "a learner", "an author", "an instructor", "an admin",
    ]  # fmt: skip


def test_the_readme_states_every_role_in_the_words_of_the_pages():
    readme = (Path(__file__).parents[2] / "README.md").read_text("utf-8")
    for role, permission in ROLE_PERMISSIONS.items():
        assert f"| {role} | {permission} |" in readme


def test_a_grant_is_logged_with_granter_person_role_and_time(database: Database):
    boss, ann = create_account(database, "boss", "admin"), create_account(database, "ann")
    assert grant_role(database, ann, "author", boss)
    assert read_account(database, ann.id).role == "author"
    with database.read() as session:
        (newest, oldest) = roles_store.list_grants(session)
        assert roles_store.grants_of_person(session, ann.id) == [newest]
    assert (oldest.email, oldest.before, oldest.after) == ("boss@example.org", "learner", "admin")
    assert oldest.by is None
    assert (newest.email, newest.before, newest.after) == ("ann@example.org", "learner", "author")
    assert (newest.by, newest.at) == ("boss@example.org", NOW)


def test_the_same_role_again_is_no_grant(database: Database):
    boss = create_account(database, "boss", "admin")
    assert not grant_role(database, boss, "admin", boss)
    assert len(read_role_log(database)) == 1


def test_a_grant_that_is_rolled_back_leaves_neither_role_nor_log_entry(database: Database):
    ann = create_account(database, "ann")
    with pytest.raises(RuntimeError), database.write() as session:  # noqa: PT012
        roles_store.grant_role(session, ann.id, "author", by=None, now=NOW)
        raise RuntimeError
    assert (read_account(database, ann.id).role, read_role_log(database)) == ("learner", [])


def test_the_last_admin_stays_unless_it_is_forced(database: Database):
    boss = create_account(database, "boss", "admin")
    with pytest.raises(roles_store.LastAdminError, match=r"boss@example\.org is the only admin"):
        grant_role(database, boss, "learner", boss)
    with pytest.raises(roles_store.LastAdminError), database.write() as session:
        roles_store.require_another_admin(session, boss.id)
    assert read_account(database, boss.id).role == "admin"
    create_account(database, "second", "admin")
    assert grant_role(database, boss, "learner", boss)
    second = create_account(database, "second2", "author")
    assert grant_role(database, second, "learner", None)
    with database.read() as session:
        last = people.person_by_email(session, "second@example.org")
    assert last is not None
    assert grant_role(database, last, "learner", None, force=True)


def test_two_admins_who_take_each_others_role_at_once_leave_one(database: Database):
    one, two = create_account(database, "one", "admin"), create_account(database, "two", "admin")
    barrier = threading.Barrier(2)

    def take_role(by: Person, person: Person) -> None:
        barrier.wait()
        with suppress(roles_store.GrantRefusedError):
            grant_role(database, person, "learner", by)

    threads = [threading.Thread(target=take_role, args=pair) for pair in ((one, two), (two, one))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(read_account(database, p.id).role for p in (one, two)) == ["admin", "learner"]


def test_a_former_admin_grants_nothing(database: Database):
    boss, former_admin, ann = (
        create_account(database, "boss", "admin"),
        create_account(database, "former", "admin"),
        create_account(database, "ann"),
    )
    grant_role(database, former_admin, "learner", boss)
    with pytest.raises(roles_store.GrantRefusedError, match="no admin any more"):
        grant_role(database, ann, "admin", former_admin)
    assert read_account(database, ann.id).role == "learner"


def test_a_role_that_changed_meanwhile_is_not_overwritten(database: Database):
    boss, ann = create_account(database, "boss", "admin"), create_account(database, "ann", "author")
    with pytest.raises(
        roles_store.GrantRefusedError, match=r"Meanwhile somebody made .* an author"
    ):
        grant_role(database, ann, "instructor", boss, expected="learner")
    assert read_account(database, ann.id).role == "author"


def test_guests_get_no_role(database: Database):
    with database.write() as session:
        guest = people.ensure_guest(session, "guest")
    with pytest.raises(roles_store.GrantRefusedError, match="no such account"):
        grant_role(database, guest, "author", None)


def test_the_log_outlives_the_people_in_it(database: Database):
    boss, ann = create_account(database, "boss", "admin"), create_account(database, "ann")
    grant_role(database, ann, "admin", boss)
    log_before = read_role_log(database)
    with database.write() as session:
        assert audit_store.is_in_log(session, ann.id)
        people.delete_person(session, boss.id)
        people.delete_person(session, ann.id)
        assert not audit_store.is_in_log(session, ann.id)
    assert read_role_log(database) == log_before


@pytest.mark.parametrize(
    ("text", "role", "names"),
    [
        ("", None, ["ann_b", "annab", "boss"]),
        (" ANN", None, ["ann_b", "annab"]),
        ("n_b", None, ["ann_b"]),
        ("%", None, []),
        ("", "admin", ["boss"]),
        ("ann", "admin", []),
    ],
)
def test_search_takes_the_text_as_it_is(
    database: Database, text: str, role: str | None, names: list[str]
):
    create_account(database, "annab")
    create_account(database, "ann_b")
    create_account(database, "boss", "admin")
    with database.write() as session:
        people.ensure_guest(session, "guest")
    with database.read() as session:
        matches = people.search_accounts(session, text, role, offset=0, limit=10)
        assert people.count_accounts(session, text, role) == len(names)
    assert [str(p.email).partition("@")[0] for p in matches] == names
