"""The pages on which admins find accounts, grant roles and read the log of roles."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

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
from quizserver.accounts.guards import require_admin
from quizserver.accounts.model import EMAIL_MAX, Person
from quizserver.accounts.roles import ROLE_PERMISSIONS, role_with_article
from quizserver.db.session import Database
from quizserver.translation import gettext
from quizserver.web.paging import Paging

ACCOUNTS_PER_PAGE = 50


@dataclass(frozen=True, slots=True)
class RolesPages:
    """The views for admins; for everybody else they are missing (404)."""

    database: Database
    current: CurrentUser

    def list_people(self) -> str:
        search_text = request.args.get("q", "")[:EMAIL_MAX]
        role = request.args.get("role")
        role = role if role in ROLE_PERMISSIONS else None
        with self.database.read() as session:
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
            role_choices=[(name, name) for name in ROLE_PERMISSIONS],
            query={"q": search_text or None, "role": role},
        )

    def show_role_log(self) -> str:
        with self.database.read() as session:
            paging = _read_paging(roles_store.count_grants(session))
            grants = roles_store.list_grants(session, offset=paging.offset, limit=paging.per_page)
        return render_template("accounts/roles_log.html", grants=grants, paging=paging)

    def show_person(self, person_id: int) -> str:
        """The page of an account, or with ``?role=`` the one that asks to confirm that role."""
        account = self._account_or_404(person_id)
        role = request.args.get("role")
        if role in ROLE_PERMISSIONS and role != account.role:
            return render_template(
                "accounts/grant.html",
                person=account,
                role=role,
                permissions=ROLE_PERMISSIONS,
                role_with_article=role_with_article,
                is_own_account=self._is_own_account(account),
            )
        return self._render_person(account)

    def submit_grant(self, person_id: int) -> AnyResponse:
        account, role = self._account_or_404(person_id), request.form.get("role", "")
        if role not in ROLE_PERMISSIONS:
            abort(400)
        try:
            with self.database.write() as session:
                new_grant = roles_store.grant_role(
                    session,
                    person_id,
                    role,
                    by=self.current.account(),
                    now=datetime.now(UTC),
                    expected=request.form.get("before"),
                )
        except roles_store.GrantRefusedError as error:
            page = self._render_person(self._account_or_404(person_id), str(error))
            return make_response(page, 409)
        if new_grant is None:
            name = role_with_article(role)
            flash(gettext("%(email)s is %(role)s already.", email=account.email, role=name))
        else:
            name = role_with_article(new_grant.after)
            flash(gettext("%(email)s is now %(role)s.", email=new_grant.email, role=name))
        if self._is_own_account(account) and role != "admin":
            return redirect(url_for("accounts.account"), 303)
        return redirect(url_for("roles.person", person_id=person_id), 303)

    def _render_person(self, person: Person, error: str | None = None) -> str:
        with self.database.read() as session:
            grants = roles_store.grants_of_person(session, person.id, limit=ACCOUNTS_PER_PAGE)
        return render_template(
            "accounts/person.html",
            person=person,
            permissions=ROLE_PERMISSIONS,
            role_with_article=role_with_article,
            grants=grants,
            error=error,
        )

    def _account_or_404(self, person_id: int) -> Person:
        with self.database.read() as session:
            person = accounts_store.person_by_id(session, person_id)
        if person is None or person.email is None:
            abort(404)
        return person

    def _is_own_account(self, person: Person) -> bool:
        account = self.current.account()
        return account is not None and account.id == person.id


def create_roles_blueprint(pages: RolesPages) -> Blueprint:
    """The blueprint ``roles``: every address is guarded by ``require_admin``."""
    blueprint = Blueprint("roles", __name__, url_prefix="/admin/people")
    blueprint.before_request(lambda: require_admin(pages.current))
    blueprint.add_url_rule("", "people", pages.list_people)
    blueprint.add_url_rule("/log", "log", pages.show_role_log)
    blueprint.add_url_rule("/<int:person_id>", "person", pages.show_person)
    blueprint.add_url_rule("/<int:person_id>", "grant", pages.submit_grant, methods=["POST"])
    return blueprint


def _read_paging(total: int) -> Paging:
    return Paging.from_query(request.args.get("page", ""), total, ACCOUNTS_PER_PAGE)
