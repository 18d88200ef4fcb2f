"""``quizserver user``: looking after accounts from the command line of the server."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path

import click
from sqlalchemy.orm import Session

from quizserver.accounts import store
from quizserver.accounts.model import Person, normal_email, password_fault
from quizserver.accounts.passwords import hash_password
from quizserver.accounts.roles import store as roles
from quizserver.accounts.roles.model import with_article
from quizserver.command_line import AS_JSON, DATA, settings_of, stop
from quizserver.db.commands import migrated
from quizserver.db.session import Database
from quizserver.db.tables import ROLES

EMAIL = click.argument("email")
STDIN = click.option(
    "--password-stdin", is_flag=True, help="Read the password from standard input, one line."
)


@click.group()
@DATA
@click.pass_context
def user(context: click.Context, data: Path | None) -> None:
    """List accounts, make them, set their roles and passwords, delete them; read who granted what.

    A new server has no admin. Make the first one here: `quizserver user add YOU --role admin`, or
    `quizserver user role YOU admin` for an account that is there. Admins grant roles in the
    browser too.
    """
    context.obj = context.with_resource(migrated(settings_of(data=data)))


@user.command("list")
@AS_JSON
@click.pass_obj
def list_users(database: Database, as_json: bool) -> None:
    """List every account with its role."""
    with database.read() as session:
        people = store.everybody(session)
    if as_json:
        rows = [
            {"email": p.email, "role": p.role, "since": p.created_at.isoformat()} for p in people
        ]
        click.echo(json.dumps({"users": rows}, indent=2))
    else:
        for person in people:
            click.echo(f"{person.email}\t{person.role}\tsince {person.created_at:%Y-%m-%d}")


@user.command()
@EMAIL
@click.option("--role", type=click.Choice(ROLES), default="learner", show_default=True)
@STDIN
@click.pass_obj
def add(database: Database, email: str, role: str, password_stdin: bool) -> None:
    """Make an account."""
    address = _address(email)
    hashed = hash_password(_password(address, password_stdin))
    try:
        with database.write() as session:
            person = store.ensure_guest(session, store.new_visitor())
            store.give_address(session, person.id, address, hashed)
            roles.grant(session, person.id, role, by=None, now=datetime.now(UTC))
    except store.AddressTakenError:
        stop(f"{address} has an account already.")
    click.echo(f"{address} has a new account as {with_article(role)}.")


@user.command()
@EMAIL
@click.argument("role", type=click.Choice(ROLES))
@click.option("--force", is_flag=True, help="Even if no admin is left.")
@click.pass_obj
def role(database: Database, email: str, role: str, force: bool) -> None:
    """Give an account another role, and log it."""
    try:
        with database.write() as session:
            person = _find(session, email)
            granted = roles.grant(
                session, person.id, role, by=None, now=datetime.now(UTC), force=force
            )
    except roles.LastAdminError as error:
        stop(f"{error} Or leave the server without one with --force.")
    if granted is None:
        click.echo(f"{person.email} is {with_article(role)} already.")
    else:
        click.echo(f"{person.email} is now {with_article(role)}, was {with_article(person.role)}.")


@user.command("log")
@AS_JSON
@click.pass_obj
def show_log(database: Database, as_json: bool) -> None:
    """Show who granted which role to whom and when, newest first."""
    with database.read() as session:
        granted = roles.log(session)
    if as_json:
        rows = [
            {"email": g.email, "before": g.before, "after": g.after, "by": g.by}
            | {"at": g.at.isoformat()}
            for g in granted
        ]
        click.echo(json.dumps({"grants": rows}, indent=2))
    else:
        for g in granted:
            by = g.by or "the command line"
            click.echo(f"{g.at:%Y-%m-%d %H:%M} UTC\t{g.email}\t{g.before} -> {g.after}\tby {by}")


@user.command()
@EMAIL
@STDIN
@click.pass_obj
def password(database: Database, email: str, password_stdin: bool) -> None:
    """Set an account's password; its owner is signed out everywhere."""
    with database.read() as session:
        _find(session, email)
    hashed = hash_password(_password(_address(email), password_stdin))
    with database.write() as session:
        person = _find(session, email)
        store.change_password(session, person.id, hashed)
    click.echo(f"{person.email} has a new password.")


@user.command()
@EMAIL
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--force", is_flag=True, help="Even if no admin is left.")
@click.pass_obj
def delete(database: Database, email: str, yes: bool, force: bool) -> None:
    """Delete an account with every answer in it. The log of roles keeps its address."""
    with database.read() as session:
        person = _find(session, email)
    if not yes:
        click.confirm(f"Delete {person.email} and all of their answers for good?", abort=True)
    try:
        with database.write() as session:
            if not force:
                roles.keep_an_admin(session, person.id)
            store.delete(session, person.id)
    except roles.LastAdminError as error:
        stop(f"{error} Or leave the server without one with --force.")
    click.echo(f"{person.email} is deleted.")


def _find(session: Session, email: str) -> Person:
    person = store.by_email(session, _address(email))
    if person is None:
        stop(f"Nobody has the address {email}. `quizserver user list` shows who has.")
    return person


def _address(email: str) -> str:
    try:
        return normal_email(email)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="EMAIL") from None


def _password(address: str, from_stdin: bool) -> str:
    if from_stdin:
        password = sys.stdin.readline().rstrip("\n")
    else:
        password = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    fault = password_fault(password, address)
    if fault:
        stop(fault)
    return password
