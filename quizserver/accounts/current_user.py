"""The visitor who sent the current request, and the person whom their session belongs to."""

from __future__ import annotations

import hashlib
from concurrent.futures import Executor
from datetime import UTC, datetime

from flask import Flask, g, request, session
from sqlalchemy.orm import Session

from quizserver.accounts import sessions_store
from quizserver.accounts.model import Person
from quizserver.accounts.sessions import (
    BrowserSession,
    GuestToken,
    LiveSession,
    describe_browser,
    is_over,
    new_token,
)
from quizserver.accounts.sightings import Sightings
from quizserver.accounts.try_limits import TrySource
from quizserver.db.session import Database
from quizserver.web.clients import client_of_request
from quizserver.web.security_log import note_account

# What the signed cookie holds: one token, under a key that says whose it is, so that no look-up is
# needed to know that a guest is no account.
ACCOUNT_KEY, GUEST_KEY = "account_token", "guest_token"
# Cookies from before sessions had an identity have these instead, for a year at most.
OLD_ACCOUNT_KEY, OLD_GUEST_KEY = "_user_id", "visitor"
# Which accounts somebody signed in to in this browser. It stays when they sign out.
KNOWN_KEY = "known_accounts"
KNOWN_MAX = 8
"""Accounts that a browser remembers: a cookie must stay small."""


