"""``quizserver user``: looking after accounts from the command line of the server."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import NoReturn

import click
from sqlalchemy.orm import Session

from quizserver.accounts import store
from quizserver.accounts.model import Person, normal_email, password_fault
from quizserver.accounts.passwords import hash_password
from quizserver.db.session import Database
from quizserver.db.tables import ROLES

EMAIL = click.argument("email")
STDIN = click.option(
    "--password-stdin", is_flag=True, help="Read the password from standard input, one line."
)


def user_group(open_database: Callable[[click.Context], Database]) -> click.Group:
    """The group of commands; ``open_database`` opens the store that the flags name."""

    @click.group()
    def user() -> None:
        """List accounts, make them, set their roles and passwords, delete them."""

    def writing(context: click.Context) -> AbstractContextManager[Session]:
        return open_database(context).write()

    @user.command("list")
    @click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
    @click.pass_context
    def list_users(context: click.Context, as_json: bool) -> None:
        """List every account with its role."""
        with open_database(context).read() as session:
            people = store.everybody(session)
        if as_json:
            rows = [
                {"email": p.email, "role": p.role, "since": p.created_at.isoformat()}
                for p in people
            ]
            click.echo(json.dumps({"users": rows}, indent=2))
        else:
            for person in people:
                click.echo(f"{person.email}\t{person.role}\tsince {person.created_at:%Y-%m-%d}")

    @user.command()
    @EMAIL
    @click.option("--role", type=click.Choice(ROLES), default="learner", show_default=True)
    @STDIN
    @click.pass_context
    def add(context: click.Context, email: str, role: str, password_stdin: bool) -> None:
        """Make an account."""
        address = _address(email)
        hashed = hash_password(_password(address, password_stdin))
        try:
            with writing(context) as session:
                person = store.ensure(session, store.new_visitor())
                store.give_address(session, person.id, address, hashed)
                store.change_role(session, person.id, role)
        except store.AddressTakenError:
            _fail(f"{address} has an account already.")
        click.echo(f"{address} is a new {role}.")

    @user.command()
    @EMAIL
    @click.argument("role", type=click.Choice(ROLES))
    @click.pass_context
    def role(context: click.Context, email: str, role: str) -> None:
        """Give an account another role."""
        with writing(context) as session:
            person = _find(session, email)
            store.change_role(session, person.id, role)
        click.echo(f"{person.email} is now {role}, was {person.role}.")

    @user.command()
    @EMAIL
    @STDIN
    @click.pass_context
    def password(context: click.Context, email: str, password_stdin: bool) -> None:
        """Set an account's password; its owner is signed out everywhere."""
        with open_database(context).read() as session:
            _find(session, email)
        hashed = hash_password(_password(_address(email), password_stdin))
        with writing(context) as session:
            person = _find(session, email)
            store.change_password(session, person.id, hashed)
        click.echo(f"{person.email} has a new password.")

    @user.command()
    @EMAIL
    @click.option("--yes", is_flag=True, help="Do not ask.")
    @click.pass_context
    def delete(context: click.Context, email: str, yes: bool) -> None:
        """Delete an account with every answer in it."""
        with open_database(context).read() as session:
            person = _find(session, email)
        if not yes:
            click.confirm(f"Delete {person.email} and all of their answers for good?", abort=True)
        with writing(context) as session:
            store.delete(session, person.id)
        click.echo(f"{person.email} is deleted.")

    return user


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
