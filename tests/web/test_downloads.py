"""Downloads: whole and with their length, or an error; and nothing stays behind."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask, Response

from quizserver.web import downloads
from quizserver.web.downloads import SPOOL_BYTES, attachment_response
from quizserver.web.errors import ErrorPages, install_error_pages

LINE = "a line of text, ünïcode too\n"


def send(parts: Any) -> Response:
    return attachment_response(parts, filename="lines.csv", content_type="text/csv; charset=utf-8")


def break_off() -> Iterator[str]:
    yield LINE
    raise RuntimeError("the second part can't be read")


@pytest.fixture
def app() -> Flask:
    app = Flask("downloads")
    app.config["PROPAGATE_EXCEPTIONS"] = False
    app.jinja_loader = None
    lines = 2 * SPOOL_BYTES // len(LINE)
    app.add_url_rule("/short", "short", lambda: send(LINE))
    app.add_url_rule("/long", "long", lambda: send(LINE for _ in range(lines)))
    app.add_url_rule("/broken", "broken", lambda: send(break_off()))
    install_error_pages(app, ErrorPages(lambda _error: None))
    return app


@pytest.fixture
def spools(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The temporary files that were made."""
    made: list[Any] = []
    make = tempfile.SpooledTemporaryFile

    def keep(*arguments: Any) -> Any:
        made.append(make(*arguments))
        return made[-1]

    monkeypatch.setattr(downloads.tempfile, "SpooledTemporaryFile", keep)
    return made


@pytest.mark.parametrize("address", ["/short", "/long"])
def test_a_file_comes_whole_with_its_length_and_leaves_nothing(
    app: Flask, spools: list[Any], address: str
):
    with app.test_client().get(address) as response:
        text = response.text
    assert set(text.splitlines(keepends=True)) == {LINE}
    assert int(response.headers["Content-Length"]) == len(text.encode())
    assert response.headers["Content-Disposition"] == "attachment; filename=lines.csv"
    assert response.content_type == "text/csv; charset=utf-8"
    [spool] = spools
    assert spool.closed
    assert spool._rolled is (address == "/long"), "only a long file is written to the disk"


def test_a_file_whose_making_fails_is_an_error_with_no_byte_of_it(app: Flask, spools: list[Any]):
    response = app.test_client().get("/broken", headers={"Accept": "application/json"})
    assert response.status_code == 500
    assert LINE.strip() not in response.text
    assert "Content-Disposition" not in response.headers
    assert [spool.closed for spool in spools] == [True]


def test_a_client_that_goes_away_leaves_nothing(app: Flask, spools: list[Any]):
    response = app.test_client().get("/long", buffered=False)
    next(iter(response.iter_encoded()))
    response.close()
    assert [spool.closed for spool in spools] == [True]


def test_a_full_disk_is_503(app: Flask, monkeypatch: pytest.MonkeyPatch):
    class FullSpool(tempfile.SpooledTemporaryFile[bytes]):
        def rollover(self) -> None:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(downloads.tempfile, "SpooledTemporaryFile", FullSpool)
    client = app.test_client()
    response = client.get("/long", headers={"Accept": "application/json"})
    assert response.status_code == 503
    assert response.headers["Retry-After"] == "60"
    assert client.get("/short").status_code == 200
