"""NUL in a request is refused by every page, and an author's text is not lost by it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.flows.browser_client import Form, Visitor

EDITOR = "/write/numbers/sides.md"


@pytest.fixture
def admin(visitor: Visitor, give_role_to_all: Callable[[str], None]) -> Visitor:
    visitor.sign_up("ana@example.org")
    give_role_to_all("admin")
    return visitor


def test_a_visitors_request_with_nul_is_refused(visitor: Visitor):
    for address in (
        "/?q=%00",
        "/sign-in?next=%00",
        "/questions/%00",
        "/classes/join/%00",
        "/?%00=1",
    ):
        expected = 404 if "/%00" in address else 400
        assert visitor.client.get(address).status_code == expected, address
    visitor.sign_in("a\0b@example.org")
    assert visitor.status == 400
    assert "made no sense" in visitor.text
    visitor.sign_up("a\0b@example.org")
    assert visitor.status == 400


def test_an_admins_request_with_nul_is_refused(admin: Visitor):
    for address in ("/admin/log?q=%00", "/admin/log/log.csv?q=%00", "/admin/people?q=%00"):
        assert admin.client.get(address).status_code == 400, address
        assert admin.client.get(address.replace("%00", "a")).status_code == 200, address
    admin.open("/account")
    fields = Form(admin.page, "/sign-out").fields
    admin.post("/account/sessions", fields | {"session": "\0"})
    assert admin.status == 400


def test_bytes_that_are_no_text_are_no_error_of_the_server(admin: Visitor):
    for address in ("/admin/people?q=%ff", "/admin/people?q=%ed%a0%80", "/questions/%ed%a0%80"):
        assert admin.client.get(address).status_code in {200, 400, 404}, address


def test_an_authors_text_with_nul_is_kept_or_given_back(admin: Visitor, content: Path):
    fields = Form(admin.open(EDITOR), EDITOR).fields
    text = "# A long\0 evening's work\n"
    admin.post(EDITOR, fields | {"text": text, "do": "save"})
    assert admin.status == 200
    assert "A long\ufffd evening" in admin.page
    admin.post(EDITOR, fields | {"text": "# Another evening's work\n", "do": "save\0"})
    assert admin.status == 400
    assert "Another evening" in admin.page
