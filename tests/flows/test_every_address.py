"""Promises that hold at every address of the site: read off the table of routes."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from flask import Flask, has_request_context, request
from sqlalchemy.orm import Session

import quizserver
from quizserver.db.session import Database
from quizserver.web.compression import REPEATS_NOTHING
from tests.flows.browser_client import Visitor

pytestmark = pytest.mark.one_database

# What there is in the tests' content and after an admin has made a class.
VALUES = {
    "question": "even",
    "topic": "numbers",
    "name": "even.md",
    "filename": "css/page.css",
    "class_id": "1",
    "person_id": "1",
    "number": "1",
    "run_id": "0" * 24,
    "code": "CDF-GHJ-KMN",
    "version_hash": "0" * 12,
    "dtype": "float32",
    "arm": "own",
}
# Whether the server is ready is whether a row can be written.
WRITES_WHEN_READ = {"health.ready", "health.healthz"}


@pytest.fixture
def admin(visitor: Visitor, give_role_to_all: object) -> Visitor:
    visitor.sign_up("admin@example.org")
    assert callable(give_role_to_all)
    give_role_to_all("admin")
    visitor.open("/classes/new")
    visitor.send("/classes/new", title="Numbers", name="Ada")
    visitor.answer("even", "two")
    return visitor


def addresses(app: Flask, method: str) -> Iterator[tuple[str, str]]:
    """Every address that takes the method, with its endpoint."""
    for rule in app.url_map.iter_rules():
        if method in (rule.methods or ()):
            path = re.sub(r"<(?:[^:<>]+(?:\([^)]*\))?:)?(\w+)>", lambda m: VALUES[m[1]], rule.rule)
            yield path, rule.endpoint


def test_what_is_compressed_repeats_nothing_of_the_request(app: Flask, admin: Visitor):
    """Else its size would tell whether a guess is a part of what the page keeps secret."""
    word = "zebra-crossing"
    query = dict.fromkeys(sorted(request_parameters()), word)
    compressed = {True: set(), False: set()}
    for path, endpoint in addresses(app, "GET"):
        for parameters in ({}, query):
            response = admin.client.get(
                path, query_string=parameters, headers={"Accept-Encoding": "gzip"}
            )
            if response.headers.get("Content-Encoding") == "gzip":
                compressed[bool(parameters)].add(endpoint)
                assert word not in gzip.decompress(response.data).decode("latin-1"), path
    assert {"progress.home", "attempts.question", "matrix.matrix"} <= compressed[False]
    assert compressed[True] <= {*REPEATS_NOTHING, "static_files", "plans.kernel"}
    assert {rule.endpoint for rule in app.url_map.iter_rules()} >= REPEATS_NOTHING


def request_parameters() -> set[str]:
    """The names that any code of the package asks a request's query for."""
    pattern = re.compile(r"\bargs(?:\.get(?:list)?\(|\[)\s*\"(\w+)\"")
    package = Path(quizserver.__file__).parent
    texts = (path.read_text("utf-8") for path in package.rglob("*.py"))
    return {name for text in texts for name in pattern.findall(text)}


def test_reading_changes_nothing_and_every_answer_names_its_type_and_characters(
    app: Flask, admin: Visitor, monkeypatch: pytest.MonkeyPatch
):
    """So that no link, picture or preloading browser can make anybody do something."""
    written: set[str] = set()
    write = Database.write

    @contextmanager
    def write_and_note(database: Database) -> Iterator[Session]:
        # A thread beside the requests notes when a session was last used.
        if has_request_context():
            written.add(str(request.endpoint))
        with write(database) as session:
            yield session

    monkeypatch.setattr(Database, "write", write_and_note)
    statuses = []
    for path, _endpoint in addresses(app, "GET"):
        response = admin.client.get(path)
        statuses.append(response.status_code)
        kind = response.headers["Content-Type"]
        if response.mimetype.startswith("text/") or response.mimetype.endswith("xml"):
            assert "charset=utf-8" in kind, (path, kind)
        else:
            assert response.mimetype in {"application/json", "image/png"}, (path, kind)
        assert response.headers["X-Content-Type-Options"] == "nosniff", path
        assert "Access-Control-Allow-Origin" not in response.headers, path
        assert "frame-ancestors 'none'" in response.headers["Content-Security-Policy"], path
        assert (
            "no-store" in response.headers["Cache-Control"]
            or "private" in response.headers["Cache-Control"]
        ), path
    assert written <= WRITES_WHEN_READ
    assert statuses.count(200) > 25, "most of them are there"


def test_nothing_is_done_without_the_token_of_the_page(app: Flask, admin: Visitor):
    found = list(addresses(app, "POST"))
    assert len(found) > 25
    for path, _endpoint in found:
        for headers in ({}, {"Sec-Fetch-Site": "cross-site"}, {"Accept": "application/json"}):
            response = admin.client.post(path, data={"option": "two"}, headers=headers)
            assert response.status_code == 400, (path, response.status_code)
        response = admin.client.post(path, json={"csrf_token": "made up"})
        assert response.status_code == 400, path


def test_no_address_takes_a_method_that_no_page_sends(app: Flask):
    methods = {method for rule in app.url_map.iter_rules() for method in rule.methods or ()}
    assert methods == {"GET", "HEAD", "OPTIONS", "POST"}


@pytest.mark.parametrize(
    "path",
    [
        "/.git/config",
        "/static/",
        "/static/000000000000/",
        "/topics/numbers/files/",
        "/topics/numbers/files/even.md",
        "/topics/numbers/files/..%2f..%2fdata%2fsecret_key",
        "/topics/numbers/files/%252e%252e/data/secret_key",
        "/var/secret_key",
        "/secret_key",
        "/server-status",
        "/console",
        "/metrics",
    ],
)
def test_no_folder_is_listed_and_no_file_beside_the_site_is_sent(admin: Visitor, path: str):
    response = admin.client.get(path, follow_redirects=True)
    assert response.status_code == 404
    assert "There is no such page" in response.get_data(as_text=True)


def test_a_field_that_a_form_does_not_have_changes_nothing(visitor: Visitor):
    visitor.open("/sign-up")
    visitor.send(
        "/sign-up", email="eve@example.org", password="correct horse", role="admin", id="7",
        created_at="2000-01-01", absorbed_by="1",
    )  # fmt: skip
    account = visitor.client.get("/account/data.json").json["account"]
    assert account["role"] == "learner"
    assert not account["since"].startswith("2000")
    assert visitor.client.get("/admin/people").status_code == 404


def test_every_page_of_somebody_who_is_signed_in_leads_to_signing_out(admin: Visitor):
    for path in ("/", "/questions/even", "/classes/1/matrix", "/write", "/admin/people"):
        assert 'href="/account"' in admin.open(path), path
    assert 'action="/sign-out"' in admin.open("/account")


def test_every_moment_of_a_page_says_whose_clock_it_is_on(app: Flask, admin: Visitor):
    """The matrix says it once, at the head of its column."""
    with_moments = set()
    for path, endpoint in addresses(app, "GET"):
        response = admin.client.get(path)
        if response.status_code == 200 and response.mimetype == "text/html":
            for element in re.findall(r"<time[ >].*?</time>", response.text, re.DOTALL):
                with_moments.add(endpoint)
                assert re.search(r" data-local>[^<]* UTC</time>", element), (path, element)
    assert with_moments >= {"attempts.question", "progress.progress", "accounts.account"}
