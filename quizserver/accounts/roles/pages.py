"""The admins' pages: find somebody, grant them a role, read the log. Nobody else sees them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import wraps
from typing import ParamSpec, TypeVar

from flask import (
    Blueprint,
    abort,
    flash,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)
from werkzeug.wrappers import Response as AnyResponse

from quizserver.accounts import store as accounts
from quizserver.accounts.current import Current
from quizserver.accounts.model import Person
from quizserver.accounts.roles import store
from quizserver.accounts.roles.model import MAY, with_article
from quizserver.db.session import Database
from quizserver.web.paging import Paging

PER_PAGE = 50
# No address is longer.
SEARCH_MAX = 254

P = ParamSpec("P")
R = TypeVar("R")


def pages(*, database: Database, current: Current) -> Blueprint:
    """The blueprint ``roles``: 404 for everybody but admins, as if it were not there."""
    blueprint = Blueprint("roles", __name__, url_prefix="/admin/people")

    def for_admins(view: Callable[P, R]) -> Callable[P, R]:
        @wraps(view)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
            account = current.account()
            if account is None or not account.administers:
                abort(404)
            return view(*args, **kwargs)

        return guarded

    @blueprint.get("")
    @for_admins
    def people() -> str:
        text = request.args.get("q", "")[:SEARCH_MAX]
        role = request.args.get("role")
        role = role if role in MAY else None
        with database.read() as session:
            paging = _paging(accounts.count(session, text, role))
            found = accounts.search(
                session, text, role, offset=paging.offset, limit=paging.per_page
            )
        return render_template(
            "accounts/people.html",
            people=found,
            paging=paging,
            text=text,
            role=role,
            roles=list(MAY),
            kept={"q": text or None, "role": role},
        )

    @blueprint.get("/log")
    @for_admins
    def log() -> str:
        with database.read() as session:
            paging = _paging(store.log_length(session))
            granted = store.log(session, offset=paging.offset, limit=paging.per_page)
        return render_template("accounts/roles_log.html", grants=granted, paging=paging)

    @blueprint.get("/<int:person_id>")
    @for_admins
    def person(person_id: int) -> str:
        found = _account(person_id)
        role = request.args.get("role")
        if role in MAY and role != found.role:
            return render_template(
                "accounts/grant.html",
                person=found,
                role=role,
                may=MAY,
                with_article=with_article,
                own=_is_own(found),
            )
        return _person_page(found)

    @blueprint.post("/<int:person_id>")
    @for_admins
    def grant(person_id: int) -> AnyResponse:
        found, role = _account(person_id), request.form.get("role", "")
        if role not in MAY:
            abort(400)
        try:
            with database.write() as session:
                granted = store.grant(
                    session,
                    person_id,
                    role,
                    by=current.account(),
                    now=datetime.now(UTC),
                    expected=request.form.get("before"),
                )
        except store.RefusedError as error:
            return make_response(_person_page(_account(person_id), str(error)), 409)
        if granted is None:
            flash(f"{found.email} is {with_article(role)} already.")
        else:
            flash(f"{granted.email} is now {with_article(granted.after)}.")
        if _is_own(found) and role != "admin":
            return redirect(url_for("accounts.account"), 303)
        return redirect(url_for("roles.person", person_id=person_id), 303)

    def _person_page(found: Person, error: str | None = None) -> str:
        with database.read() as session:
            history = store.of_person(session, found.id, limit=PER_PAGE)
        return render_template(
            "accounts/person.html",
            person=found,
            may=MAY,
            with_article=with_article,
            history=history,
            error=error,
        )

    def _account(person_id: int) -> Person:
        with database.read() as session:
            found = accounts.by_id(session, person_id)
        if found is None or found.email is None:
            abort(404)
        return found

    def _is_own(found: Person) -> bool:
        account = current.account()
        return account is not None and account.id == found.id

    return blueprint


def _paging(total: int) -> Paging:
    return Paging.asked(request.args.get("page", ""), total, PER_PAGE)
