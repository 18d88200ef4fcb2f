"""A class from its making to its end, as its instructor and its learners go through it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from html import unescape

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.orm import Session

from quizserver.accounts import store as people
from quizserver.app import create_app
from quizserver.classes import store as classes
from quizserver.db.session import Database
from quizserver.db.tables import member, person
from quizserver.settings import Settings
from tests.flows.browser_client import Visitor

New = Callable[[], Visitor]
TEACHER, ANA = "teacher@example.org", "ana@example.org"


@pytest.fixture
def store(app: Flask, settings: Settings) -> Iterator[Database]:
    database = Database(settings.data_url)
    yield database
    database.dispose()


@pytest.fixture
def instructor(new_visitor: New, store: Database) -> Callable[[str], Visitor]:
    """Signs somebody up whose account may teach."""

    def make(email: str) -> Visitor:
        made = new_visitor()
        made.sign_up(email)
        with store.write() as session:
            session.execute(
                sa.update(person).where(person.c.email == email).values(role="instructor")
            )
        return made

    return make


@pytest.fixture
def teacher(instructor: Callable[[str], Visitor]) -> Visitor:
    """An instructor with one class, Nets, of the topic numbers."""
    made = instructor(TEACHER)
    made.open("/classes/new")
    made.send("/classes/new", title="  Nets ")
    made.open("/classes/1/settings")
    made.send("/classes/1/topics", do="add", add="numbers")
    return made


@pytest.fixture
def ana(new_visitor: New) -> Visitor:
    made = new_visitor()
    made.sign_up(ANA)
    return made


def code(teacher: Visitor) -> str:
    found = re.search(r"<code>((?:\w{3}-){2}\w{3})</code>", teacher.open("/classes/1"))
    assert found is not None
    return found.group(1)


def join(visitor: Visitor, code: str, name: str = "") -> str:
    visitor.open(f"/join/{code}")
    return visitor.send(f"/join/{code}", name=name)


def test_a_class_is_made_shared_and_joined(teacher: Visitor, ana: Visitor):
    ana.open("/classes")
    ana.open("/join")
    ana.send("/join", code=code(teacher).lower().replace("-", " "))
    text = unescape(ana.text)
    assert "Join Nets" in text
    assert f"The instructors of this class: {TEACHER}" in text, "who sees is told before"
    assert "the ones from before you joined too" in text
    ana.send("/join/" + code(teacher), name=" Ana \t Lund ")
    assert ana.status == 200
    assert "You are in: Nets." in ana.text
    roster = unescape(teacher.open("/classes/1/roster"))
    assert "Ana Lund" in roster
    assert ANA in roster
    assert "1 learner counts in the statistics" in teacher.text


def test_opening_the_link_joins_nobody(teacher: Visitor, ana: Visitor):
    ana.open(f"/join/{code(teacher)}")
    assert "Nobody has joined yet" in teacher.open("/classes/1/roster")


def test_a_guest_who_follows_the_link_signs_up_and_comes_back_with_their_work(
    teacher: Visitor, new_visitor: New
):
    guest = new_visitor()
    guest.answer("even", "two", "four")
    address = f"/join/{code(teacher)}"
    assert "You need an account to join" in guest.open(address)
    (sign_up,) = re.findall(r'href="(/sign-up\?next=[^"]+)"', guest.page)
    guest.open(unescape(sign_up))
    guest.send("/sign-up", email="bob@example.org", password="correct horse")
    assert "Join Nets" in guest.text
    guest.send(address, name="Bob")
    assert "right at first try" in guest.text
    assert "bob@example.org" in teacher.open("/classes/1/roster")


def test_a_guest_with_an_account_signs_in_and_comes_back_with_their_work(
    teacher: Visitor, ana: Visitor, new_visitor: New
):
    guest = new_visitor()
    guest.answer("sides", "three")
    guest.open(f"/join/{code(teacher)}")
    (sign_up,) = re.findall(r'href="(/sign-up\?next=[^"]+)"', guest.page)
    guest.open(unescape(sign_up))
    (sign_in,) = re.findall(r'href="(/sign-in\?next=[^"]+)"', guest.page)
    guest.open(unescape(sign_in))
    guest.send("/sign-in", email=ANA, password="correct horse")
    assert "Join Nets" in guest.text
    guest.send(f"/join/{code(teacher)}", name="")
    assert "right at first try" in guest.text
    assert ana.client.get("/account/data.json").json["attempts"][0]["question"] == "sides"


@pytest.mark.parametrize("address", ["/join/CDF-GHJ-KMN", "/join/nonsense", "/join/%00"])
def test_a_wrong_code_is_no_class_and_says_what_to_do(ana: Visitor, address: str):
    ana.open(address)
    assert ana.status == 404
    assert "ask for the present one" in ana.text


def test_wrong_codes_are_limited_and_right_ones_are_not(settings: Settings, app: Flask):
    """Twelve tries at one address, of any browser; who has the code gets in however many do."""
    limited = create_app(replace(settings, limit_join_client="5/hour"))
    database = Database(settings.data_url)
    with database.write() as session:
        who = people.ensure_guest(session, "a visitor")
        people.register_account(session, who.id, "t@example.org", "none")
        session.execute(sa.update(person).values(role="instructor"))
        room = classes.create_class(session, "Nets", who.id, datetime.now(UTC))
    database.dispose()
    right = [limited.test_client().get(f"/join/{room.join_code}").status_code for _ in range(12)]
    wrong = [limited.test_client().get("/join/CDF-GHJ-KMN").status_code for _ in range(7)]
    typed = Visitor(limited.test_client())
    limited.extensions["quizserver-close"]()
    assert right == [200] * 12
    assert wrong == [404] * 5 + [429] * 2
    typed.open("/join")
    assert typed.status == 429, "the form and the link share one count"


def test_rotating_closing_and_opening_again(teacher: Visitor, ana: Visitor):
    first = code(teacher)
    teacher.open("/classes/1/settings")
    teacher.send("/classes/1/code", do="new")
    second = code(teacher)
    assert second != first
    ana.open(f"/join/{first}")
    assert ana.status == 404
    ana.open(f"/join/{second}")
    teacher.open("/classes/1/settings")
    teacher.send("/classes/1/code", do="close")
    ana.send(f"/join/{second}", name="")
    assert "No class takes people in with this code now" in ana.text, "closed while reading"
    assert "The class is closed" in teacher.open("/classes/1")
    teacher.open("/classes/1/settings")
    teacher.send("/classes/1/code", do="new")
    join(ana, code(teacher))
    assert "You are in" in ana.text


def test_a_removed_learner_keeps_their_work_and_does_not_get_in_by_the_code(
    teacher: Visitor, ana: Visitor
):
    join(ana, code(teacher), "Ana")
    ana.answer("sides", "three")
    teacher.open("/classes/1/roster")
    person_id = re.search(r"/roster/(\d+)/remove", teacher.page).group(1)  # type: ignore[union-attr]
    press(teacher, f"/classes/1/roster/{person_id}/remove")
    assert "Ana is no longer in the class." in teacher.text
    assert ana.open("/classes/1") is not None
    assert ana.status == 404
    assert "an instructor removed you" in ana.open("/classes")
    assert "so its code does not let you in" in ana.open(f"/join/{code(teacher)}")
    assert 'action="/join/' not in ana.page
    ana.open("/join")
    ana.post(f"/join/{code(teacher)}", {"csrf_token": token(ana), "name": "Ana"})
    assert ana.status in {200, 422}
    assert "You are in" not in ana.text
    teacher.open("/classes/1/roster")
    press(teacher, f"/classes/1/roster/{person_id}/take-back")
    assert "right at first try" in ana.open("/classes/1")


def test_a_learner_leaves_and_comes_back_by_the_code(teacher: Visitor, ana: Visitor):
    join(ana, code(teacher), "Ana")
    ana.open("/classes/1/leave")
    assert "The roster keeps your name there, Ana" in ana.text
    ana.send("/classes/1/leave")
    assert "you left" in ana.text
    ana.open("/classes/1")
    assert ana.status == 404
    roster = teacher.open("/classes/1/roster")
    assert "left <time" in roster
    assert "take-back" not in roster, "who left comes back by themselves"
    page = ana.open(f"/join/{code(teacher)}")
    assert "Come back to Nets" in ana.text
    assert 'value="Ana"' in page
    ana.send(f"/join/{code(teacher)}")
    assert "You are in" in ana.text


def test_a_learner_is_in_several_classes_and_changes_their_name_in_one(
    teacher: Visitor, ana: Visitor
):
    teacher.open("/classes/new")
    teacher.send("/classes/new", title="Second")
    second = re.search(r"<code>((?:\w{3}-){2}\w{3})</code>", teacher.page).group(1)  # type: ignore[union-attr]
    join(ana, code(teacher), "Ana")
    join(ana, second, "Ana")
    ana.open("/classes/1")
    ana.send("/classes/1/name", name="Anita")
    text = ana.open("/classes") and ana.text
    assert "Nets as Anita" in text
    assert "Second as Ana" in text


def test_topics_stand_in_the_instructors_order_with_due_dates_on_named_clocks(
    teacher: Visitor, ana: Visitor
):
    teacher.open("/classes/1/settings?zone=Asia/Kolkata")
    teacher.send("/classes/1/topics", due="2027-03-01T23:59")
    assert 'value="2027-03-01T23:59"' in teacher.page
    assert "UTC+05:30" in teacher.text
    join(ana, code(teacher))
    assert "Due 1 March 2027, 18:29 UTC" in ana.text
    assert 'datetime="2027-03-01T18:29:00+00:00"' in ana.page
    teacher.open("/classes/1/settings?zone=UTC")
    assert 'value="2027-03-01T18:29"' in teacher.page, "other clocks, the same moment"


def test_other_clocks_are_used_and_what_was_written_on_the_old_ones_is_saved(teacher: Visitor):
    teacher.open("/classes/1/settings?zone=UTC")
    moment = "2027-03-01T12:00"
    teacher.send("/classes/1/topics", due=moment, do="clocks", clocks="Asia/Tokyo")
    assert 'value="2027-03-01T21:00"' in teacher.page
    teacher.send("/classes/1/topics", do="clocks", clocks="Mars/Olympus")
    assert 'value="2027-03-01T21:00"' in teacher.page, "there are no such clocks"
    teacher.send("/classes/1/topics", zone="Mars/Olympus")
    assert "Choose a time zone from the list." in teacher.text


def test_two_instructors_who_change_the_topics_overwrite_nothing_unknowingly(
    teacher: Visitor, instructor: Callable[[str], Visitor]
):
    kim = instructor("kim@example.org")
    teacher.open("/classes/1/roster")
    teacher.send("/classes/1/instructors", email="kim@example.org")
    kim.open("/classes/1/settings?zone=UTC")
    teacher.open("/classes/1/settings?zone=UTC")
    teacher.send("/classes/1/topics", due="2027-03-01T12:00")
    kim.send("/classes/1/topics", due="2027-04-01T12:00")
    assert kim.status == 422
    assert "Numbers, gently (due 1 March 2027, 12:00 UTC)" in kim.text
    assert 'value="2027-04-01T12:00"' in kim.page, "what was typed is still there"
    assert 'value="2027-03-01T12:00"' in teacher.open("/classes/1/settings")
    kim.send("/classes/1/topics")
    assert kim.status == 200
    assert 'value="2027-04-01T12:00"' in teacher.open("/classes/1/settings")


def test_a_form_without_its_fields_changes_neither_code_nor_topics(teacher: Visitor):
    before = code(teacher)
    teacher.open("/classes/1/settings")
    fields = {"csrf_token": token(teacher)}
    for nonsense in ({}, {"do": "nonsense"}):
        teacher.post("/classes/1/code", fields | nonsense)
        assert teacher.status == 400
        teacher.post("/classes/1/topics", fields | nonsense)
        assert teacher.status == 422
    assert code(teacher) == before
    assert "Numbers, gently" in teacher.page


def test_what_is_sent_to_a_class_that_is_deleted_meanwhile_finds_no_page(
    teacher: Visitor, monkeypatch: pytest.MonkeyPatch
):
    """Between the look at who may and the change itself."""
    teacher.open("/classes/1/settings")
    fields = {"csrf_token": token(teacher)}
    lock = classes.lock_class

    def gone(session: Session, class_id: int) -> None:
        classes.delete_class(session, class_id)
        lock(session, class_id)

    monkeypatch.setattr("quizserver.classes.store.lock_class", gone)
    monkeypatch.setattr("quizserver.classes.members_store.lock_class", gone)
    for address in ("topics", "roster/1/remove", "roster/1/take-back"):
        teacher.post(f"/classes/1/{address}", fields)
        assert teacher.status == 404, address
        assert "There is no such page" in teacher.text


def test_a_due_moment_that_is_no_date_changes_nothing_and_says_so(teacher: Visitor):
    teacher.open("/classes/1/settings")
    teacher.send("/classes/1/topics", due="soon")
    assert teacher.status == 422
    assert 'value="soon"' in teacher.page
    assert "2027-03-01T23:59" in teacher.text


def test_a_topic_past_its_due_moment_is_said_to_be_and_stays_open(teacher: Visitor, ana: Visitor):
    teacher.open("/classes/1/settings")
    teacher.send("/classes/1/topics", due="2020-03-01T23:59")
    join(ana, code(teacher))
    assert "Was due 1 March 2020" in ana.text
    assert "You can still answer" in ana.text
    ana.answer("even", "two", "four")
    ana.answer("sides", "three")
    assert "Was due" not in (ana.open("/classes/1") and ana.text)


def test_the_learners_page_leads_to_the_next_question_of_the_class(teacher: Visitor, ana: Visitor):
    join(ana, code(teacher))
    assert "Start: Which one is even?" in ana.text
    ana.answer("even", "three")
    assert "Go on: How many sides" in (ana.open("/classes/1") and ana.text)
    ana.answer("sides", "three")
    assert "Go on: Which one is even?" in (ana.open("/classes/1") and ana.text), "not right yet"
    ana.answer("even", "two", "four")
    assert "Every question of this class is answered rightly" in (
        ana.open("/classes/1") and ana.text
    )


def test_a_topic_that_is_gone_from_the_content_is_told_to_both(
    teacher: Visitor, ana: Visitor, app: Flask, settings: Settings
):
    join(ana, code(teacher))
    ana.answer("sides", "three")
    (settings.content / "numbers").rename(settings.content.parent / "away")
    app.extensions["quizserver-library"].refresh()
    assert "not in the content now" in (teacher.open("/classes/1") and teacher.text)
    assert "1 question that is not in the content now" in (
        teacher.open("/classes/1/settings") and teacher.text
    )
    assert "This topic is not on the server now" in (ana.open("/classes/1") and ana.text)


def test_a_co_instructor_is_added_by_address_and_then_the_first_steps_down(
    teacher: Visitor, ana: Visitor, instructor: Callable[[str], Visitor]
):
    kim = instructor("kim@example.org")
    teacher.open("/classes/1/roster")
    assert "step-down" not in teacher.page
    assert "add another one before you step down" in teacher.text
    teacher.send("/classes/1/instructors", email=ANA)
    assert teacher.status == 422
    assert "not the address of an instructor" in teacher.text
    teacher.send("/classes/1/instructors", email="KIM@example.org")
    assert "kim@example.org instructs this class now" in teacher.text
    assert "Nets" in kim.open("/classes")
    me = re.search(r'formaction="(/classes/1/instructors/\d+/remove)"', teacher.page)
    assert me is not None
    press(teacher, me.group(1))
    assert "You no longer instruct that class" in teacher.text
    teacher.open("/classes/1")
    assert teacher.status == 404
    kim.open("/classes/1/roster")
    assert kim.status == 200


def test_an_instructor_removes_no_other_one(teacher: Visitor, instructor: Callable[[str], Visitor]):
    kim = instructor("kim@example.org")
    teacher.open("/classes/1/roster")
    teacher.send("/classes/1/instructors", email="kim@example.org")
    own = re.search(r'formaction="(/classes/1/instructors/\d+/remove)"', teacher.page)
    assert own is not None
    kim.open("/classes/1/roster")
    kim.post(own.group(1), {"csrf_token": token(kim)})
    assert "Instructors step down by themselves" in kim.text
    assert TEACHER in kim.text


def test_a_class_is_deleted_by_its_title_and_the_answers_stay(teacher: Visitor, ana: Visitor):
    join(ana, code(teacher))
    ana.answer("sides", "three")
    teacher.open("/classes/1/delete")
    assert "its roster with 2 memberships" in teacher.text
    teacher.send("/classes/1/delete", title="Something")
    assert teacher.status == 422
    teacher.send("/classes/1/delete", title="Nets")
    assert "The class Nets is deleted" in teacher.text
    ana.open("/classes/1")
    assert ana.status == 404
    assert len(ana.client.get("/account/data.json").json["attempts"]) == 1


def test_a_title_needs_visible_characters(teacher: Visitor):
    for title in ("", "   ", "x" * 201, "safe\u202egpj.exe", "\u200d", "a\u200bb", "a\x00b"):
        teacher.open("/classes/1/settings")
        teacher.send("/classes/1/title", title=title)
        assert teacher.status == 422, title
    assert "Nets" in teacher.open("/classes/1")


@pytest.mark.parametrize("title", ["می\u200cخواهم", "👩\u200d💻 Nets", "क्\u200dष"])
def test_a_title_may_join_its_letters_as_its_script_does(teacher: Visitor, title: str):
    teacher.open("/classes/1/settings")
    teacher.send("/classes/1/title", title=title)
    assert title in teacher.page


def test_markup_in_a_title_or_a_name_is_text(teacher: Visitor, ana: Visitor):
    teacher.open("/classes/1/settings")
    teacher.send("/classes/1/title", title="<b>Nets</b>")
    join(ana, code(teacher), "<script>x</script>")
    for page in (ana.open("/classes/1"), teacher.open("/classes/1/roster")):
        assert "<b>Nets" not in page
        assert "<script>x" not in page
    assert "&lt;script&gt;x" in teacher.page


def test_the_download_tells_memberships(teacher: Visitor, ana: Visitor):
    join(ana, code(teacher), "Ana")
    (kept,) = ana.client.get("/account/data.json").json["classes"]
    assert (kept["class"], kept["role"], kept["name"], kept["state"]) == (
        "Nets",
        "learner",
        "Ana",
        "active",
    )


def test_a_member_deletes_their_account_and_is_gone_from_the_roster(teacher: Visitor, ana: Visitor):
    join(ana, code(teacher), "Ana")
    ana.open("/account/delete")
    assert "Nobody else instructs" not in ana.text
    ana.send("/account/delete", password="correct horse")
    assert "Ana" not in teacher.open("/classes/1/roster")


def test_the_last_instructor_is_told_what_becomes_of_the_class_before_deleting_their_account(
    teacher: Visitor, ana: Visitor
):
    shared = code(teacher)
    join(ana, shared)
    teacher.open("/account/delete")
    assert "Nobody else instructs Nets ." in teacher.text
    teacher.send("/account/delete", password="correct horse")
    assert "Numbers, gently" in ana.open("/classes/1"), "the class goes on for its learners"
    other = Visitor(ana.client.application.test_client())
    other.open(f"/join/{shared}")
    assert other.status == 404, "and takes nobody in"


def test_an_admin_hands_an_orphaned_class_over(
    teacher: Visitor, instructor: Callable[[str], Visitor], store: Database
):
    admin = instructor("admin@example.org")
    instructor("kim@example.org")
    with store.write() as session:
        session.execute(
            sa.update(person).where(person.c.email == "admin@example.org").values(role="admin")
        )
    teacher.open("/account/delete")
    teacher.send("/account/delete", password="correct horse")
    assert "Other classes on this server" in admin.open("/classes")
    assert "Nets 0 no instructor" in admin.text, "nobody joins it, whatever its code"
    assert "It has no instructor now" in (admin.open("/classes/1") and admin.text)
    admin.open("/classes/1/roster")
    admin.send("/classes/1/instructors", email="kim@example.org")
    assert "kim@example.org instructs this class now" in admin.text
    assert code(admin)


def test_an_admin_who_learns_in_a_class_finds_the_way_out(
    teacher: Visitor, new_visitor: New, store: Database
):
    admin = new_visitor()
    admin.sign_up("admin@example.org")
    join(admin, code(teacher), "Root")
    with store.write() as session:
        session.execute(
            sa.update(person).where(person.c.email == "admin@example.org").values(role="admin")
        )
    assert "You are in it as a learner too" in (admin.open("/classes/1") and admin.text)
    admin.open("/classes/1/leave")
    admin.send("/classes/1/leave")
    assert "You are in it as a learner" not in (admin.open("/classes/1") and admin.text)
    assert "You are in it" not in (teacher.open("/classes/1") and teacher.text)


def test_the_roster_of_a_large_class_comes_in_pages_and_can_be_searched(
    teacher: Visitor, store: Database
):
    fill(store, 450)
    first = teacher.open("/classes/1/roster")
    assert "1–200 of 450 learners" in teacher.text
    assert "Page 2 of 3" in teacher.text
    assert first.count("/remove?") == 0
    assert first.count("/remove") == 200
    assert teacher.open("/classes/1/roster?page=3").count("/remove?page=3") == 50
    found = teacher.open("/classes/1/roster?search=L449@")
    assert found.count("/remove") == 1
    assert "Nobody’s name or address" in teacher.open("/classes/1/roster?search=zzz")
    assert "401–450 of 450" in (teacher.open("/classes/1/roster?page=99999") and teacher.text)


def test_who_removes_several_stays_on_the_page_of_the_roster(teacher: Visitor, store: Database):
    fill(store, 450)
    found = teacher.open("/classes/1/roster?search=l4&page=1")
    first = re.search(r'formaction="([^"]+/remove\?[^"]+)"', found)
    assert first is not None
    teacher.post(unescape(first.group(1)), {"csrf_token": token(teacher)})
    assert "is no longer in the class" in teacher.text
    assert 'value="l4"' in teacher.page
    assert "Page 2 of 3" in (teacher.open("/classes/1/roster") and teacher.text)
    page = teacher.open("/classes/1/roster?page=3")
    last = re.search(r'formaction="([^"]+/remove\?page=3)"', page)
    assert last is not None
    teacher.post(last.group(1), {"csrf_token": token(teacher)})
    assert "401–450 of 450" in teacher.text


@pytest.mark.parametrize("search", ["jose", "JOSÉ", "jose\u0301"])
def test_a_name_is_found_whatever_its_accents_and_their_spelling(
    teacher: Visitor, ana: Visitor, search: str
):
    join(ana, code(teacher), "José")
    assert teacher.open(f"/classes/1/roster?search={search}").count("/remove") == 1


def test_what_a_stale_page_asks_for_is_not_said_to_be_done(teacher: Visitor, ana: Visitor):
    join(ana, code(teacher), "Ana")
    page = teacher.open("/classes/1/roster")
    remove = re.search(r'formaction="([^"]+/remove)"', page)
    assert remove is not None
    ana.open("/classes/1/leave")
    ana.send("/classes/1/leave")
    fields = {"csrf_token": token(teacher)}
    teacher.post(remove.group(1), fields)
    assert "Ana was not in the class as a learner." in teacher.text
    teacher.post(remove.group(1).replace("remove", "take-back"), fields)
    assert "Ana had not been removed" in teacher.text
    teacher.post("/classes/1/roster/1/remove", fields)
    assert f"{TEACHER} was not in the class as a learner." in teacher.text


def test_no_page_of_a_class_asks_more_of_the_database_for_more_members(
    teacher: Visitor, ana: Visitor, store: Database
):
    join(ana, code(teacher))
    asked: list[str] = []

    def note(*about: object) -> None:
        asked.append(str(about[2]))

    def statements() -> list[int]:
        counts = []
        for visitor, address in (
            (teacher, "/classes"),
            (teacher, "/classes/1"),
            (teacher, "/classes/1/roster"),
            (teacher, "/classes/1/settings"),
            (ana, "/classes/1"),
        ):
            asked.clear()
            visitor.open(address)
            counts.append(sum(each.startswith("SELECT") for each in asked))
        return counts

    sa.event.listen(sa.Engine, "before_cursor_execute", note)
    try:
        few = statements()
        fill(store, 300)
        many = statements()
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", note)
    assert few == many
    assert max(many) <= 9


def fill(store: Database, many: int) -> None:
    """Puts so many learners more into the first class."""
    now = datetime.now(UTC)
    kept = {"session_key": "k", "created_at": now, "password_hash": "none"}
    with store.write() as session:
        rows = [kept | {"visitor": f"v{n}", "email": f"l{n}@example.org"} for n in range(many)]
        session.execute(sa.insert(person), rows)
        theirs = person.c.email.in_([row["email"] for row in rows])
        ids = session.scalars(sa.select(person.c.id).where(theirs))
        fields = {"class_id": 1, "role": "learner", "joined_at": now, "state_since": now}
        session.execute(
            sa.insert(member), [fields | {"person_id": i, "name": f"Learner {i}"} for i in ids]
        )


def press(visitor: Visitor, address: str) -> str:
    """Presses the button of the present page that goes to ``address``."""
    assert f'formaction="{address}"' in visitor.page
    return visitor.post(address, {"csrf_token": token(visitor)})


def token(visitor: Visitor) -> str:
    found = re.search(r'name="csrf_token" value="([^"]+)"', visitor.page)
    assert found is not None
    return found.group(1)
