"""Sessions over HTTP: a copied cookie is worth nothing once its session was ended."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from quizserver.accounts import sessions_store
from quizserver.accounts.current_user import OLD_ACCOUNT_KEY, OLD_GUEST_KEY
from quizserver.accounts.sessions import ACCOUNT_LIFETIME, SESSIONS_MAX
from quizserver.attempts import pages
from quizserver.db.session import Database
from quizserver.db.tables import attempt, browser_session, person, reveal
from tests.flows.browser_client import Visitor
from tests.statements import recorded_statements

ANA = "ana@example.org"
NewVisitor = Callable[[], Visitor]


def copy_browser(visitor: Visitor, new_visitor: NewVisitor) -> Visitor:
    """Another browser with a copy of this one's cookie, on the same page."""
    thief = new_visitor()
    cookie = visitor.client.get_cookie("session")
    assert cookie is not None
    thief.client.set_cookie("session", cookie.value)
    thief.page = visitor.page
    return thief


def count_rows(database: Database, table: sa.Table) -> int:
    with database.read() as session:
        return session.scalar(sa.select(sa.func.count()).select_from(table)) or 0


def download_data(visitor: Visitor) -> dict[str, object]:
    return dict(visitor.client.get("/account/data.json").json)


def test_reading_and_crawling_insert_no_session(visitor: Visitor, database: Database):
    for address in ("/", "/questions/even", "/topics/numbers", "/account", "/sign-in"):
        visitor.open(address)
    assert count_rows(database, browser_session) == 0
    visitor.answer("even", "two")
    assert count_rows(database, browser_session) == count_rows(database, person) == 1
    visitor.answer("sides", "two")
    assert count_rows(database, browser_session) == 1


def end_session(visitor: Visitor, kind: str) -> None:
    """Signs out of the account, or leaves the guest's work."""
    if kind == "account":
        visitor.sign_out()
    else:
        visitor.open("/account/forget")
        visitor.send("/account/forget")


@pytest.mark.parametrize("kind", ["guest", "account"])
def test_after_signing_out_a_copied_cookie_neither_downloads_nor_answers(
    visitor: Visitor, new_visitor: NewVisitor, database: Database, kind: str
):
    visitor.answer("even", "two")
    if kind == "account":
        visitor.sign_up(ANA)
    visitor.open("/questions/sides")
    thief = copy_browser(visitor, new_visitor)
    assert len(download_data(thief)["attempts"]) == 1, "the copy is as good as the original so far"
    end_session(visitor, kind)
    refusal = thief.client.get("/account/data.json")
    assert (refusal.status_code, refusal.location) == (303, "/account"), "no empty file"
    assert "This browser’s session has ended" in thief.open("/account/data.json")
    assert "FEEDBACK" not in thief.open("/questions/even")
    assert count_rows(database, attempt) == 1


@pytest.mark.parametrize("kind", ["guest", "account"])
def test_a_form_of_an_ended_session_is_refused_in_words_and_keeps_the_choice(
    visitor: Visitor, new_visitor: NewVisitor, database: Database, kind: str
):
    visitor.answer("even", "two")
    if kind == "account":
        visitor.sign_up(ANA)
    visitor.open("/questions/sides")
    thief = copy_browser(visitor, new_visitor)
    end_session(visitor, kind)
    thief.send("/questions/sides/answer", option=["three"])
    assert thief.status == 409
    assert "Nothing is recorded yet" in thief.text
    assert "session has ended" in thief.text
    assert re.search(r'value="three"[^>]*checked', thief.page)
    assert count_rows(database, attempt) == 1
    # Whoever it is answers as a new guest from now on, as everybody may.
    thief.send("/questions/sides/answer", option=["three"])
    assert thief.status == 200
    assert [a["question"] for a in download_data(thief)["attempts"]] == ["sides"]
    with database.read() as session:
        people = session.scalars(sa.select(attempt.c.person_id).order_by(attempt.c.id)).all()
    assert len(set(people)) == 2


