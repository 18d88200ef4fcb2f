"""Who may see a class. Nobody else learns that it exists: to them its address is no page at all."""

from __future__ import annotations

from flask import abort
from sqlalchemy.orm import Session

from quizserver.accounts.current import Current
from quizserver.accounts.model import Person
from quizserver.classes import store
from quizserver.classes.model import Class, Member
from quizserver.db.session import Database


class Guards:
    """Answers "may whoever asks see this class?" within a request, or ends it with 404."""

    def __init__(self, *, database: Database, current: Current) -> None:
        self._database = database
        self._current = current

    def instructor_of(self, class_id: int) -> Class:
        """The class, for its instructors and for who administers the server; else 404."""
        account = self._account()
        with self._database.read() as session:
            found = store.by_id(session, class_id)
            if found is None or not self._instructs(session, found, account):
                abort(404)
        return found

    def member_of(self, class_id: int) -> tuple[Class, Member]:
        """The class with the active membership of whoever asks, in whatever role; else 404."""
        account = self._account()
        with self._database.read() as session:
            found = store.by_id(session, class_id)
            mine = store.member(session, class_id, account.id) if found is not None else None
        if found is None or mine is None or mine.state != "active":
            abort(404)
        return found, mine

    def sees_all_of(self, class_id: int) -> bool:
        """Whether whoever asks may see the whole class, as ``instructor_of`` has it."""
        account = self._current.account()
        if account is None:
            return False
        with self._database.read() as session:
            found = store.by_id(session, class_id)
            return found is not None and self._instructs(session, found, account)

    def teacher(self) -> Person:
        """The account that asks, which may create classes; else 404."""
        account = self._account()
        if not account.teaches:
            abort(404)
        return account

    def _instructs(self, session: Session, found: Class, account: Person) -> bool:
        return account.administers or store.instructs(session, found.id, account.id)

    def _account(self) -> Person:
        account = self._current.account()
        if account is None:
            abort(404)
        return account
