"""Nobody sees a class that isn't theirs: every route of a class with every role.

A new address with a class in it fails here until it stands in ROUTES. What instructors read off the
answers (matrix, items, learners, exports) is one word each: READ.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from quizserver.accounts import store as people
from quizserver.classes import instructors_store as instructors
from quizserver.classes import join_store as joining
from quizserver.classes import members_store as members
from quizserver.classes import store
from quizserver.classes.model import Class, ClassTopic
from quizserver.classes.topics_form import topics_fingerprint
from quizserver.db.session import Database
from quizserver.db.tables import person
from quizserver.settings import Settings

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

Answers = Mapping[str, int]


def answers(otherwise: int = 404, **groups: int) -> Answers:
    """What each role gets; ``INSTRUCT`` and ``BELONG`` name groups of roles."""
    given = dict.fromkeys(ACCOUNTS, otherwise)
    for group, status in groups.items():
        given |= dict.fromkeys({"INSTRUCT": INSTRUCT, "BELONG": BELONG}[group], status)
    return given


READ = answers(INSTRUCT=200)
CHANGE = answers(INSTRUCT=303)
AS_LEARNER = answers(BELONG=200)

# Method and rule -> what each role gets. ``learner`` is the person in an address, ``numbers`` and
# ``even`` the topic and the question of the class.
ROUTES: dict[tuple[str, str], Answers] = {
    ("GET", "/classes/<int:class_id>"): answers(INSTRUCT=200, BELONG=200),
    ("GET", "/classes/<int:class_id>/roster"): READ,
    ("POST", "/classes/<int:class_id>/roster/<int:person_id>/remove"): CHANGE,
    ("POST", "/classes/<int:class_id>/roster/<int:person_id>/take-back"): CHANGE,
    ("POST", "/classes/<int:class_id>/instructors"): CHANGE,
    ("POST", "/classes/<int:class_id>/instructors/<int:person_id>/remove"): CHANGE,
    ("GET", "/classes/<int:class_id>/settings"): READ,
    ("POST", "/classes/<int:class_id>/title"): CHANGE,
    ("POST", "/classes/<int:class_id>/code"): CHANGE,
    ("POST", "/classes/<int:class_id>/topics"): CHANGE,
    ("GET", "/classes/<int:class_id>/delete"): READ,
    ("POST", "/classes/<int:class_id>/delete"): CHANGE,
    # An admin who is no member has no name in the class and nothing to leave.
    ("POST", "/classes/<int:class_id>/name"): answers(INSTRUCT=303, BELONG=303) | {"admin": 404},
    ("GET", "/classes/<int:class_id>/leave"): AS_LEARNER
    | {"instructor": 303, "co-instructor": 303},
    ("POST", "/classes/<int:class_id>/leave"): answers(INSTRUCT=303, BELONG=303) | {"admin": 404},
}
# What instructors read off the answers.
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
    "/classes/<int:class_id>/topics": {
        "seen": topics_fingerprint([ClassTopic("numbers", 1, None)])
    },
}


@dataclass(frozen=True)
class School:
    """A class and one person of each kind; ``ids`` are their rows, none for a guest."""

    room: Class
    ids: Mapping[str, int]
    keys: Mapping[str, str]


@pytest.fixture
def database(app: Flask, settings: Settings) -> Iterator[Database]:
    """The store of the application."""
    store_of_app = Database(settings.data_url)
    yield store_of_app
    store_of_app.dispose()


@pytest.fixture
def school(database: Database) -> School:
    with database.write() as session:
        ids = {kind: _account(session, kind, role) for kind, role in ACCOUNTS.items() if role}
        _account(session, "spare", "instructor")
        keys = {kind: people.person_by_id(session, who).get_id() for kind, who in ids.items()}
        other = store.create_class(session, "Other", ids["instructor of another class"], NOW)
        joining.join_class(session, other.id, ids["learner of another class"], "", NOW)
    return School(new_room(database, ids), ids, keys)


def new_room(database: Database, ids: Mapping[str, int]) -> Class:
    """A class with everybody in it as their kind says."""
    lost = ids["instructor whose account lost the role"]
    with database.write() as session:
        room = store.create_class(session, "Nets", ids["instructor"], NOW)
        store.set_class_topics(session, room.id, [("numbers", None)])
        session.execute(sa.update(person).where(person.c.id == lost).values(role="instructor"))
        for kind, who in ids.items():
            if kind in BELONG or kind in {"left learner", "removed learner"}:
                joining.join_class(session, room.id, who, kind, NOW)
            if kind in {"co-instructor", "instructor who stepped down"} or who == lost:
                instructors.promote_to_instructor(session, room.id, _email(kind), NOW)
        instructors.step_down_instructor(session, room.id, ids["instructor who stepped down"], NOW)
        members.leave_class(session, room.id, ids["left learner"], NOW)
        members.remove_learner(session, room.id, ids["removed learner"], NOW)
        session.execute(sa.update(person).where(person.c.id == lost).values(role="learner"))
    return room


def test_every_route_of_a_class_is_listed(app: Flask):
    found = {
        (method, rule.rule)
        for rule in app.url_map.iter_rules()
        if "class_id" in rule.arguments
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert found == set(ROUTES), "every route with a class needs its row in ROUTES"


@pytest.mark.parametrize("kind", ACCOUNTS)
def test_a_page_opens_to_whom_it_should(app: Flask, school: School, kind: str):
    client = browser(app, school, kind)
    given = {r: ask(client, school, *r) for r in ROUTES if r[0] == "GET"}
    assert given == {r: wanted[kind] for r, wanted in ROUTES.items() if r[0] == "GET"}


@pytest.mark.parametrize("kind", ACCOUNTS)
def test_a_change_is_made_for_whom_it_should(
    app: Flask, database: Database, school: School, kind: str
):
    """Each in a class of its own: one change may end what the next would need."""
    client = browser(app, school, kind)
    token, given = csrf(client), {}
    changes = [route for route in ROUTES if route[0] == "POST"]
    for route in changes:
        fresh = replace(school, room=new_room(database, school.ids))
        before = everything(database, fresh)
        given[route] = ask(client, fresh, *route, token)
        if given[route] == 404:
            assert everything(database, fresh) == before, "a refused change changes nothing"
    assert given == {route: ROUTES[route][kind] for route in changes}


@pytest.mark.parametrize("kind", [k for k, s in READ.items() if s == 404])
def test_a_class_that_is_not_ones_own_looks_like_none(app: Flask, school: School, kind: str):
    """The same page as for a class that was never there, word by word, for reading and changing."""
    client = browser(app, school, kind)
    token = csrf(client)
    for (method, rule), wanted in ROUTES.items():
        if wanted[kind] != 404:
            continue
        pages = []
        for class_id in (school.room.id, 9999):
            address = fill(rule, school, class_id)
            body = {"csrf_token": token, **BODIES.get(rule, {})}
            given = client.open(address, method=method, data=body if method == "POST" else None)
            pages.append(_without_token(given.get_data(as_text=True)))
        assert pages[0] == pages[1], (method, rule)


STRANGERS = ["learner outside", "learner of another class", "left learner", "removed learner"]


@pytest.mark.parametrize("kind", STRANGERS)
def test_an_instructor_reads_nothing_of_who_is_not_in_the_class(
    app: Flask, school: School, kind: str
):
    """Numbers of other people in an address open nothing: not theirs, not their questions."""
    client = browser(app, school, "instructor")
    for method, rule in ROUTES:
        if method == "GET" and "person_id" in rule:
            swapped = replace(school, ids=dict(school.ids) | {"learner": school.ids[kind]})
            assert ask(client, swapped, method, rule) == 404, rule


def test_the_list_of_classes_names_nobody_elses(app: Flask, school: School):
    see = {kind for kind in ACCOUNTS if "Nets" in page(app, school, kind, "/classes")}
    former = {"left learner", "removed learner", "instructor who stepped down"}
    assert see == INSTRUCT | BELONG | former
    for kind in former:
        assert "No longer in" in page(app, school, kind, "/classes")


def test_only_who_teaches_makes_classes(app: Flask, school: School):
    may = {
        kind
        for kind in ACCOUNTS
        if browser(app, school, kind).get("/classes/new").status_code == 200
    }
    assert may == {kind for kind, role in ACCOUNTS.items() if role in {"instructor", "admin"}}


def test_a_guest_is_asked_to_sign_in_on_the_list_alone(app: Flask, school: School):
    given = browser(app, school, "guest").get("/classes")
    assert (given.status_code, given.location) == (303, "/sign-in?next=/classes")


def test_no_learner_finds_another_or_an_address_in_a_class_page(app: Flask, school: School):
    text = page(app, school, "learner", f"/classes/{school.room.id}")
    assert _email("instructor") in text, "who sees them is told"
    for kind in ("author as member", "left learner", "removed learner"):
        assert kind not in text
        assert _email(kind) not in text


def browser(app: Flask, school: School, kind: str) -> FlaskClient:
    """A browser in which that person is signed in; an empty one for a guest."""
    client = app.test_client()
    if kind in school.keys:
        with client.session_transaction() as session:
            session["_user_id"], session["_fresh"] = school.keys[kind], True
    return client


def page(app: Flask, school: School, kind: str, address: str) -> str:
    return browser(app, school, kind).get(address).get_data(as_text=True)


def csrf(client: FlaskClient) -> str:
    found = re.search('name="csrf-token" content="([^"]+)"', client.get("/").get_data(as_text=True))
    assert found is not None
    return found.group(1)


def everything(database: Database, school: School) -> list[object]:
    with database.read() as session:
        return [
            store.find_class(session, school.room.id),
            store.class_topics(session, school.room.id),
            members.class_members(session, school.room.id, state=None),
        ]


def ask(client: FlaskClient, school: School, method: str, rule: str, token: str = "") -> int:
    body = {"csrf_token": token, **BODIES.get(rule, {})} if method == "POST" else None
    address = fill(rule, school, school.room.id)
    return client.open(address, method=method, data=body).status_code


def fill(rule: str, school: School, class_id: int) -> str:
    """The address of a rule: its person is a learner, or where instructors go, one of two."""
    who = "co-instructor" if "/instructors/" in rule else "learner"
    values: dict[str, Callable[[], object]] = {
        "class_id": lambda: class_id,
        "person_id": lambda: school.ids[who],
        "question": lambda: "even",
        "topic": lambda: "numbers",
    }
    return re.sub(r"<(?:\w+:)?(\w+)>", lambda found: str(values[found.group(1)]()), rule)


def _account(session: Session, kind: str, role: str) -> int:
    made = people.ensure_guest(session, people.new_visitor_token())
    people.register_account(session, made.id, _email(kind), "no password fits this")
    session.execute(sa.update(person).where(person.c.id == made.id).values(role=role))
    return made.id


def _email(kind: str) -> str:
    return f"{kind.replace(' ', '-')}@example.org"


def _without_token(page: str) -> str:
    return re.sub(r'(content|value)="[^"]{40,}"', "", page)