def test_a_session_that_ends_while_an_answer_is_on_its_way_records_nothing(
    visitor: Visitor, database: Database, monkeypatch: pytest.MonkeyPatch
):
    visitor.answer("even", "two")
    visitor.open("/questions/sides")
    grade_submission = pages.grade_submission

    def end_session_and_grade(*arguments: Any) -> Any:
        with database.write() as session:
            session.execute(sa.delete(browser_session))
        return grade_submission(*arguments)

    monkeypatch.setattr(pages, "grade_submission", end_session_and_grade)
    visitor.send("/questions/sides/answer", option=["three"])
    assert visitor.status == 409
    assert "Nothing is recorded yet" in visitor.text
    assert count_rows(database, attempt) == 1
    monkeypatch.undo()
    visitor.send("/questions/sides/answer", option=["three"])
    assert (visitor.status, count_rows(database, attempt)) == (200, 2)


def test_a_hint_asked_for_with_an_ended_session_says_so_too(
    visitor: Visitor, new_visitor: NewVisitor
):
    visitor.sign_up(ANA)
    visitor.open("/questions/even")
    thief = copy_browser(visitor, new_visitor)
    visitor.sign_out()
    thief.send("/questions/even/answer", hint="1", option=["two"])
    assert thief.status == 409
    assert "session has ended" in thief.text


@pytest.mark.parametrize("kind", ["guest", "account"])
def test_an_ended_session_that_asks_for_the_answer_is_told_why_it_is_not_shown(
    visitor: Visitor, new_visitor: NewVisitor, database: Database, kind: str
):
    visitor.answer("even", "two")
    if kind == "account":
        visitor.sign_up(ANA)
    visitor.open("/questions/even")
    thief = copy_browser(visitor, new_visitor)
    end_session(visitor, kind)
    people = count_rows(database, person)
    thief.send("/questions/even/reveal")
    assert "The answer is not shown yet" in thief.text
    assert count_rows(database, reveal) == 0
    assert count_rows(database, person) == people


def test_pages_of_an_ended_session_say_so_until_the_browser_begins_anew(
    visitor: Visitor, new_visitor: NewVisitor
):
    visitor.sign_up(ANA)
    thief = copy_browser(visitor, new_visitor)
    visitor.sign_out()
    assert "session has ended" not in visitor.open("/progress")
    for address in ("/progress", "/account", "/no-such-page"):
        assert "This browser’s session has ended" in thief.open(address)
    thief.open("/questions/even")
    assert "session has ended" in thief.text
    assert "session has ended" not in thief.open("/questions/even")


def test_an_authors_text_is_given_back_when_their_session_was_ended(
    visitor: Visitor, new_visitor: NewVisitor, give_role_to_all: Callable[[str], None]
):
    visitor.sign_up(ANA)
    give_role_to_all("author")
    visitor.open("/write/numbers/even.md")
    assert visitor.status == 200, visitor.text
    tab = copy_browser(visitor, new_visitor)
    visitor.sign_out()
    tab.send("/write/numbers/even.md", text="# A long evening's work\n", do="save")
    assert tab.status == 404
    assert "You are signed out" in tab.text
    assert "A long evening" in tab.text


def test_a_long_text_of_an_ended_session_is_given_back_and_a_strangers_is_not_read(
    visitor: Visitor, new_visitor: NewVisitor, give_role_to_all: Callable[[str], None]
):
    """Forms send a sign of Chinese as nine letters."""
    visitor.sign_up(ANA)
    give_role_to_all("author")
    visitor.open("/write/numbers/even.md")
    tab = copy_browser(visitor, new_visitor)
    visitor.sign_out()
    text = "# " + "数" * 40_000 + "末"
    tab.send("/write/numbers/even.md", text=text, do="save")
    assert tab.status == 404
    assert "You are signed out" in tab.text
    assert text in tab.page
    stranger = new_visitor()
    stranger.post("/write/numbers/even.md", {"text": text, "do": "save"})
    assert stranger.status == 413


def test_signing_in_keeps_the_list_of_sessions_short(
    visitor: Visitor, new_visitor: NewVisitor, database: Database
):
    visitor.sign_up(ANA)
    with database.write() as session:
        person_id = session.scalar(sa.select(person.c.id).where(person.c.email == ANA))
        assert person_id is not None
        for number in range(SESSIONS_MAX):
            long_ago = datetime.now(UTC) - timedelta(days=1 + number)
            sessions_store.open_session(session, person_id, f"old {number}", "", long_ago)
    browser = new_visitor()
    browser.sign_in(ANA)
    assert ANA in browser.open("/account")
    assert ANA in visitor.open("/account"), "used today"
    with database.read() as session:
        assert len(sessions_store.sessions_of_person(session, person_id)) == SESSIONS_MAX


