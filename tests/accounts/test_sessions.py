"""Sessions: tokens that no table has, browsers in words of ours, and sightings beside the pages."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor, Future
from datetime import UTC, datetime, timedelta
from typing import Any, Never

import pytest
import sqlalchemy as sa

from quizserver.accounts import sessions_store, store
from quizserver.accounts.sessions import (
    ACCOUNT_LIFETIME,
    SEEN_STEP,
    SESSIONS_MAX,
    BrowserSession,
    GuestToken,
    describe_browser,
    hash_token,
    is_over,
    new_token,
)
from quizserver.accounts.sightings import Sightings
from quizserver.db.availability import BusyError
from quizserver.db.session import Database
from quizserver.db.tables import browser_session, person

NOW = datetime(2027, 3, 1, 12, tzinfo=UTC)


def create_account(database: Database, name: str, *tokens: str, seen: datetime = NOW) -> int:
    with database.write() as session:
        made = store.ensure_guest(session, name)
        store.register_account(session, made.id, f"{name}@example.org", "hash")
        for token in tokens:
            sessions_store.open_session(session, made.id, token, "Firefox on Linux", seen)
    return made.id


def open_hashes(database: Database, person_id: int) -> set[str]:
    with database.read() as session:
        return {s.token_hash for s in sessions_store.sessions_of_person(session, person_id)}


def test_neither_token_nor_anything_to_make_a_cookie_of_is_stored(database: Database):
    account_token, guest = new_token(), GuestToken.from_token(new_token())
    create_account(database, "ana", account_token)
    with database.write() as session:
        sessions_store.ensure_guest_session(session, guest, "", NOW)
    with database.read() as session:
        stored = [
            str(value)
            for table in (person, browser_session)
            for row in session.execute(sa.select(table))
            for value in row
        ]
    assert not any(account_token in value or guest.token in value for value in stored)
    assert guest.visitor in stored
    assert GuestToken.from_token(guest.token) == guest
    assert GuestToken.from_token(guest.visitor).visitor != guest.visitor


def test_one_session_too_many_ends_the_one_that_was_used_longest_ago(database: Database):
    others = create_account(database, "bob", "bobs", seen=NOW - timedelta(days=300))
    ana = create_account(database, "ana")
    tokens = [f"t{number}" for number in range(SESSIONS_MAX + 2)]
    with database.write() as session:
        for number, token in enumerate(tokens):
            seen = NOW - timedelta(minutes=number)
            sessions_store.open_session(session, ana, token, "", seen)
        # The new one stays even where another machine's clock is ahead.
        assert sessions_store.end_surplus_sessions(session, ana, tokens[-1]) == 2
        assert sessions_store.end_surplus_sessions(session, ana, tokens[-1]) == 0
    left = {hash_token(token) for token in [*tokens[: SESSIONS_MAX - 1], tokens[-1]]}
    assert open_hashes(database, ana) == left
    assert open_hashes(database, others) == {hash_token("bobs")}


def test_a_guest_and_the_session_appear_together_and_once(database: Database):
    guest_token = GuestToken.from_token("t")
    with database.read() as session:
        assert sessions_store.find_guest_session(session, guest_token) is None
    for _ in range(2):
        with database.write() as session:
            guest = sessions_store.ensure_guest_session(session, guest_token, "Edge", NOW).person
    assert open_hashes(database, guest.id) == {hash_token("t")}
    with database.read() as session:
        live = sessions_store.find_guest_session(session, guest_token)
    assert live is not None
    assert live.person == guest
    assert live.session == BrowserSession(hash_token("t"), "Edge", NOW, NOW)


@pytest.mark.parametrize("how", ["ended", "absorbed", "registered"])
def test_an_ended_session_of_a_guest_opens_nothing_and_comes_back_never(
    database: Database, how: str
):
    guest_token = GuestToken.from_token("t")
    account_id = create_account(database, "ana")
    with database.write() as session:
        guest = sessions_store.ensure_guest_session(session, guest_token, "", NOW).person
        if how == "ended":
            assert sessions_store.end_session(session, guest.id, hash_token("t"))
        elif how == "absorbed":
            store.link_guest_to_account(session, guest.id, account_id)
        else:
            store.register_account(session, guest.id, "bob@example.org", "hash")
    with database.read() as session, pytest.raises(sessions_store.SessionEndedError):
        sessions_store.find_guest_session(session, guest_token)
    with pytest.raises(sessions_store.SessionEndedError), database.write() as session:
        sessions_store.ensure_guest_session(session, guest_token, "", NOW)
    with database.read() as session:
        assert sessions_store.find_account_session(session, "t") is None


def test_an_account_ends_one_session_the_others_or_all_and_never_those_of_somebody_else(
    database: Database,
):
    ana = create_account(database, "ana", "a1", "a2", "a3", "a4")
    bob = create_account(database, "bob", "b1")
    with database.write() as session:
        assert not sessions_store.end_session(session, bob, hash_token("a1"))
        assert sessions_store.end_session(session, ana, hash_token("a1"))
        assert not sessions_store.end_session(session, ana, hash_token("a1"))
        assert sessions_store.find_account_session(session, "a1") is None
        assert sessions_store.end_other_sessions(session, ana, hash_token("a2")) == 2
    assert open_hashes(database, ana) == {hash_token("a2")}
    with database.write() as session:
        store.change_password(session, ana, "another hash")
    assert open_hashes(database, ana) == set()
    assert open_hashes(database, bob) == {hash_token("b1")}


def test_sessions_not_used_for_long_are_counted_and_deleted_and_guests_kept(database: Database):
    old, moment = NOW - timedelta(days=100), NOW - timedelta(days=90)
    ana = create_account(database, "ana", "old", seen=old)
    bob = create_account(database, "bob", "new")
    with database.write() as session:
        guest = sessions_store.ensure_guest_session(
            session, GuestToken.from_token("g"), "", old
        ).person
        assert sessions_store.count_unseen_account_sessions(session, moment) == 1
        assert sessions_store.delete_unseen_account_sessions(session, moment) == 1
        assert sessions_store.count_unseen_account_sessions(session, moment) == 0
    assert [len(open_hashes(database, i)) for i in (ana, bob, guest.id)] == [0, 1, 1]


def test_deleting_a_person_deletes_their_sessions(database: Database):
    ana = create_account(database, "ana", "a1")
    with database.write() as session:
        store.delete_person(session, ana)
    with database.read() as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(browser_session)) == 0


@pytest.mark.one_database
def test_a_sign_in_is_over_after_a_year_and_a_guest_never(database: Database):
    ana = create_account(database, "ana")
    with database.write() as session:
        guest = sessions_store.ensure_guest_session(
            session, GuestToken.from_token("g"), "", NOW
        ).person
        account = store.person_by_id(session, ana)
    assert account is not None
    opened = BrowserSession("h", "", NOW, NOW + ACCOUNT_LIFETIME)
    for person_, after, expected in (
        (account, ACCOUNT_LIFETIME, False),
        (account, ACCOUNT_LIFETIME + timedelta(seconds=1), True),
        (guest, ACCOUNT_LIFETIME * 5, False),
    ):
        assert is_over(opened, person_, NOW + after) is expected


@pytest.mark.parametrize(
    ("user_agent", "words"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/2010 Firefox/140.0", "Firefox on Linux"),
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)"
            " Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0",
            "Edge on Windows",
        ),
        (
            "Mozilla/5.0 (Linux; Android 16; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko)"
            " Chrome/140.0.0.0 Mobile Safari/537.36",
            "Chrome on Android",
        ),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML,"
            " like Gecko) Version/18.0 Mobile/15E148 Safari/604.1",
            "Safari on an iPhone",
        ),
        (
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like"
            " Gecko) Version/18.0 Safari/605.1.15",
            "Safari on macOS",
        ),
        ("curl/8.5.0", "Another program"),
        ("<script>alert(1)</script>", "Another program"),
        ("", "Another program"),
    ],
)  # fmt: skip
def test_a_browser_is_described_in_words_of_ours_alone(user_agent: str, words: str):
    assert describe_browser(user_agent) == words


class LaterExecutor(Executor):
    """Runs nothing until it is told to."""

    def __init__(self) -> None:
        self.tasks: list[Callable[[], Any]] = []

    def submit(self, task: Callable[..., Any], *_args: Any, **_kwargs: Any) -> Future[Any]:
        self.tasks.append(task)
        return Future()

    def run_all(self) -> int:
        tasks, self.tasks = self.tasks, []
        for task in tasks:
            task()
        return len(tasks)


def seen_at(database: Database, token: str) -> datetime:
    with database.read() as session:
        live = sessions_store.find_account_session(session, token)
    assert live is not None
    assert live.session is not None
    return live.session.last_seen_at


def test_a_use_is_written_beside_the_page_at_most_once_in_ten_minutes(database: Database):
    start = datetime.now(UTC)
    long_ago = start - 2 * SEEN_STEP
    create_account(database, "ana", "a1", "a2", seen=long_ago)
    create_account(database, "bob", "b1", seen=start)
    executor = LaterExecutor()
    sightings = Sightings(database, executor)
    with database.read() as session:
        found = [
            live.session
            for token in ("a1", "a2", "b1")
            if (live := sessions_store.find_account_session(session, token)) and live.session
        ]
    for opened in found * 3:
        sightings.note(opened)
    assert len(executor.tasks) == 1, "a class that comes at once is written at once"
    assert seen_at(database, "a1") == long_ago
    executor.run_all()
    assert seen_at(database, "a1") == seen_at(database, "a2") >= start
    assert seen_at(database, "b1") == start
    sightings.note(found[0])
    assert executor.run_all() == 1, "it goes on afterwards"


@pytest.mark.one_database
def test_a_database_that_can_not_be_written_is_left_alone_for_a_minute(
    database: Database, monkeypatch: pytest.MonkeyPatch
):
    create_account(database, "ana", "a1", seen=datetime.now(UTC) - 2 * SEEN_STEP)
    executor = LaterExecutor()
    sightings = Sightings(database, executor)
    with database.read() as session:
        live = sessions_store.find_account_session(session, "a1")
    assert live is not None
    assert live.session is not None

    def raise_busy(_database: Database) -> Never:
        raise BusyError("it is gone")

    monkeypatch.setattr(Database, "write", raise_busy)
    sightings.note(live.session)
    assert executor.run_all() == 1
    sightings.note(live.session)
    assert executor.run_all() == 0
