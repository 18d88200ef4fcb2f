"""Nobody sees a class that isn't theirs: every route of a class with every role.

A new address with a class in it fails here until it stands in ROUTES. What instructors read off the
answers (matrix, items, learners, exports) is one word each: READ.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from quizserver.accounts import sessions_store
from quizserver.accounts import store as account_store
from quizserver.accounts.current_user import ACCOUNT_KEY
from quizserver.classes import instructors_store as instructors
from quizserver.classes import join_store, store
from quizserver.classes import members_store as members
from quizserver.classes.model import Class, ClassTopic
from quizserver.classes.topics_form import topics_fingerprint
from quizserver.db.session import Database
from quizserver.db.tables import person

pytestmark = pytest.mark.one_database

NOW = datetime(2027, 3, 1, 12, tzinfo=UTC)
# Which role somebody's account has on this server; a guest has none.
ACCOUNTS = {
    "guest": None,
    "learner outside": "learner",
    "learner": "learner",
    "left learner": "learner",
    "removed learner": "learner",
    "learner of another class": "learner",
    "author": "author",
    "author as member": "author",
    "instructor": "instructor",
    "co-instructor": "instructor",
    "instructor who stepped down": "instructor",
    "instructor whose account lost the role": "learner",
    "instructor of another class": "instructor",
    "admin": "admin",
}
INSTRUCT = {"instructor", "co-instructor", "admin"}
BELONG = {"learner", "author as member", "instructor whose account lost the role"}

StatusesByKind = Mapping[str, int]


def statuses_by_kind(default: int = 404, **groups: int) -> StatusesByKind:
    """What each role gets; ``INSTRUCT`` and ``BELONG`` name groups of roles."""
    statuses = dict.fromkeys(ACCOUNTS, default)
    for group, status in groups.items():
        statuses |= dict.fromkeys({"INSTRUCT": INSTRUCT, "BELONG": BELONG}[group], status)
    return statuses


READ = statuses_by_kind(INSTRUCT=200)
CHANGE = statuses_by_kind(INSTRUCT=303)
AS_LEARNER = statuses_by_kind(BELONG=200)

# Method and rule -> what each role gets. ``learner`` is the person in an address, ``numbers`` and
# ``even`` the topic and the question of the class.
ROUTES: dict[tuple[str, str], StatusesByKind] = {
    ("GET", "/classes/<int:class_id>"): statuses_by_kind(INSTRUCT=200, BELONG=200),
    ("GET", "/classes/<int:class_id>/roster"): READ,
    ("POST", "/classes/<int:class_id>/roster/<int:person_id>/remove"): CHANGE,
    ("POST", "/classes/<int:class_id>/roster/<int:person_id>/take-back"): CHANGE,
    ("POST", "/classes/<int:class_id>/instructors"): CHANGE,
    ("POST", "/classes/<int:class_id>/instructors/<int:person_id>/remove"): CHANGE,
    ("GET", "/classes/<int:class_id>/settings"): READ,
    ("POST", "/classes/<int:class_id>/title"): CHANGE,
    ("POST", "/classes/<int:class_id>/code"): CHANGE,
    ("POST", "/classes/<int:class_id>/topics"): CHANGE,
    ("POST", "/classes/<int:class_id>/reveal"): CHANGE,
    ("GET", "/classes/<int:class_id>/delete"): READ,
    ("POST", "/classes/<int:class_id>/delete"): CHANGE,
    # An admin who is no member has no name in the class and nothing to leave.
    ("POST", "/classes/<int:class_id>/name"): statuses_by_kind(INSTRUCT=303, BELONG=303)
    | {"admin": 404},
    ("GET", "/classes/<int:class_id>/leave"): AS_LEARNER
    | {"instructor": 303, "co-instructor": 303},
    ("POST", "/classes/<int:class_id>/leave"): statuses_by_kind(INSTRUCT=303, BELONG=303)
    | {"admin": 404},
}
# The matrix and item analysis.
ROUTES |= {
    ("GET", f"/classes/<int:class_id>/{rest}"): READ
    for rest in (
        "matrix",
        "matrix.csv",
        "matrix.json",
        "matrix/window.json",
        "attempts.csv",
        "attempts.json",
        "items",
        "items.csv",
        "items.json",
        "items/<question>",
        "teach",
        "learners/<int:person_id>",
        "learners/<int:person_id>/questions/<question>",
    )
}
BODIES = {
    "/classes/<int:class_id>/instructors": {"email": "spare@example.org"},
    "/classes/<int:class_id>/title": {"title": "Another title"},
    "/classes/<int:class_id>/delete": {"title": "Nets"},
    "/classes/<int:class_id>/name": {"name": "Another name"},
    "/classes/<int:class_id>/code": {"do": "new"},
    "/classes/<int:class_id>/reveal": {"reveal": "at-once"},
    "/classes/<int:class_id>/topics": {
        "seen": topics_fingerprint([ClassTopic("numbers", 1, None)])
    },
}


@dataclass(frozen=True)
class MixedClass:
    """A class, with one person of each kind; a guest has no id."""

    class_: Class
    ids: Mapping[str, int]


@pytest.fixture
def mixed_class(database: Database) -> MixedClass:
    with database.write() as session:
        ids = {kind: _account(session, kind, role) for kind, role in ACCOUNTS.items() if role}
        _account(session, "spare", "instructor")
        for person_id in ids.values():
            sessions_store.open_session(
                session, person_id, f"token {person_id}", "", datetime.now(UTC)
            )
        other = store.create_class(session, "Other", ids["instructor of another class"], NOW)
        join_store.join_class(session, other.id, ids["learner of another class"], "", NOW)
    return MixedClass(create_class_of(database, ids), ids)


def create_class_of(database: Database, ids: Mapping[str, int]) -> Class:
    """A class with everybody in it as their kind says."""
    lost = ids["instructor whose account lost the role"]
    with database.write() as session:
        class_ = store.create_class(session, "Nets", ids["instructor"], NOW)
        store.set_class_topics(session, class_.id, [("numbers", None)])
        session.execute(sa.update(person).where(person.c.id == lost).values(role="instructor"))
        for kind, person_id in ids.items():
            if kind in BELONG or kind in {"left learner", "removed learner"}:
                join_store.join_class(session, class_.id, person_id, kind, NOW)
            if kind in {"co-instructor", "instructor who stepped down"} or person_id == lost:
                instructors.promote_to_instructor(session, class_.id, _email(kind), NOW)
        instructors.step_down_instructor(
            session, class_.id, ids["instructor who stepped down"], NOW
        )
        members.leave_class(session, class_.id, ids["left learner"], NOW)
        members.remove_learner(session, class_.id, ids["removed learner"], NOW)
        session.execute(sa.update(person).where(person.c.id == lost).values(role="learner"))
    return class_


def test_every_route_of_a_class_is_listed(app: Flask):
    routes = {
        (method, rule.rule)
        for rule in app.url_map.iter_rules()
        if "class_id" in rule.arguments
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert routes == set(ROUTES), "every route with a class needs its row in ROUTES"


@pytest.mark.parametrize("kind", ACCOUNTS)
def test_a_page_opens_to_whom_it_should(app: Flask, mixed_class: MixedClass, kind: str):
    client = sign_in(app, mixed_class, kind)
    statuses = {
        route: request_status(client, mixed_class, *route) for route in ROUTES if route[0] == "GET"
    }
    assert statuses == {
        route: expected[kind] for route, expected in ROUTES.items() if route[0] == "GET"
    }


@pytest.mark.parametrize("kind", ACCOUNTS)
def test_a_change_is_made_for_whom_it_should(
    app: Flask, database: Database, mixed_class: MixedClass, kind: str
):
    """Each in a class of its own: one change may end what the next would need."""
    client = sign_in(app, mixed_class, kind)
    token, statuses = csrf_token(client), {}
    changes = [route for route in ROUTES if route[0] == "POST"]
    for route in changes:
        fresh_class = replace(mixed_class, class_=create_class_of(database, mixed_class.ids))
        before = read_class(database, fresh_class)
        statuses[route] = request_status(client, fresh_class, *route, token)
        if statuses[route] == 404:
            assert read_class(database, fresh_class) == before, "a refused change changes nothing"
    assert statuses == {route: ROUTES[route][kind] for route in changes}


@pytest.mark.parametrize("kind", [k for k, s in READ.items() if s == 404])
def test_a_class_that_is_not_ones_own_looks_like_none(
    app: Flask, mixed_class: MixedClass, kind: str
):
    """The same page as for a class that was never there, word by word, for reading and changing."""
    client = sign_in(app, mixed_class, kind)
    token = csrf_token(client)
    for (method, rule), expected in ROUTES.items():
        if expected[kind] != 404:
            continue
        pages = []
        for class_id in (mixed_class.class_.id, 9999):
            address = fill_address(rule, mixed_class, class_id)
            body = {"csrf_token": token, **BODIES.get(rule, {})}
            response = client.open(address, method=method, data=body if method == "POST" else None)
            pages.append(_without_token(response.get_data(as_text=True)))
        assert pages[0] == pages[1], (method, rule)


STRANGERS = ["learner outside", "learner of another class", "left learner", "removed learner"]


@pytest.mark.parametrize("kind", STRANGERS)
def test_an_instructor_reads_nothing_of_who_is_not_in_the_class(
    app: Flask, mixed_class: MixedClass, kind: str
):
    """Numbers of other people in an address open nothing: not theirs, not their questions."""
    client = sign_in(app, mixed_class, "instructor")
    for method, rule in ROUTES:
        if method == "GET" and "person_id" in rule:
            with_stranger = replace(
                mixed_class, ids=dict(mixed_class.ids) | {"learner": mixed_class.ids[kind]}
            )
            assert request_status(client, with_stranger, method, rule) == 404, rule


def test_the_list_of_classes_names_nobody_elses(app: Flask, mixed_class: MixedClass):
    see_it = {kind for kind in ACCOUNTS if "Nets" in read_page(app, mixed_class, kind, "/classes")}
    former = {"left learner", "removed learner", "instructor who stepped down"}
    assert see_it == INSTRUCT | BELONG | former
    for kind in former:
        assert "No longer in" in read_page(app, mixed_class, kind, "/classes")


def test_only_who_teaches_makes_classes(app: Flask, mixed_class: MixedClass):
    allowed = {
        kind
        for kind in ACCOUNTS
        if sign_in(app, mixed_class, kind).get("/classes/new").status_code == 200
    }
    assert allowed == {kind for kind, role in ACCOUNTS.items() if role in {"instructor", "admin"}}


def test_a_guest_is_asked_to_sign_in_on_the_list_alone(app: Flask, mixed_class: MixedClass):
    response = sign_in(app, mixed_class, "guest").get("/classes")
    assert (response.status_code, response.location) == (303, "/sign-in?next=/classes")


def test_no_learner_finds_another_or_an_address_in_a_class_page(
    app: Flask, mixed_class: MixedClass
):
    text = read_page(app, mixed_class, "learner", f"/classes/{mixed_class.class_.id}")
    assert _email("instructor") in text, "the page names those who see the learner"
    for kind in ("author as member", "left learner", "removed learner"):
        assert kind not in text
        assert _email(kind) not in text


def sign_in(app: Flask, mixed_class: MixedClass, kind: str) -> FlaskClient:
    """A browser in which that person is signed in; an empty one for a guest."""
    client = app.test_client()
    if kind in mixed_class.ids:
        with client.session_transaction() as session:
            session[ACCOUNT_KEY] = f"token {mixed_class.ids[kind]}"
    return client


def read_page(app: Flask, mixed_class: MixedClass, kind: str, address: str) -> str:
    return sign_in(app, mixed_class, kind).get(address).get_data(as_text=True)


def csrf_token(client: FlaskClient) -> str:
    match = re.search('name="csrf-token" content="([^"]+)"', client.get("/").get_data(as_text=True))
    assert match is not None
    return match.group(1)


def read_class(database: Database, mixed_class: MixedClass) -> list[object]:
    with database.read() as session:
        return [
            store.find_class(session, mixed_class.class_.id),
            store.class_topics(session, mixed_class.class_.id),
            members.class_members(session, mixed_class.class_.id, state=None),
        ]


def request_status(
    client: FlaskClient, mixed_class: MixedClass, method: str, rule: str, token: str = ""
) -> int:
    body = {"csrf_token": token, **BODIES.get(rule, {})} if method == "POST" else None
    address = fill_address(rule, mixed_class, mixed_class.class_.id)
    return client.open(address, method=method, data=body).status_code


def fill_address(rule: str, mixed_class: MixedClass, class_id: int) -> str:
    """The address of a rule: its person is a learner, or where instructors go, one of two."""
    kind = "co-instructor" if "/instructors/" in rule else "learner"
    values: dict[str, Callable[[], object]] = {
        "class_id": lambda: class_id,
        "person_id": lambda: mixed_class.ids[kind],
        "question": lambda: "even",
        "topic": lambda: "numbers",
    }
    return re.sub(r"<(?:\w+:)?(\w+)>", lambda match: str(values[match.group(1)]()), rule)


def _account(session: Session, kind: str, role: str) -> int:
    account = account_store.ensure_guest(session, account_store.new_visitor_token())
    account_store.register_account(session, account.id, _email(kind), "no password fits this")
    session.execute(sa.update(person).where(person.c.id == account.id).values(role=role))
    return account.id


def _email(kind: str) -> str:
    return f"{kind.replace(' ', '-')}@example.org"


def _without_token(page: str) -> str:
    return re.sub(r'(content|value)="[^"]{40,}"', "", page)
