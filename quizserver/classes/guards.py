"""Who may see a class. Nobody else learns that it exists: to them its address is no page at all."""

from __future__ import annotations

from flask import abort

from quizserver.accounts.current import Current
from quizserver.accounts.model import Person
from quizserver.classes import store
from quizserver.classes.instructors import store as instructors
from quizserver.classes.members import store as members
from quizserver.classes.model import Class, Member
from quizserver.db.session import Database


class Guards:
    """Answers "may whoever asks see this class?" within a request, or ends it with 404."""

    def __init__(self, *, database: Database, current: Current) -> None:
        self._database = database
        self._current = current

    def instructor_of(self, class_id: int) -> Class:
        """The class, for its instructors and for who administers the server; else 404."""
        found = self.seen_whole(class_id)
        if found is None:
            abort(404)
        return found

    def seen_whole(self, class_id: int) -> Class | None:
        """The class, if whoever asks may see all of it; else None."""
        account = self._current.account()
        if account is None:
            return None
        with self._database.read() as session:
            found = store.by_id(session, class_id)
            if found is None or account.administers:
                return found
            return found if instructors.instructs(session, class_id, account.id) else None

    def member_of(self, class_id: int) -> tuple[Class, Member]:
        """The class with the active membership of whoever asks, in whatever role; else 404."""
        account = self._account()
        with self._database.read() as session:
            found = store.by_id(session, class_id)
            mine = members.member(session, class_id, account.id) if found is not None else None
        if found is None or mine is None or mine.state != "active":
            abort(404)
        return found, mine

    def teacher(self) -> Person:
        """The account that asks, which may create classes; else 404."""
        account = self._account()
        if not account.teaches:
            abort(404)
        return account

    def _account(self) -> Person:
        account = self._current.account()
        if account is None:
            abort(404)
        return account
