"""Access to a class. To anybody else its address is 404, so that they don't learn it exists."""

from __future__ import annotations

from contextlib import nullcontext

from sqlalchemy.orm import Session

from quizserver.accounts.current_user import CurrentUser
from quizserver.accounts.model import Person
from quizserver.classes import instructors_store as instructors
from quizserver.classes import members_store as members
from quizserver.classes import store
from quizserver.classes.model import Class, Member
from quizserver.db.session import Database
from quizserver.web.security_log import refuse_as_missing


class ClassGuards:
    """Returns a class to those who may see it; ends the request with 404 for anybody else."""

    def __init__(self, *, database: Database, current: CurrentUser) -> None:
        self._database = database
        self._current = current

    def require_managed_class(self, class_id: int, session: Session | None = None) -> Class:
        """The class, for its instructors and for admins of the server; else 404.

        It is read in ``session``, if one is given.
        """
        class_ = self.find_managed_class(class_id, session)
        if class_ is None:
            refuse_as_missing()
        return class_

    def find_managed_class(self, class_id: int, session: Session | None = None) -> Class | None:
        """The class, for its instructors and for admins of the server; else None."""
        account = self._current.account()
        if account is None:
            return None
        with nullcontext(session) if session is not None else self._database.read() as reading:
            if account.is_admin:
                return store.find_class(reading, class_id)
            return instructors.find_instructed_class(reading, class_id, account.id)

    def require_membership(self, class_id: int) -> tuple[Class, Member]:
        """The class with the current account's active membership, in any role; else 404."""
        account = self._require_account()
        with self._database.read() as session:
            class_ = store.find_class(session, class_id)
            membership = (
                members.find_member(session, class_id, account.id) if class_ is not None else None
            )
        if class_ is None or membership is None or membership.state != "active":
            refuse_as_missing()
        return class_, membership

    def require_teacher(self) -> Person:
        """The current account, if it may create classes; else 404."""
        account = self._require_account()
        if not account.may_teach:
            refuse_as_missing()
        return account

    def _require_account(self) -> Person:
        account = self._current.account()
        if account is None:
            refuse_as_missing()
        return account
