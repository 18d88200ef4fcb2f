"""The pages on which a learner joins a class, which first say who will see what."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from flask import Blueprint, flash, redirect, render_template, url_for
from flask_limiter import Limiter
from werkzeug.wrappers import Response as AnyResponse

from quizserver.accounts.current_user import CurrentUser
from quizserver.classes import instructors_store as instructors
from quizserver.classes import join_codes, join_store
from quizserver.classes import members_store as members
from quizserver.classes.forms import CodeForm, NameForm
from quizserver.classes.model import Class, Member
from quizserver.db.session import Database
from quizserver.settings import Settings
from quizserver.translation import N_, gettext

NO_CLASS = N_(
    "No class takes people in with this code now. Compare it with what your instructor wrote; codes"
    " are closed and replaced, so ask for the present one."
)


def add_join_rules(
    blueprint: Blueprint, pages: JoinPages, limiter: Limiter, settings: Settings
) -> None:
    """Adds ``/join`` and ``/join/<code>``, limited by account or client address."""
    # Only codes that find no class count, so that a class of hundreds can join from one address.
    client_limit = limiter.shared_limit(
        settings.limit_join_client,
        "join-client",
        key_func=pages.current.limit_key,
        deduct_when=lambda response: response.status_code == 404,
    )
    add_rule, get_and_post = blueprint.add_url_rule, ["GET", "POST"]
    add_rule("/join", "join_any", client_limit(pages.enter_code), methods=get_and_post)
    add_rule("/join/<code>", "join", client_limit(pages.join_class), methods=get_and_post)


@dataclass(frozen=True, slots=True)
class JoinPages:
    """The views of the form for a code, and of the class that a code opens."""

    database: Database
    current: CurrentUser

    def enter_code(self) -> AnyResponse | tuple[str, int]:
        form = CodeForm()
        if not form.validate_on_submit():
            return _code_page(form, 422 if form.errors else 200)
        with self.database.read() as session:
            class_ = join_store.find_class_by_code(session, form.code.data)
        if class_ is None or class_.join_code is None:
            form.code.errors = [gettext(NO_CLASS)]
            return _code_page(form, 404)
        return redirect(url_for("classes.join", code=join_codes.format_code(class_.join_code)), 303)

    def join_class(self, code: str) -> AnyResponse | tuple[str, int]:
        account, form = self.current.account(), NameForm()
        with self.database.read() as session:
            class_ = join_store.find_class_by_code(session, code)
            if class_ is None:
                code_form = CodeForm(formdata=None, data={"code": code[:40]})
                code_form.code.errors = [gettext(NO_CLASS)]
                return _code_page(code_form, 404)
            membership = (
                members.find_member(session, class_.id, account.id) if account is not None else None
            )
            teachers = instructors.class_instructors(session, class_.id)
        if membership is not None and membership.state == "active":
            return redirect(url_for("classes.overview", class_id=class_.id), 303)
        if account is None or not form.validate_on_submit():
            if membership is not None and not form.is_submitted():
                form.name.data = membership.name
            return _join_page(class_, code, form, membership, teachers)
        try:
            self._add_learner(code, account.id, form.name.data)
        except members.MembershipError as error:
            form.form_errors.append(str(error))
            return _join_page(class_, code, form, membership, teachers)
        flash(gettext("You are in: %(title)s.", title=class_.title))
        return redirect(url_for("classes.overview", class_id=class_.id), 303)

    def _add_learner(self, code: str, person_id: int, name: str) -> None:
        """Raises MembershipError when the code was closed or the person was removed."""
        with self.database.write() as session:
            # Looked up again under the lock: the code may have been closed meanwhile.
            class_ = join_store.find_class_by_code(session, code, lock_row=True)
            if class_ is None:
                raise members.MembershipError(gettext(NO_CLASS))
            join_store.join_class(session, class_.id, person_id, name, datetime.now(UTC))


def _code_page(form: CodeForm, status: int) -> tuple[str, int]:
    return render_template("classes/join_any.html", form=form), status


def _join_page(
    class_: Class, code: str, form: NameForm, membership: Member | None, teachers: list[Member]
) -> tuple[str, int]:
    page = render_template(
        "classes/join.html",
        class_=class_,
        code=code,
        form=form,
        was_removed=membership is not None and membership.state == "removed",
        has_left=membership is not None and membership.state == "left",
        instructors=teachers,
    )
    return page, 422 if form.errors else 200
