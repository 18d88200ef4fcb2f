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

from quizserver.accounts import roles_store
from quizserver.accounts import store as accounts_store
from quizserver.accounts.current_user import CurrentUser
from quizserver.accounts.model import Person
from quizserver.accounts.roles import ROLE_PERMISSIONS, role_with_article
from quizserver.db.session import Database
from quizserver.web.paging import Paging

PER_PAGE = 50
# No address is longer.
SEARCH_MAX = 254

P = ParamSpec("P")
R = TypeVar("R")


def create_roles_blueprint(*, database: Database, current: CurrentUser) -> Blueprint:
    """The blueprint ``roles``: 404 for everybody but admins, as if it were not there."""
    blueprint = Blueprint("roles", __name__, url_prefix="/admin/people")

    def require_admin(view: Callable[P, R]) -> Callable[P, R]:
        @wraps(view)
        def guarded_view(*args: P.args, **kwargs: P.kwargs) -> R:
            account = current.account()
            if account is None or not account.is_admin:
                abort(404)
            return view(*args, **kwargs)

        return guarded_view

    @blueprint.get("")
    @require_admin
    def people() -> str:
        search_text = request.args.get("q", "")[:SEARCH_MAX]
        role = request.args.get("role")
        role = role if role in ROLE_PERMISSIONS else None
        with database.read() as session:
            paging = _read_paging(accounts_store.count_accounts(session, search_text, role))
            matches = accounts_store.search_accounts(
                session, search_text, role, offset=paging.offset, limit=paging.per_page
            )
        return render_template(
            "accounts/people.html",
            people=matches,
            paging=paging,
            search_text=search_text,
            role=role,
            roles=list(ROLE_PERMISSIONS),
            query={"q": search_text or None, "role": role},
        )

    @blueprint.get("/log")
    @require_admin
    def log() -> str:
        with database.read() as session:
            paging = _read_paging(roles_store.count_grants(session))
            grants = roles_store.list_grants(session, offset=paging.offset, limit=paging.per_page)
        return render_template("accounts/roles_log.html", grants=grants, paging=paging)

    @blueprint.get("/<int:person_id>")
    @require_admin
    def person(person_id: int) -> str:
        account = _account_or_404(person_id)
        role = request.args.get("role")
        if role in ROLE_PERMISSIONS and role != account.role:
            return render_template(
                "accounts/grant.html",
                person=account,
                role=role,
                permissions=ROLE_PERMISSIONS,
                role_with_article=role_with_article,
                is_own_account=_is_own_account(account),
            )
        return _render_person(account)

    @blueprint.post("/<int:person_id>")
    @require_admin
    def grant(person_id: int) -> AnyResponse:
        account, role = _account_or_404(person_id), request.form.get("role", "")
        if role not in ROLE_PERMISSIONS:
            abort(400)
        try:
            with database.write() as session:
                new_grant = roles_store.grant_role(
                    session,
                    person_id,
                    role,
                    by=current.account(),
                    now=datetime.now(UTC),
                    expected=request.form.get("before"),
                )
        except roles_store.GrantRefusedError as error:
            return make_response(_render_person(_account_or_404(person_id), str(error)), 409)
        if new_grant is None:
            flash(f"{account.email} is {role_with_article(role)} already.")
        else:
            flash(f"{new_grant.email} is now {role_with_article(new_grant.after)}.")
        if _is_own_account(account) and role != "admin":
            return redirect(url_for("accounts.account"), 303)
        return redirect(url_for("roles.person", person_id=person_id), 303)

    def _render_person(person: Person, error: str | None = None) -> str:
        with database.read() as session:
            grants = roles_store.grants_of_person(session, person.id, limit=PER_PAGE)
        return render_template(
            "accounts/person.html",
            person=person,
            permissions=ROLE_PERMISSIONS,
            role_with_article=role_with_article,
            grants=grants,
            error=error,
        )

    def _account_or_404(person_id: int) -> Person:
        with database.read() as session:
            person = accounts_store.person_by_id(session, person_id)
        if person is None or person.email is None:
            abort(404)
        return person

    def _is_own_account(person: Person) -> bool:
        account = current.account()
        return account is not None and account.id == person.id

    return blueprint


def _read_paging(total: int) -> Paging:
    return Paging.from_query(request.args.get("page", ""), total, PER_PAGE)
