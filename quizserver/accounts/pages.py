"""Sign-up, sign-in and sign-out, and the pages of a person's own account."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from flask import (
    Blueprint,
    flash,
    jsonify,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from quizserver.accounts import roles_store, sessions_store, store
from quizserver.accounts.current_user import CurrentUser
from quizserver.accounts.forms import DeleteForm, PasswordForm, SignInForm, SignUpForm
from quizserver.accounts.model import Person, normalise_email, password_fault
from quizserver.accounts.passwords import hash_password, needs_rehash, verify_password
from quizserver.accounts.roles import ROLE_PERMISSIONS, role_with_article
from quizserver.accounts.sessions_store import SessionEndedError
from quizserver.accounts.tries import TooManyTriesError
from quizserver.accounts.try_limits import TryLimits
from quizserver.audit import store as audit_store
from quizserver.audit.model import EventFilter, export_event
from quizserver.db.session import Database
from quizserver.translation import N_, gettext, ngettext
from quizserver.web.clients import client_of_request
from quizserver.web.security import clear_storage
from quizserver.web.security_log import log_security_event, note_account

TOO_MANY_SIGN_INS = N_(
    "Too many passwords were tried from here. Wait %(wait)s, then try again. A browser in which you"
    " have signed in to this account before need not wait."
)
TOO_MANY_SIGN_UPS = N_(
    "Too many people signed up from here just now. Wait %(wait)s, then try again."
)
TOO_MANY_PASSWORDS = N_("Too many wrong passwords were tried here. Wait %(wait)s, then try again.")
WRONG_CREDENTIALS = N_("That address and password don't belong together. Check both and try again.")

FormPage = AnyResponse | str | tuple[str, int]


@dataclass(frozen=True, slots=True)
class AccountPages:
    """The views of the account pages.

    ``merge_guest(session, guest_id, account_id)`` moves a guest's work into an account;
    ``export_person(session, person_id)`` is what other packages store about a person;
    ``sole_class_titles(session, person_id)`` are the titles of the classes that only they instruct.
    """

    database: Database
    current: CurrentUser
    tries: TryLimits
    merge_guest: Callable[[Session, int, int], None]
    export_person: Callable[[Session, int], dict[str, Any]]
    sole_class_titles: Callable[[Session, int], list[str]]

    def sign_in(self) -> FormPage:
        form = SignInForm(next=request.args.get("next", ""))
        if not form.validate_on_submit():
            return _render_form("accounts/sign_in.html", form)
        email = _email_of_account(form.email.data)
        with self.database.read() as session:
            person = store.person_by_email(session, email)
            stored_hash = store.read_password_hash(session, email)
        if person is not None:
            note_account(person.id)
        try:
            try_id = self.tries.begin_password_try(
                email, self.current.password_source(person), datetime.now(UTC)
            )
        except TooManyTriesError as error:
            return _render_refusal("accounts/sign_in.html", form, TOO_MANY_SIGN_INS, error)
        token = self._open_session_by_password(person, stored_hash, form.password.data, try_id)
        if person is None or token is None:
            log_security_event("sign-in-refused")
            form.password.errors = [gettext(WRONG_CREDENTIALS)]
            return _render_form("accounts/sign_in.html", form)
        self.current.sign_in(person, token)
        log_security_event("sign-in")
        return redirect(_safe_redirect_target(form.next.data), 303)

    def sign_up(self) -> FormPage:
        if self.current.account() is not None:
            return redirect(url_for("accounts.account"), 303)
        form = SignUpForm(next=request.args.get("next", ""))
        if not form.validate_on_submit():
            return _render_form("accounts/sign_up.html", form)
        try:
            self.tries.begin_sign_up(client_of_request(), datetime.now(UTC))
        except TooManyTriesError as error:
            return _render_refusal("accounts/sign_up.html", form, TOO_MANY_SIGN_UPS, error)
        password_hash = hash_password(form.password.data)
        self.current.visitor_token()
        try:
            with self.database.write() as session:
                guest = self.current.ensure_person(session)
                store.register_account(session, guest.id, form.email.data, password_hash)
                token = self.current.open_session(session, guest.id)
                person = store.person_by_id(session, guest.id)
        except store.AddressTakenError:
            log_security_event("sign-up-refused")
            form.email.errors = [gettext("This address has an account already. Sign in instead.")]
            return _render_form("accounts/sign_up.html", form)
        except (store.NoGuestError, SessionEndedError):
            self.current.renew_visitor()
            form.email.errors = [
                gettext("You have signed up or in meanwhile, perhaps in another tab.")
            ]
            return _render_form("accounts/sign_up.html", form)
        assert person is not None
        self.current.sign_in(person, token)
        log_security_event("sign-up")
        flash(gettext("Your account is ready. Everything you did as a guest is in it."))
        return redirect(_safe_redirect_target(form.next.data), 303)

    def sign_out(self) -> AnyResponse:
        self.current.sign_out()
        log_security_event("sign-out")
        flash(gettext("You are signed out."))
        return clear_storage(redirect(url_for("progress.home"), 303))

    def show_account(self) -> str:
        person = self.current.person()
        grants, sessions = [], []
        if person is not None and not person.is_guest:
            with self.database.read() as session:
                grants = roles_store.grants_of_person(session, person.id, limit=1)
                sessions = sessions_store.sessions_of_person(session, person.id)
        return render_template(
            "accounts/account.html",
            person=person,
            permissions=ROLE_PERMISSIONS,
            role_with_article=role_with_article,
            grant=grants[0] if grants else None,
            sessions=sessions,
            own_session=self.current.session(),
        )

    def end_sessions(self) -> AnyResponse:
        """Ends one session of the signed-in person, or all but the one of this browser."""
        account, own_session = self.current.account(), self.current.session()
        if account is None or own_session is None:
            return self._ask_to_sign_in()
        token_hash = request.form.get("session", "")
        if token_hash == own_session.token_hash:
            return self.sign_out()
        with self.database.write() as session:
            if token_hash:
                count = int(sessions_store.end_session(session, account.id, token_hash))
            else:
                count = sessions_store.end_other_sessions(
                    session, account.id, own_session.token_hash
                )
        log_security_event("session-ended")
        flash(_ended_message(count))
        return redirect(url_for("accounts.account"), 303)

    def forget_guest(self) -> AnyResponse | str:
        """The page that says what leaving a guest's work means, and then leaves it."""
        person = self.current.person()
        if person is None or not person.is_guest:
            return redirect(url_for("accounts.account"), 303)
        if request.method != "POST":
            return render_template("accounts/forget.html")
        self.current.sign_out()
        log_security_event("sign-out")
        flash(
            gettext("This browser has forgotten the guest. Nobody can open those answers any more.")
        )
        return clear_storage(redirect(url_for("progress.home"), 303))

    def change_password(self) -> FormPage:
        form = PasswordForm()
        person = self.current.account()
        if person is None or person.email is None:
            return self._ask_to_sign_in()
        if not form.validate_on_submit():
            return _render_form("accounts/password.html", form)
        fault = password_fault(form.new_password.data, person.email)
        if fault:
            form.new_password.errors = [fault]
            return _render_form("accounts/password.html", form)
        try:
            verified_hash = self._verify_password_of(person, form.password.data)
            password_hash = hash_password(form.new_password.data)
            with self.database.write() as session:
                store.require_password_hash(session, person.id, verified_hash)
                store.change_password(session, person.id, password_hash)
                token = self.current.open_session(session, person.id)
        except TooManyTriesError as error:
            return _render_refusal("accounts/password.html", form, TOO_MANY_PASSWORDS, error)
        except store.WrongPasswordError:
            log_security_event("password-refused")
            form.password.errors = [gettext("That is not your present password.")]
            return _render_form("accounts/password.html", form)
        self.current.sign_in(person, token)
        log_security_event("password-changed")
        flash(gettext("Your password is changed. Other browsers have been signed out."))
        return redirect(url_for("accounts.account"), 303)

    def delete_account(self) -> FormPage:
        person = self.current.person()
        if person is None:
            return redirect(url_for("accounts.account"), 303)
        form = DeleteForm()
        with self.database.read() as session:
            in_log = audit_store.is_in_log(session, person.id)
            context = {
                "person": person,
                "in_log": in_log,
                "sole_class_titles": self.sole_class_titles(session, person.id),
            }
        if not form.validate_on_submit():
            return _render_form("accounts/delete.html", form, **context)
        try:
            verified_hash = (
                None
                if person.is_guest
                else self._verify_password_of(person, form.password.data or "")
            )
            with self.database.write() as session:
                roles_store.require_another_admin(session, person.id)
                if verified_hash is not None:
                    store.require_password_hash(session, person.id, verified_hash)
                store.delete_person(session, person.id)
        except TooManyTriesError as error:
            template = "accounts/delete.html"
            return _render_refusal(template, form, TOO_MANY_PASSWORDS, error, **context)
        except store.WrongPasswordError:
            log_security_event("password-refused")
            form.password.errors = [gettext("That is not your password.")]
            return _render_form("accounts/delete.html", form, **context)
        except roles_store.LastAdminError as error:
            form.password.errors = [str(error)]
            return _render_form("accounts/delete.html", form, **context)
        self.current.forget()
        log_security_event("account-deleted")
        if in_log:
            message = gettext(
                "Everything that was stored about you is deleted, but for your address in the log"
                " of the server."
            )
        else:
            message = gettext("Everything that was stored about you is deleted.")
        flash(message)
        return clear_storage(redirect(url_for("progress.home"), 303))

    def download_data(self) -> AnyResponse:
        person = self.current.person()
        if person is None and self.current.has_ended():
            # An empty file would look like all that there is; the page says what happened.
            return redirect(url_for("accounts.account"), 303)
        document: dict[str, Any] = {"format": 1, "downloaded_at": datetime.now(UTC).isoformat()}
        if person is not None:
            document["account"] = {
                "email": person.email,
                "role": person.role,
                "since": person.created_at.isoformat(),
            }
            with self.database.read() as session:
                document["role_changes"] = [
                    {"before": g.before, "after": g.after, "by": g.by, "at": g.at.isoformat()}
                    for g in roles_store.grants_of_person(session, person.id)
                ]
                document["log"] = [
                    export_event(event)
                    for event in audit_store.list_events(session, EventFilter(person_id=person.id))
                ]
                document["sessions"] = [
                    {
                        "browser": s.browser,
                        "since": s.created_at.isoformat(),
                        "last_seen_at": s.last_seen_at.isoformat(),
                    }
                    for s in sessions_store.sessions_of_person(session, person.id)
                ]
                document |= self.export_person(session, person.id)
        response = jsonify(document)
        response.headers["Content-Disposition"] = 'attachment; filename="quizserver-data.json"'
        return response

    def _ask_to_sign_in(self) -> AnyResponse:
        flash(gettext("Sign in to see this page."))
        target = url_for("accounts.sign_in", next=request.path)
        return redirect(target, 303)

    def _open_session_by_password(
        self, person: Person | None, stored_hash: str | None, password: str, try_id: int
    ) -> str | None:
        """The token of a new session, into which a guest's work has moved; None when the password
        is not the account's.

        The session opens only while the hash that was verified is still the stored one: hashing
        takes a while, and whoever changes a password meanwhile means to shut the old one out.
        """
        # Verified even without an account, so that the time does not reveal whether there is one.
        while verify_password(stored_hash, password) and person is not None and stored_hash:
            new_hash = hash_password(password) if needs_rehash(stored_hash) else None
            guest = self.current.person()
            try:
                with self.database.write() as session:
                    store.require_password_hash(session, person.id, stored_hash)
                    self.tries.mark_right(session, try_id)
                    if new_hash is not None:
                        store.upgrade_password_hash(session, person.id, stored_hash, new_hash)
                    token = self.current.open_session(session, person.id)
                    if guest is not None and guest.is_guest:
                        self.merge_guest(session, guest.id, person.id)
                        store.link_guest_to_account(session, guest.id, person.id)
                return token
            except store.WrongPasswordError:
                # Perhaps only hashed anew, by another sign-in: the new hash decides.
                with self.database.read() as session:
                    stored_hash = store.read_password_hash(session, person.email or "")
        return None

    def _verify_password_of(self, person: Person, password: str) -> str:
        """The stored hash that the password of the signed-in person has.

        Raises WrongPasswordError when it has another, TooManyTriesError.
        """
        email = person.email or ""
        try_id = self.tries.begin_password_try(
            email, self.current.session_source(), datetime.now(UTC)
        )
        with self.database.read() as session:
            stored_hash = store.read_password_hash(session, email)
        if not verify_password(stored_hash, password) or stored_hash is None:
            raise store.WrongPasswordError
        with self.database.write() as session:
            self.tries.mark_right(session, try_id)
        return stored_hash


