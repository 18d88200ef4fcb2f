"""``quizserver user``: lists and manages accounts from the command line of the server."""

from __future__ import annotations

import functools
import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from sqlalchemy.orm import Session

from quizserver.accounts import roles_store, sessions_store, store
from quizserver.accounts.model import Person, normalise_email, password_fault
from quizserver.accounts.passwords import hash_password
from quizserver.accounts.roles import role_with_article
from quizserver.audit import store as audit_store
from quizserver.audit.actions import ActionCode
from quizserver.audit.model import PersonRef
from quizserver.command_line import DATA_OPTION, JSON_OPTION, exit_with_error, settings_from_flags
from quizserver.db.commands import migrated_database
from quizserver.db.session import (
    Database,
    DatabaseUrlError,
    MissingDatabaseError,
    database_place,
    require_database_file,
)
from quizserver.db.tables import ROLES
from quizserver.settings import Settings

EMAIL_ARGUMENT = click.argument("email")
PASSWORD_STDIN = click.option(
    "--password-stdin", is_flag=True, help="Read the password from standard input, one line."
)


def _pass_settings(command: Callable[..., None]) -> Callable[..., None]:
    """Calls the command with the settings first. ``--data`` may stand before or after its name."""

    @DATA_OPTION
    @functools.wraps(command)
    def call(*arguments: Any, data: Path | None, **options: Any) -> None:
        group_data: Path | None = click.get_current_context().obj
        settings = settings_from_flags(data=data if data is not None else group_data)
        command(settings, *arguments, **options)

    return call


def _pass_database(command: Callable[..., None]) -> Callable[..., None]:
    """Calls the command with the database first, which must be there. ``--data`` as above."""

    @functools.wraps(command)
    def call(settings: Settings, *arguments: Any, **options: Any) -> None:
        with migrated_database(settings) as database:
            command(database, *arguments, **options)

    return _pass_settings(call)


@click.group()
@DATA_OPTION
@click.pass_context
def user(context: click.Context, data: Path | None) -> None:
    """List accounts, make them, set their roles and passwords, delete them; read who granted what.

    A new server has no admin. Make the first one here: `quizserver user add YOU --role admin`, or
    `quizserver user role YOU admin` for an account that is there. Admins grant roles in the
    browser too.
    """
    context.obj = data


@user.command("list")
@JSON_OPTION
@_pass_database
def list_users(database: Database, as_json: bool) -> None:
    """List every account with its role."""
    with database.read() as session:
        people = store.all_accounts(session)
    if as_json:
        rows = [
            {"email": p.email, "role": p.role, "since": p.created_at.isoformat()} for p in people
        ]
        click.echo(json.dumps({"users": rows}, indent=2))
    else:
        for person in people:
            click.echo(f"{person.email}\t{person.role}\tsince {person.created_at:%Y-%m-%d}")


@user.command("add")
@EMAIL_ARGUMENT
@click.option("--role", type=click.Choice(ROLES), default="learner", show_default=True)
@PASSWORD_STDIN
@_pass_settings
def add_user(settings: Settings, email: str, role: str, password_stdin: bool) -> None:
    """Make an account; on a new server, the database too.

    It says first where that is, so that a forgotten --data is seen before the password is typed.
    """
    address = _parse_email(email)
    _print_database_place(settings)
    hashed = hash_password(_read_password(address, password_stdin))
    try:
        with (
            migrated_database(settings, may_be_new=True) as database,
            database.write() as session,
        ):
            person = store.ensure_guest(session, store.new_visitor_token())
            store.register_account(session, person.id, address, hashed)
            roles_store.set_first_role(session, person.id, role)
            audit_store.record_audit_event(
                session,
                "account-added",
                source="cli",
                now=datetime.now(UTC),
                subject=PersonRef(person.id, address),
                detail={"role": role},
            )
    except store.AddressTakenError:
        exit_with_error(f"{address} has an account already.")
    click.echo(f"{address} has a new account as {role_with_article(role)}.")


@user.command("role")
@EMAIL_ARGUMENT
@click.argument("role", type=click.Choice(ROLES))
@click.option("--force", is_flag=True, help="Even if no admin is left.")
@_pass_database
def change_role(database: Database, email: str, role: str, force: bool) -> None:
    """Give an account another role, and log it."""
    try:
        with database.write() as session:
            person = _require_account(session, email)
            new_grant = roles_store.grant_role(
                session, person.id, role, by=None, now=datetime.now(UTC), force=force
            )
    except roles_store.LastAdminError as error:
        exit_with_error(f"{error} Or leave the server without one with --force.")
    if new_grant is None:
        click.echo(f"{person.email} is {role_with_article(role)} already.")
    else:
        click.echo(
            f"{person.email} is now {role_with_article(role)},"
            f" was {role_with_article(person.role)}."
        )


