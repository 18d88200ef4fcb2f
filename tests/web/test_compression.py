"""What is compressed on its way to a browser, and what is not."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator

import pytest
from flask import Flask, Response, request
from flask.testing import FlaskClient

from quizserver.web import compression
from quizserver.web.compression import SHORTEST, install_compression

LONG = "a sentence of a page, " * 200
GZIP = {"Accept-Encoding": "gzip, deflate, br"}


@pytest.fixture
def client() -> FlaskClient:
    app = Flask(__name__)
    install_compression(app)

    @app.route("/page", methods=["GET", "POST"])
    def page() -> str:
        return LONG + request.args.get("word", "") + request.form.get("word", "")

    @app.get("/short")
    def short() -> str:
        return "x" * (SHORTEST - 1)

    @app.get("/tagged")
    def tagged() -> Response:
        response = Response(LONG, mimetype="text/html")
        response.set_etag("one")
        return response.make_conditional(request)

    @app.get("/picture")
    def picture() -> Response:
        return Response(LONG, mimetype="image/png")

    @app.get("/events")
    def events() -> Response:
        return Response(iter([LONG]), mimetype="text/event-stream")

    @app.get("/table.csv")
    def table() -> Response:
        return Response(pieces(), mimetype="text/csv")

    def pieces() -> Iterator[str]:
        try:
            yield LONG
            yield LONG
        finally:
            closed.append(True)

    closed: list[bool] = app.extensions.setdefault("closed", [])
    return app.test_client()


def test_a_page_is_compressed_for_those_who_take_it(client: FlaskClient) -> None:
    response = client.get("/page", headers=GZIP)
    assert (response.headers["Content-Encoding"], response.vary.to_header()) == (
        "gzip",
        "Accept-Encoding",
    )
    assert len(response.data) == int(response.headers["Content-Length"]) < len(LONG) / 5
    assert gzip.decompress(response.data).decode() == LONG
    plain = client.get("/page", headers={"Accept-Encoding": "gzip;q=0"})
    assert (plain.text, plain.vary.to_header()) == (LONG, "Accept-Encoding")
    assert "Content-Encoding" not in plain.headers
    head = client.head("/page", headers=GZIP)
    assert head.headers["Content-Length"] == response.headers["Content-Length"]


def test_what_repeats_words_of_the_request_is_not_compressed(client: FlaskClient) -> None:
    for response in (
        client.get("/page?word=guess", headers=GZIP),
        client.post("/page", data={"word": "guess"}, headers=GZIP),
    ):
        assert response.text == LONG + "guess"
        assert "Content-Encoding" not in response.headers


@pytest.mark.parametrize("path", ["/short", "/picture", "/events"])
def test_what_gains_nothing_or_must_not_wait_is_sent_as_it_is(
    client: FlaskClient, path: str
) -> None:
    assert "Content-Encoding" not in client.get(path, headers=GZIP).headers


def test_a_compressed_answer_is_still_recognised_by_its_tag(client: FlaskClient) -> None:
    response = client.get("/tagged", headers=GZIP)
    assert response.headers["ETag"] == 'W/"one"'
    again = client.get("/tagged", headers={**GZIP, "If-None-Match": response.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


def test_a_table_is_compressed_as_it_is_read_and_closed_however_it_ends(
    client: FlaskClient,
) -> None:
    response = client.get("/table.csv", headers=GZIP)
    assert gzip.decompress(response.data).decode() == 2 * LONG
    assert "Content-Length" not in response.headers
    closed = client.application.extensions["closed"]
    assert closed == [True]
    cut = client.get("/table.csv", headers=GZIP, buffered=False)
    next(iter(cut.iter_encoded()))
    cut.close()
    assert closed == [True, True]


class ByZlib:
    """Stands in for a compressor that this Python may not have."""

    def __init__(self) -> None:
        self._compressor = zlib.compressobj()

    def compress(self, data: bytes, /) -> bytes:
        return self._compressor.compress(data)

    def flush(self) -> bytes:
        return self._compressor.flush()


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [
        ("gzip, deflate, br, zstd", "zstd"),
        ("gzip, deflate, br", "gzip"),
        ("zstd;q=0, gzip", "gzip"),
        ("zstd", "zstd"),
        ("br", None),
    ],
)
@pytest.mark.parametrize("address", ["/page", "/table.csv"])
def test_the_best_that_both_sides_know_is_used(
    client: FlaskClient,
    monkeypatch: pytest.MonkeyPatch,
    accepted: str,
    encoding: str | None,
    address: str,
) -> None:
    known = {"zstd": ByZlib, "gzip": compression.COMPRESSORS["gzip"]}
    monkeypatch.setattr(compression, "COMPRESSORS", known)
    response = client.get(address, headers={"Accept-Encoding": accepted})
    assert response.content_encoding == encoding
    undo = {"zstd": zlib.decompress, "gzip": gzip.decompress, None: bytes}[encoding]
    assert undo(response.data).decode().startswith(LONG)
    assert "Accept-Encoding" in response.vary