def create_accounts_blueprint(pages: AccountPages) -> Blueprint:
    """The blueprint ``accounts``."""
    blueprint = Blueprint("accounts", __name__)
    form_methods, add = ["GET", "POST"], blueprint.add_url_rule
    add("/sign-in", "sign_in", pages.sign_in, methods=form_methods)
    add("/sign-up", "sign_up", pages.sign_up, methods=form_methods)
    add("/sign-out", "sign_out", pages.sign_out, methods=["POST"])
    add("/account", "account", pages.show_account)
    add("/account/sessions", "sessions", pages.end_sessions, methods=["POST"])
    add("/account/forget", "forget", pages.forget_guest, methods=form_methods)
    add("/account/password", "password", pages.change_password, methods=form_methods)
    add("/account/delete", "delete", pages.delete_account, methods=form_methods)
    add("/account/data.json", "data", pages.download_data)
    return blueprint


def _render_form(template: str, form: Any, **context: Any) -> tuple[str, int]:
    return render_template(template, form=form, **context), 422 if form.errors else 200


def _ended_message(count: int) -> str:
    if count == 0:
        return gettext("That session had ended already.")
    return ngettext(
        "The other browser is signed out.", "%(num)s other browsers are signed out.", count
    )


def _email_of_account(address: str) -> str:
    """The normal form of a typed address, under which an account is stored and its tries count."""
    try:
        return normalise_email(address)
    except ValueError:
        # Nobody can sign up with such an address; an invented account of `demo` may have one.
        return address.strip().lower()


def _render_refusal(
    template: str, form: Any, message: str, error: TooManyTriesError, **context: Any
) -> AnyResponse:
    """The form again, with what to wait for."""
    minutes = -(-error.seconds // 60)
    wait = ngettext("a minute", "%(num)s minutes", minutes)
    form.form_errors.append(gettext(message, wait=wait))
    response = make_response(render_template(template, form=form, **context), 429)
    response.headers["Retry-After"] = str(error.seconds)
    return response


def _safe_redirect_target(target: str | None) -> str:
    """``target`` when it is a path of this site, else the home page: no open redirects."""
    home = url_for("progress.home")
    if not target or not target.startswith("/") or target.startswith(("//", "/\\")):
        return home
    return target if target.isprintable() and "\\" not in target else home
