"""The visitor who sent the current request, and the person whom the visitor is signed in as."""

from __future__ import annotations

from flask import Flask, g, session
from flask_login import LoginManager, current_user, login_user, logout_user

from quizserver.accounts import store
from quizserver.accounts.model import Person
from quizserver.db.session import Database
from quizserver.web.numbers import parse_whole_number


class CurrentUser:
    """The visitor of the current request.

    A visitor is a random token in the signed session cookie. A row for a person is inserted only
    when there is something to store, so that a crawler's visit leaves nothing in the database.
    """

    def __init__(self, app: Flask, database: Database) -> None:
        self._database = database
        # Templates read `learner` below. The library's own context processor would query the
        # database again on the page that says that the database can't be reached.
        manager = LoginManager()
        manager.init_app(app, add_context_processor=False)
        manager.login_view = "accounts.sign_in"
        manager.login_message = "Sign in to see this page."
        manager.session_protection = None  # learners move between networks within one session
        manager.user_loader(self._load_user)

        @app.context_processor
        def learner_context() -> dict[str, Person | None]:
            can_look_up = "_login_user" in g or not g.get("learner_unknown")
            return {"learner": self.account() if can_look_up else None}

    def account(self) -> Person | None:
        """The signed-in person, or None."""
        return current_user if current_user.is_authenticated else None

    def may_write(self) -> bool:
        """Whether the visitor is signed in to an account that may edit topics."""
        account = self.account()
        return account is not None and account.may_write

    def person(self) -> Person | None:
        """The signed-in person or the guest that this browser already is, or None."""
        account = self.account()
        if account is not None:
            return account
        if "guest" not in g:
            g.guest = self._find_guest(session.get("visitor"))
        guest: Person | None = g.guest
        return guest

    def _find_guest(self, token: str | None) -> Person | None:
        if token is None:
            return None
        with self._database.read() as db_session:
            guest = store.person_by_visitor(db_session, token)
        if guest is not None and not guest.is_guest:
            # The guest became an account after this cookie was set: only signing in opens that.
            del session["visitor"]
            return None
        return guest

    def learner_id(self) -> int | None:
        person = self.person()
        return None if person is None else person.id

    def visitor_token(self) -> str:
        """The visitor's token, made when there is none: the same at a guest's every visit."""
        account = self.account()
        if account is not None:
            return account.visitor
        self.person()  # removes a token from the session that is no guest's any more
        if "visitor" not in session:
            session["visitor"] = store.new_visitor_token()
            session.permanent = True
        token: str = session["visitor"]
        return token

    def sign_in(self, person: Person) -> None:
        """Opens a new session for ``person``, without anything that the old one held."""
        session.clear()
        session.permanent = True
        g.pop("guest", None)
        login_user(person)

    def sign_out(self) -> None:
        logout_user()
        session.clear()
        g.pop("guest", None)

    def _load_user(self, session_id: str) -> Person | None:
        person_id = parse_whole_number(session_id.partition(".")[0])
        with self._database.read() as db_session:
            person = store.person_by_id(db_session, person_id)
        return person if person is not None and person.get_id() == session_id else None