def test_the_account_page_lists_sessions_and_ends_one(visitor: Visitor, new_visitor: NewVisitor):
    visitor.sign_up(ANA)
    phone, library = new_visitor(), new_visitor()
    phone.client.environ_base["HTTP_USER_AGENT"] = "Mozilla/5.0 (Android 16) Firefox/140.0"
    library.client.environ_base["HTTP_USER_AGENT"] = "Mozilla/5.0 (Windows) Chrome/140 Safari/1"
    for browser in (phone, library):
        browser.sign_in(ANA)
    page = visitor.open("/account")
    moment = r"\d+ \w+ \d{4}, \d\d:\d\d UTC"
    assert len(re.findall(rf"Since {moment} , last used about {moment}", visitor.text)) == 2
    for words in ("Firefox on Android", "Chrome on Windows", "this browser"):
        assert words in visitor.text
    row = re.search(r"<li class=\"line\">(?:(?!</li>).)*Chrome on Windows.*?</li>", page)
    assert row is not None
    token_hash = re.search(r'name="session" value="(\w{64})"', row.group(0))
    assert token_hash is not None
    visitor.send("/account/sessions", session=token_hash.group(1))
    assert "The other browser is signed out" in visitor.text
    assert "Chrome on Windows" not in visitor.text
    assert ANA not in library.open("/account")
    assert ANA in phone.open("/account")


def test_all_other_sessions_end_at_once_and_only_ones_own(
    visitor: Visitor, new_visitor: NewVisitor
):
    bob = new_visitor()
    bob.sign_up("bob@example.org")
    visitor.sign_up(ANA)
    others = [new_visitor(), new_visitor()]
    for other in others:
        other.sign_in(ANA)
    visitor.open("/account")
    visitor.send("/account/sessions", session="")
    assert "2 other browsers are signed out" in visitor.text
    assert all(ANA not in other.open("/account") for other in others)
    assert ANA in visitor.open("/account")
    assert "bob@example.org" in bob.open("/account")


def test_a_new_visitor_downloads_that_nothing_is_stored(visitor: Visitor):
    assert set(download_data(visitor)) == {"format", "downloaded_at"}
    visitor.open("/questions/even")
    assert set(download_data(visitor)) == {"format", "downloaded_at"}


def test_nobody_ends_the_session_of_another(
    visitor: Visitor, new_visitor: NewVisitor, database: Database
):
    visitor.sign_up(ANA)
    with database.read() as session:
        (ana_hash,) = session.scalars(sa.select(browser_session.c.token_hash))
    bob, phone = new_visitor(), new_visitor()
    bob.sign_up("bob@example.org")
    phone.sign_in("bob@example.org")
    bob.open("/account")
    bob.send("/account/sessions", session=ana_hash)
    assert "had ended already" in bob.text
    assert ANA in visitor.open("/account")


def test_ones_own_data_names_the_sessions_without_their_tokens(visitor: Visitor):
    visitor.sign_up(ANA)
    data = download_data(visitor)
    assert [set(s) for s in data["sessions"]] == [{"browser", "since", "last_seen_at"}]


def test_signing_in_again_in_the_same_browser_ends_its_earlier_session(
    visitor: Visitor, new_visitor: NewVisitor, database: Database
):
    visitor.sign_up(ANA)
    old = copy_browser(visitor, new_visitor)
    visitor.sign_in(ANA)
    assert count_rows(database, browser_session) == 1
    assert ANA not in old.open("/account")
    assert ANA in visitor.open("/account")


def test_a_sign_in_that_is_a_year_old_is_over(visitor: Visitor, database: Database):
    visitor.sign_up(ANA)
    opened_at = datetime.now(UTC) - ACCOUNT_LIFETIME - timedelta(minutes=1)
    with database.write() as session:
        session.execute(sa.update(browser_session).values(created_at=opened_at))
    assert ANA not in visitor.open("/account")


def test_a_guest_who_comes_for_longer_than_a_year_keeps_their_work(
    visitor: Visitor, database: Database
):
    visitor.answer("even", "two")
    with database.write() as session:
        opened_at = datetime.now(UTC) - 3 * ACCOUNT_LIFETIME
        session.execute(sa.update(browser_session).values(created_at=opened_at))
    assert len(download_data(visitor)["attempts"]) == 1


