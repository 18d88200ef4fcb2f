"""The pages on which a learner joins a class: nobody joins before reading who will see what."""

from __future__ import annotations

from datetime import UTC, datetime

from flask import Blueprint, flash, redirect, render_template, url_for
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from werkzeug.wrappers import Response as AnyResponse

from quizserver.accounts.current import Current
from quizserver.classes import codes
from quizserver.classes.forms import CodeForm, NameForm
from quizserver.classes.instructors import store as instructors
from quizserver.classes.joining import store
from quizserver.classes.members import store as members
from quizserver.classes.model import Class, Member
from quizserver.db.session import Database
from quizserver.settings import Settings

NO_CLASS = (
    "No class takes people in with this code now. Compare it with what your instructor wrote; codes"
    " are closed and replaced, so ask for the present one."
)


def add(
    blueprint: Blueprint,
    *,
    database: Database,
    current: Current,
    limiter: Limiter,
    settings: Settings,
) -> None:
    """Adds ``/join`` and ``/join/<code>``."""
    # Only what finds no class counts, so that a class of hundreds can join from one address.
    by_client = limiter.shared_limit(
        settings.limit_join_client,
        "join-client",
        key_func=get_remote_address,
        deduct_when=lambda response: response.status_code == 404,
    )

    @blueprint.route("/join", methods=["GET", "POST"])
    @by_client
    def join_any() -> AnyResponse | str | tuple[str, int]:
        form = CodeForm()
        if not form.validate_on_submit():
            return _code_page(form, 422 if form.errors else 200)
        with database.read() as session:
            found = store.by_code(session, form.code.data)
        if found is None or found.join_code is None:
            form.code.errors = [NO_CLASS]
            return _code_page(form, 404)
        return redirect(url_for("classes.join", code=codes.spelled(found.join_code)), 303)

    @blueprint.route("/join/<code>", methods=["GET", "POST"])
    @by_client
    def join(code: str) -> AnyResponse | str | tuple[str, int]:
        account, form = current.account(), NameForm()
        with database.read() as session:
            found = store.by_code(session, code)
            if found is None:
                refused = CodeForm(formdata=None, data={"code": code[:40]})
                refused.code.errors = [NO_CLASS]
                return _code_page(refused, 404)
            mine = members.member(session, found.id, account.id) if account is not None else None
            teachers = instructors.of_class(session, found.id)
        if mine is not None and mine.state == "active":
            return redirect(url_for("classes.overview", class_id=found.id), 303)
        if account is None or not form.validate_on_submit():
            if mine is not None and not form.is_submitted():
                form.name.data = mine.name
            return _join_page(found, code, form, mine, teachers)
        try:
            with database.write() as session:
                # Asked again under the lock: the code may have been closed meanwhile.
                still = store.by_code(session, code, hold=True)
                if still is None:
                    raise members.MembershipError(NO_CLASS)
                store.join(session, still.id, account.id, form.name.data, datetime.now(UTC))
        except members.MembershipError as error:
            form.form_errors.append(str(error))
            return _join_page(found, code, form, mine, teachers)
        flash(f"You are in: {found.title}.")
        return redirect(url_for("classes.overview", class_id=found.id), 303)


def _code_page(form: CodeForm, status: int) -> tuple[str, int]:
    return render_template("classes/join_any.html", form=form), status


def _join_page(
    found: Class, code: str, form: NameForm, mine: Member | None, teachers: list[Member]
) -> tuple[str, int]:
    page = render_template(
        "classes/join.html",
        room=found,
        code=code,
        form=form,
        removed=mine is not None and mine.state == "removed",
        back=mine is not None and mine.state == "left",
        teachers=teachers,
    )
    return page, 422 if form.errors else 200