@user.command("log")
@JSON_OPTION
@_pass_database
def show_log(database: Database, as_json: bool) -> None:
    """Show who granted which role to whom and when, newest first; `quizserver audit` shows more."""
    with database.read() as session:
        grants = roles_store.list_grants(session)
    if as_json:
        rows = [
            {"email": g.email, "before": g.before, "after": g.after, "by": g.by}
            | {"at": g.at.isoformat()}
            for g in grants
        ]
        click.echo(json.dumps({"grants": rows}, indent=2))
    else:
        for g in grants:
            granter = g.by or "the command line"
            click.echo(
                f"{g.at:%Y-%m-%d %H:%M} UTC\t{g.email}\t{g.before} -> {g.after}\tby {granter}"
            )


@user.command("password")
@EMAIL_ARGUMENT
@PASSWORD_STDIN
@_pass_database
def reset_password(database: Database, email: str, password_stdin: bool) -> None:
    """Set an account's password; its owner is signed out everywhere."""
    with database.read() as session:
        _require_account(session, email)
    hashed = hash_password(_read_password(_parse_email(email), password_stdin))
    with database.write() as session:
        person = _require_account(session, email)
        store.change_password(session, person.id, hashed)
        _record(session, "password-set", person)
    click.echo(f"{person.email} has a new password.")


@user.command("sign-out")
@click.argument("email", required=False)
@click.option("--everybody", is_flag=True, help="Every account. Guests keep their work.")
@_pass_database
def sign_out_user(database: Database, email: str | None, everybody: bool) -> None:
    """Sign an account out in every browser, or with --everybody all accounts."""
    if (email is not None) == everybody:
        raise click.UsageError("Name one address, or --everybody.")
    with database.write() as session:
        person = _require_account(session, email) if email is not None else None
        count = sessions_store.end_account_sessions(session, person.id if person else None)
        audit_store.record_audit_event(
            session,
            "sessions-ended",
            source="cli",
            now=datetime.now(UTC),
            subject=person,
            detail={"count": count},
        )
    whom = person.email if person is not None else "everybody"
    click.echo(f"Signed {whom} out: {count} {'session' if count == 1 else 'sessions'} ended.")


@user.command("delete")
@EMAIL_ARGUMENT
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--force", is_flag=True, help="Even if no admin is left.")
@_pass_database
def delete_user(database: Database, email: str, yes: bool, force: bool) -> None:
    """Delete an account with every answer in it. The log of the server keeps its address."""
    with database.read() as session:
        person = _require_account(session, email)
    if not yes:
        click.confirm(f"Delete {person.email} and all of their answers for good?", abort=True)
    try:
        with database.write() as session:
            if not force:
                roles_store.require_another_admin(session, person.id)
            _record(session, "account-deleted", person)
            store.delete_person(session, person.id)
    except roles_store.LastAdminError as error:
        exit_with_error(f"{error} Or leave the server without one with --force.")
    click.echo(f"{person.email} is deleted.")


def _print_database_place(settings: Settings) -> None:
    try:
        place = database_place(settings.data_url)
        require_database_file(settings.data_url)
        click.echo(f"Making the account in the database {place}.", err=True)
    except MissingDatabaseError:
        click.echo(f"Making the account in a new database, {place}.", err=True)
    except DatabaseUrlError as error:
        exit_with_error(str(error))


def _record(session: Session, action: ActionCode, person: Person) -> None:
    audit_store.record_audit_event(
        session, action, source="cli", now=datetime.now(UTC), subject=person
    )


def _require_account(session: Session, email: str) -> Person:
    person = store.person_by_email(session, _parse_email(email))
    if person is None:
        exit_with_error(f"Nobody has the address {email}. `quizserver user list` shows who has.")
    return person


def _parse_email(email: str) -> str:
    try:
        return normalise_email(email)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="EMAIL") from None


def _read_password(address: str, from_stdin: bool) -> str:
    if from_stdin:
        password = sys.stdin.readline().rstrip("\n")
    else:
        password = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    fault = password_fault(password, address)
    if fault:
        exit_with_error(fault)
    return password
