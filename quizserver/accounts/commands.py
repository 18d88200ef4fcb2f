"""``quizserver user``: looking after accounts from the command line of the server."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import NoReturn

import click
import sqlalchemy as sa
from sqlalchemy.orm import Session

from quizserver.accounts import store
from quizserver.accounts.model import Person, normal_email, password_fault
from quizserver.accounts.passwords import hash_password
from quizserver.db.migrate import MigrationError, migrate, prepare_folder
from quizserver.db.session import Database
from quizserver.db.tables import ROLES
from quizserver.settings import SettingsError, load

EMAIL = click.argument("email")
STDIN = click.option(
    "--password-stdin", is_flag=True, help="Read the password from standard input, one line."
)


@click.group()
@click.option(
    "--data", type=click.Path(path_type=Path), help="Folder of the databases [QUIZSERVER_DATA]."
)
@click.pass_context
def user(context: click.Context, data: Path | None) -> None:
    """List accounts, make them, set their roles and passwords, delete them."""
    try:
        settings = load(os.environ, data=data)
        prepare_folder(settings.data)
        database = Database(settings.data_url)
        context.call_on_close(database.dispose)
        migrate(database)
    except SettingsError as error:
        raise click.UsageError(str(error)) from None
    except (OSError, MigrationError, sa.exc.DatabaseError) as error:
        _fail(str(error))
    context.obj = database


@user.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
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
            store.change_role(session, person.id, role)
    except store.AddressTakenError:
        _fail(f"{address} has an account already.")
    click.echo(f"{address} is a new {role}.")


@user.command()
@EMAIL
@click.argument("role", type=click.Choice(ROLES))
@click.pass_obj
def role(database: Database, email: str, role: str) -> None:
    """Give an account another role."""
    with database.write() as session:
        person = _find(session, email)
        store.change_role(session, person.id, role)
    click.echo(f"{person.email} is now {role}, was {person.role}.")


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
@click.pass_obj
def delete(database: Database, email: str, yes: bool) -> None:
    """Delete an account with every answer in it."""
    with database.read() as session:
        person = _find(session, email)
    if not yes:
        click.confirm(f"Delete {person.email} and all of their answers for good?", abort=True)
    with database.write() as session:
        store.delete(session, person.id)
    click.echo(f"{person.email} is deleted.")


def _find(session: Session, email: str) -> Person:
    person = store.by_email(session, _address(email))
    if person is None:
        _fail(f"Nobody has the address {email}. `quizserver user list` shows who has.")
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
        _fail(fault)
    return password


def _fail(message: str) -> NoReturn:
    click.echo(f"quizserver: {message}", err=True)
    sys.exit(1)
