"""Passwords in forms: hidden, left to password managers, and taken as they are typed."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from quizserver.db.session import Database
from quizserver.db.tables import person
from tests.flows.browser_client import Visitor

pytestmark = pytest.mark.one_database
ANA = "ana@example.org"


def test_password_fields_hide_what_is_typed_and_leave_it_to_password_managers(
    visitor: Visitor, new_visitor: Callable[[], Visitor]
):
    guest = new_visitor()
    visitor.sign_up(ANA)
    for browser, path, uses in (
        (guest, "/sign-up", ["new-password"]),
        (guest, "/sign-in", ["current-password"]),
        (visitor, "/account/password", ["current-password", "new-password"]),
        (visitor, "/account/delete", ["current-password"]),
    ):
        fields = re.findall(r'<input[^>]*name="(?:new_)?password"[^>]*>', browser.open(path))
        assert len(fields) == len(uses), path
        for field, use in zip(fields, uses, strict=True):
            assert 'type="password"' in field
            assert f'autocomplete="{use}"' in field
            assert not re.search(r"onpaste|readonly|disabled", field)


def test_a_long_password_counts_as_it_was_typed_and_never_grows_old(
    visitor: Visitor, new_visitor: Callable[[], Visitor], database: Database
):
    password = "  Straße ﬁ é \u0065\u0301 " + "x9 " * 70 + " "
    assert 64 < len(password) <= 256
    visitor.sign_up(ANA, password)
    assert ANA in visitor.open("/account")
    with database.write() as session:
        long_ago = datetime(2001, 1, 1, tzinfo=UTC)
        session.execute(sa.update(person).values(created_at=long_ago))
    for other in (password.strip(), password.lower(), password[:-2] + " "):
        browser = new_visitor()
        browser.sign_in(ANA, other)
        assert browser.status == 422
    browser = new_visitor()
    browser.sign_in(ANA, password)
    assert ANA in browser.open("/account")