class CurrentUser:
    """The visitor of the current request.

    A visitor is a random token in the signed cookie. Rows for a person and a session are inserted
    only when there is something to store, so that a crawler's visit leaves nothing in the database.
    From then on the session decides: whoever copied the cookie has nothing once it was ended.
    """

    def __init__(self, app: Flask, database: Database, executor: Executor) -> None:
        self._database = database
        self._sightings = Sightings(database, executor)

        # Templates read `learner`. The page that says that the database can't be reached must not
        # query it again.
        @app.context_processor
        def learner_context() -> dict[str, Person | bool | None]:
            can_look_up = "account_session" in g or not g.get("learner_unknown")
            learner = self.account() if can_look_up else None
            return {"learner": learner, "session_ended": self.has_ended()}

    def account(self) -> Person | None:
        """The signed-in person, or None."""
        live = self._account_session()
        return live.person if live is not None else None

    def may_write(self) -> bool:
        """Whether the visitor is signed in to an account that may edit topics."""
        account = self.account()
        return account is not None and account.may_write

    def has_signed_in(self) -> bool:
        """Whether somebody signed in to an account in this browser, perhaps in a session that has
        ended. The cookie that says so can't be forged."""
        return any(key in session for key in (ACCOUNT_KEY, OLD_ACCOUNT_KEY, KNOWN_KEY))

    def person(self) -> Person | None:
        """The signed-in person or the guest that this browser already is, or None."""
        live = self._account_session() or self._guest_session()
        return live.person if live is not None else None

    def session(self) -> BrowserSession | None:
        """The session of this request, None when there is none in the database."""
        live = self._account_session() or self._guest_session()
        return live.session if live is not None else None

    def has_ended(self) -> bool:
        """Whether this request came with a session that was ended, as far as was looked."""
        return bool(g.get("session_ended", False))

    def learner_id(self) -> int | None:
        person = self.person()
        return None if person is None else person.id

    def visitor_token(self) -> str:
        """The visitor's name, made when there is none: the same at a guest's every visit."""
        person = self.person()
        return person.visitor if person is not None else self._ensure_guest_token().visitor

    def claimed_visitor(self) -> str:
        """The visitor's name as far as it is known without a look-up for a guest, whose session may
        have ended: ``ensure_person`` finds out."""
        account = self.account()
        return account.visitor if account is not None else self._ensure_guest_token().visitor

    def ensure_person(self, db_session: Session) -> Person:
        """The person of this request, inserted as a guest with a session when there is none yet.

        Raises SessionEndedError when the guest's session was ended, unless that is known already:
        then the browser is a new guest.
        """
        account = self.account()
        if account is not None:
            return account
        live = sessions_store.ensure_guest_session(
            db_session, self._ensure_guest_token(), _browser_of_request(), _now()
        )
        self._note_use(live)
        return live.person

    def open_session(self, db_session: Session, person_id: int) -> str:
        """Opens a session for a person in place of the one that this browser has, and of the one
        used longest ago when the account has as many as it may.

        Returns its token; ``sign_in`` gives it to the browser once the transaction is committed.
        """
        live = self._account_session() or self._guest_session()
        if live is not None and live.session is not None:
            sessions_store.end_session(db_session, live.person.id, live.session.token_hash)
        token = new_token()
        sessions_store.open_session(
            db_session, person_id, token, _browser_of_request(), datetime.now(UTC)
        )
        sessions_store.end_surplus_sessions(db_session, person_id, token)
        return token

    def sign_in(self, person: Person, token: str) -> None:
        """Gives the browser a session's token, and nothing that the old cookie held."""
        self.forget()
        session.permanent = True
        session[ACCOUNT_KEY] = token
        self._remember(person)
        self.act_as(person)

    def act_as(self, person: Person) -> None:
        """Makes ``person`` the account of this request alone, without a session."""
        g.account_session = LiveSession(person, None)
        note_account(person.id)

    def sign_out(self) -> None:
        """Ends the session of this browser, a guest's too, and forgets it.

        A database that can't be written is an error, and the browser keeps its session: it would
        otherwise seem ended.
        """
        live = self._account_session() or self._guest_session()
        if live is not None and live.session is not None:
            with self._database.write() as db_session:
                sessions_store.end_session(db_session, live.person.id, live.session.token_hash)
        self.forget()

    def forget(self) -> None:
        """Removes the session from the browser; the one in the database stays as it is."""
        known = session.get(KNOWN_KEY)
        session.clear()
        if known:
            session[KNOWN_KEY], session.permanent = known, True
        self._forget_findings()

    def limit_key(self) -> str:
        """Whom limits on requests count: an account by itself, everybody else by client address.

        So nobody is kept out because a neighbour behind the same address sent too much.
        """
        account = self.account()
        return client_of_request() if account is None else f"account {account.visitor}"

    def password_source(self, person: Person | None) -> TrySource:
        """From where a password of ``person`` is tried; None if nobody has the address."""
        browser = session.get(KNOWN_KEY, {}).get("browser", "")
        if person is not None and _known_mark(browser, person) in _known_marks():
            return TrySource(browser, is_stranger=False)
        return TrySource(client_of_request(), is_stranger=True)

    def session_source(self) -> TrySource:
        """The session of this request, as the source from which its own password is tried.

        Whoever took over one session can then not use up the tries of the owner's others.
        """
        live = self.session()
        return TrySource(live.token_hash if live is not None else "", is_stranger=False)

    def _remember(self, person: Person) -> None:
        browser = session.get(KNOWN_KEY, {}).get("browser") or new_token()
        mark = _known_mark(browser, person)
        marks = [mark, *(other for other in _known_marks() if other != mark)][:KNOWN_MAX]
        session[KNOWN_KEY] = {"browser": browser, "marks": marks}

    def renew_visitor(self) -> None:
        """Makes the browser a new visitor: its session was ended while the request was answered."""
        self._forget_findings()
        g.session_ended = True
        g.guest_token = self._set_guest_token()

    def _forget_findings(self) -> None:
        for name in ("account_session", "guest_session", "guest_token", "session_ended"):
            g.pop(name, None)

    def _account_session(self) -> LiveSession | None:
        if "account_session" not in g:
            token = session.get(ACCOUNT_KEY) or session.get(OLD_ACCOUNT_KEY)
            live = None
            if token is not None:
                with self._database.read() as db_session:
                    live = sessions_store.find_account_session(db_session, token)
            g.account_session = self._checked(live, had_token=token is not None)
        live_session: LiveSession | None = g.account_session
        return live_session

    def _guest_session(self) -> LiveSession | None:
        if "guest_session" not in g:
            guest_token, live = _guest_token_of_request(), None
            if guest_token is not None:
                try:
                    with self._database.read() as db_session:
                        live = sessions_store.find_guest_session(db_session, guest_token)
                except sessions_store.SessionEndedError:
                    g.session_ended = True
            g.guest_session = self._checked(live, had_token=False)
        live_session: LiveSession | None = g.guest_session
        return live_session

    def _checked(self, live: LiveSession | None, *, had_token: bool) -> LiveSession | None:
        """The session, if it is not over; and notes that it was used."""
        if live is None or live.session is None or is_over(live.session, live.person, _now()):
            g.session_ended = g.get("session_ended", False) or had_token
            return None
        self._note_use(live)
        return live

    def _note_use(self, live: LiveSession) -> None:
        if live.session is not None:
            self._sightings.note(live.session)
        note_account(live.person.id)

    def _ensure_guest_token(self) -> GuestToken:
        """The token of this browser as a guest, a new one when it has none or an ended one."""
        if "guest_token" not in g:
            found = _guest_token_of_request()
            g.guest_token = self._set_guest_token() if found is None or self.has_ended() else found
        guest_token: GuestToken = g.guest_token
        return guest_token

    def _set_guest_token(self) -> GuestToken:
        for key in (ACCOUNT_KEY, OLD_ACCOUNT_KEY, OLD_GUEST_KEY):
            session.pop(key, None)
        session[GUEST_KEY] = new_token()
        session.permanent = True
        return GuestToken.from_token(session[GUEST_KEY])


def _guest_token_of_request() -> GuestToken | None:
    if GUEST_KEY in session:
        return GuestToken.from_token(session[GUEST_KEY])
    old_name = session.get(OLD_GUEST_KEY)
    return GuestToken(old_name, old_name) if old_name is not None else None


def _known_marks() -> list[str]:
    return list(session.get(KNOWN_KEY, {}).get("marks", []))


def _known_mark(browser: str, person: Person) -> str:
    # A cookie can be read, if not written: it tells nobody whose accounts these are.
    return hashlib.sha256(f"known\0{browser}\0{person.visitor}".encode()).hexdigest()[:20]


def _browser_of_request() -> str:
    return describe_browser(request.user_agent.string)


def _now() -> datetime:
    return datetime.now(UTC)
