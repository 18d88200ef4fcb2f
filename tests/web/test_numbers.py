"""Numbers that a request brings: one spelling each, in ASCII digits, wherever they are read."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from flask.testing import FlaskClient

import quizserver
from quizserver.web.body_limiter import BodyLimiter
from quizserver.web.numbers import parse_decimal, parse_whole_number
from quizserver.web.paging import Paging
from tests.flows.browser_client import Form, Visitor

# A number that is refused reaches no database.
pytestmark = pytest.mark.one_database

PACKAGE = Path(quizserver.__file__).parent
ONE = {"Arabic": "١", "Devanagari": "१", "full width": "１", "superscript": "¹"}


@pytest.mark.parametrize(("text", "number"), [("0", 0), ("7", 7), ("123", 99), ("9999999999", 99)])
def test_a_number_is_read_up_to_the_maximum(text: str, number: int):
    assert parse_whole_number(text, maximum=99) == number


@pytest.mark.parametrize(
    "text",
    ["", "x", "-1", "+1", " 1", "1\n", "1_0", "1.0", "007", "9" * 11, "9" * 9999, *ONE.values()],
)
def test_anything_else_is_no_number(text: str):
    assert parse_whole_number(text, default=-5) == -5
    assert Paging.from_query(text, 1000, 10).page == 1


@pytest.mark.parametrize("digit", ONE.values(), ids=ONE)
def test_an_attempt_number_in_another_script_is_refused(client: FlaskClient, digit: str):
    visitor = Visitor(client)
    visitor.open("/questions/even")
    fields = Form(visitor.page, "/answer").fields | {"option": ["two"], "number": digit}
    visitor.post("/questions/even/answer", fields)
    assert visitor.status == 400
    assert visitor.client.get("/account/data.json").json.get("attempts", []) == []


@pytest.mark.parametrize("digit", [*ONE.values(), "01"])
def test_an_id_in_another_spelling_is_no_address(client: FlaskClient, digit: str):
    adapter = client.application.url_map.bind("localhost")
    assert adapter.test("/classes/1/matrix")
    assert not adapter.test(f"/classes/{digit}/matrix")


def test_a_length_in_another_script_reads_no_body():
    def application(environ: dict[str, object], _start: object) -> list[bytes]:
        return [b"unread" if environ["wsgi.input"] is None else b"read"]

    limiter = BodyLimiter(application, max_concurrent=1, bytes_max=10)
    environ = {"wsgi.input": None, "CONTENT_LENGTH": "\u0661"}
    assert limiter(environ, lambda *_: None) == [b"unread"]


def test_an_event_id_too_long_to_be_one_starts_a_stream_from_its_beginning(client: FlaskClient):
    response = client.get(f"/runs/{'a' * 24}/events", headers={"Last-Event-ID": "9" * 5000})
    assert response.status_code == 404


def test_no_other_module_decides_what_a_digit_is():
    """``isdecimal``, ``isdigit`` and ``isnumeric`` take digits that no page of ours sends."""
    found = [
        f"{path.relative_to(PACKAGE)}:{node.lineno}"
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Attribute) and node.attr in {"isdecimal", "isdigit", "isnumeric"}
    ]
    assert found == []


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0.25", 0.25),
        ("-3", -3.0),
        ("1e-05", 1e-5),
        ("2.5e+3", 2500.0),
        ("0", 0.0),
        ("0.00012345678901234567", 0.00012345678901234567),
    ],
)
def test_a_decimal_is_what_python_writes(text: str, value: float) -> None:
    assert parse_decimal(text) == value


@pytest.mark.parametrize(
    "text", ["", "nan", "inf", "1e999", "1_0", " 1", "٣", "0x1", "1.", ".5", "1" * 40]
)
def test_anything_else_is_no_decimal(text: str) -> None:
    assert parse_decimal(text) is None
