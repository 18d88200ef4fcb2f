"""Pages in another language: nothing of them stays English."""

from __future__ import annotations

import re

import pytest
from flask import Flask

from tests.flows.browser_client import Visitor
from tests.translation.page_texts import bare_texts
from tests.translation.pseudo import TAG, pseudo

pytestmark = [pytest.mark.one_database, pytest.mark.xdist_group("translation")]


@pytest.fixture
def polish(app: Flask) -> Visitor:
    client = app.test_client()
    client.environ_base["HTTP_ACCEPT_LANGUAGE"] = "pl-PL,pl;q=0.8,en;q=0.5"
    return Visitor(client)


def test_home_speaks_the_language_before_and_after_an_answer(polish: Visitor):
    page = polish.open("/")
    assert bare_texts(polish.page, "main") == []
    assert pseudo("2 questions", "few") in page
    polish.answer("even", "two", "four")
    polish.open("/")
    assert bare_texts(polish.page, "main") == []
    assert pseudo("1 of 2 answered, 1 right at first try") in polish.text


def test_progress_speaks_the_language_before_and_after_answers(polish: Visitor):
    polish.open("/progress")
    assert bare_texts(polish.page, "main") == []
    for _ in range(2):
        polish.answer("even", "two")
    polish.open("/progress")
    assert bare_texts(polish.page, "main") == []
    assert pseudo("2 attempts", "few") in polish.text
    polish.answer("sides", "three")
    polish.open("/progress")
    assert bare_texts(polish.page, "main") == []


def test_a_page_says_its_language_and_varies_by_what_the_browser_asked_for(app: Flask):
    client = app.test_client()
    for asked, tag in [("pl", TAG), ("de,pl;q=0.5", TAG), ("en,pl", "en"), ("de", "en")]:
        response = client.get("/", headers={"Accept-Language": asked})
        page = response.get_data(as_text=True)
        assert f'<html lang="{tag}">' in page
        assert ('<meta name="translations"' in page) == (tag != "en")
        assert "Accept-Language" in response.vary
        assert response.headers["Content-Language"] == tag
        assert (pseudo("Topics") in page) == (tag != "en")
    assert '<html lang="en">' in client.get("/").get_data(as_text=True)
    address = re.search(r'href="([^"]+/page\.css)"', page)
    assert address
    with client.get(address[1]) as sheet:
        assert sheet.status_code == 200
        assert "Accept-Language" not in sheet.vary, "the same for all"


def test_an_error_page_says_its_language_and_the_next_request_has_its_own(app: Flask):
    client = app.test_client()
    missing = client.get("/nowhere", headers={"Accept-Language": "pl"})
    assert missing.status_code == 404
    assert '<html lang="pl">' in missing.get_data(as_text=True)
    assert '<html lang="en">' in client.get("/nowhere").get_data(as_text=True)


def test_without_a_catalog_there_is_english_and_no_choice(english_app: Flask):
    response = english_app.test_client().get("/", headers={"Accept-Language": "pl"})
    assert '<html lang="en">' in response.get_data(as_text=True)
    assert "Accept-Language" not in response.vary
    assert "Content-Language" not in response.headers
