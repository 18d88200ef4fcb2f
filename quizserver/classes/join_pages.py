"""The pages on which a learner joins a class: nobody joins before reading who will see what."""

from __future__ import annotations

from datetime import UTC, datetime

from flask import Blueprint, flash, redirect, render_template, url_for
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from werkzeug.wrappers import Response as AnyResponse

from quizserver.accounts.current_user import CurrentUser
from quizserver.classes import instructors_store as instructors
from quizserver.classes import join_codes, join_store
from quizserver.classes import members_store as members
from quizserver.classes.forms import CodeForm, NameForm
from quizserver.classes.model import Class, Member
from quizserver.db.session import Database
from quizserver.settings import Settings

NO_CLASS = (
    "No class takes people in with this code now. Compare it with what your instructor wrote; codes"
    " are closed and replaced, so ask for the present one."
)


def add_join_views(
    blueprint: Blueprint,
    *,
    database: Database,
    current: CurrentUser,
    limiter: Limiter,
    settings: Settings,
) -> None:
    """Adds ``/join`` and ``/join/<code>``."""
    # Only what finds no class counts, so that a class of hundreds can join from one address.
    client_limit = limiter.shared_limit(
        settings.limit_join_client,
        "join-client",
        key_func=get_remote_address,
        deduct_when=lambda response: response.status_code == 404,
    )

    @blueprint.route("/join", methods=["GET", "POST"])
    @client_limit
    def join_any() -> AnyResponse | str | tuple[str, int]:
        form = CodeForm()
        if not form.validate_on_submit():
            return _code_page(form, 422 if form.errors else 200)
        with database.read() as session:
            class_ = join_store.find_class_by_code(session, form.code.data)
        if class_ is None or class_.join_code is None:
            form.code.errors = [NO_CLASS]
            return _code_page(form, 404)
        return redirect(url_for("classes.join", code=join_codes.format_code(class_.join_code)), 303)

    @blueprint.route("/join/<code>", methods=["GET", "POST"])
    @client_limit
    def join(code: str) -> AnyResponse | str | tuple[str, int]:
        account, form = current.account(), NameForm()
        with database.read() as session:
            class_ = join_store.find_class_by_code(session, code)
            if class_ is None:
                code_form = CodeForm(formdata=None, data={"code": code[:40]})
                code_form.code.errors = [NO_CLASS]
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
            with database.write() as session:
                # Asked again under the lock: the code may have been closed meanwhile.
                open_class = join_store.find_class_by_code(session, code, lock_row=True)
                if open_class is None:
                    raise members.MembershipError(NO_CLASS)
                join_store.join_class(
                    session, open_class.id, account.id, form.name.data, datetime.now(UTC)
                )
        except members.MembershipError as error:
            form.form_errors.append(str(error))
            return _join_page(class_, code, form, membership, teachers)
        flash(f"You are in: {class_.title}.")
        return redirect(url_for("classes.overview", class_id=class_.id), 303)


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