def test_cookies_of_before_stay_signed_in_and_signing_out_ends_them_in_every_browser(
    visitor: Visitor, new_visitor: NewVisitor, database: Database
):
    visitor.sign_up(ANA)
    with database.write() as session:  # as the migration makes it
        (person_id,) = session.scalars(sa.select(person.c.id))
        session.execute(sa.delete(browser_session))
        sessions_store.open_session(
            session, person_id, f"{person_id}.old key", "", datetime.now(UTC)
        )
    browsers = [new_visitor(), new_visitor()]
    for browser in browsers:
        with browser.client.session_transaction() as cookie:
            cookie[OLD_ACCOUNT_KEY], cookie["_fresh"] = f"{person_id}.old key", True
        assert ANA in browser.open("/account")
        assert "One or several browsers" in browser.text
    browsers[0].sign_out()
    assert ANA not in browsers[1].open("/account")
    browsers[1].sign_in(ANA)
    assert ANA in browsers[1].open("/account")


def test_a_guests_cookie_of_before_keeps_their_order_and_their_work(
    visitor: Visitor, database: Database
):
    with visitor.client.session_transaction() as cookie:
        cookie[OLD_GUEST_KEY] = "an old visitor"
    order = visitor.order("even")
    visitor.answer("even", "two")
    assert visitor.status == 200
    assert visitor.order("even") == order
    assert len(download_data(visitor)["attempts"]) == 1
    with database.read() as session:
        assert session.scalars(sa.select(person.c.visitor)).all() == ["an old visitor"]
    end_session(visitor, "guest")
    with visitor.client.session_transaction() as cookie:
        cookie[OLD_GUEST_KEY] = "an old visitor"
    assert "This browser’s session has ended" in visitor.open("/account/data.json")


def test_two_first_answers_at_once_make_one_guest(
    visitor: Visitor, new_visitor: NewVisitor, database: Database
):
    """Of one browser's two tabs, neither of which has heard of the other's answer yet."""
    visitor.open("/questions/even")
    tab = copy_browser(visitor, new_visitor)
    tab.open("/questions/sides")
    visitor.send("/questions/even/answer", option=["two"])
    tab.send("/questions/sides/answer", option=["two"])
    assert (visitor.status, tab.status) == (200, 200)
    assert count_rows(database, person) == count_rows(database, browser_session) == 1
    assert len(download_data(tab)["attempts"]) == 2


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("kind", "counts"),
    [
        ("new", {"/progress": 0, "/questions/even": 0, "/topics/numbers": 0, "/sign-in": 0}),
        ("reader", {"/progress": 1, "/questions/even": 1, "/topics/numbers": 1, "/sign-in": 0}),
        ("guest", {"/progress": 3, "/questions/even": 2, "/topics/numbers": 3, "/sign-in": 0}),
        ("account", {"/progress": 3, "/questions/even": 2, "/topics/numbers": 3, "/sign-in": 1}),
    ],
)
def test_who_it_is_takes_one_statement_and_a_session_none_of_its_own(
    visitor: Visitor, kind: str, counts: dict[str, int]
):
    """The counts are those of before there were sessions: the look-up joins the person's."""
    if kind != "new":
        visitor.open("/questions/sides")
    if kind in {"guest", "account"}:
        visitor.answer("sides", "three")
    if kind == "account":
        visitor.sign_up(ANA)
    for address, count in counts.items():
        if kind == "new":
            visitor.client.delete_cookie("session")
        with recorded_statements() as statements:
            visitor.client.get(address)
        found = [text for text in statements if not text.startswith("BEGIN")]
        assert len(found) == count, (address, found)
        assert not any(text.startswith(("UPDATE", "INSERT", "DELETE")) for text in found)


def test_a_session_is_seen_again_after_a_while(visitor: Visitor, database: Database):
    visitor.sign_up(ANA)
    long_ago = datetime.now(UTC) - timedelta(hours=1)
    with database.write() as session:
        session.execute(sa.update(browser_session).values(last_seen_at=long_ago))
    visitor.open("/progress")
    deadline, seen_at = time.monotonic() + 20, long_ago
    while seen_at == long_ago and time.monotonic() < deadline:
        time.sleep(0.01)
        with database.read() as session:
            (seen_at,) = session.scalars(sa.select(browser_session.c.last_seen_at))
    assert seen_at > long_ago
