"""The preview's pages: errors at their line, the key, the evidence; and nowhere else any of it."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from quizserver.app import create_app
from quizserver.authoring.preview.model import Preview
from quizserver.db.migrate import migrate_database
from quizserver.db.session import Database
from quizserver.evidence.record import Evidence, read_evidence
from quizserver.settings import Settings
from tests.flows.browser_client import collapse_white_space

pytestmark = pytest.mark.one_database

SECRETS = ("FEEDBACK-TWO", "FEEDBACK-THREE", "EXPLANATION", "REFERENCES", "HINT-ONE", "HINT-TWO")


def preview_apps(settings: Settings, preview: Preview) -> Iterator[Flask]:
    database = Database(settings.data_url)
    migrate_database(database)
    database.dispose()
    app = create_app(settings, preview=preview)
    app.config["PROPAGATE_EXCEPTIONS"] = False
    yield app
    app.extensions["quizserver-close"]()


@pytest.fixture
def author(settings: Settings) -> Iterator[FlaskClient]:
    """A visitor of the preview."""
    for app in preview_apps(settings, Preview()):
        yield app.test_client()


def get_page(client: FlaskClient, address: str) -> str:
    response = client.get(address)
    assert response.status_code == 200, address
    return collapse_white_space(response.get_data(as_text=True))


def wait_for(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.05)
    return False


def get_revision(client: FlaskClient) -> str:
    return str(client.get("/preview/state.json").get_json()["revision"])


def text_of(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def test_a_question_is_shown_with_everything_there_is_to_it(author: FlaskClient):
    text = get_page(author, "/preview/questions/even")
    assert all(secret in text for secret in SECRETS)
    marks = re.findall(r"(✓|✗)</span> (Right|Wrong) · <code>(\w+)</code>", text)
    assert marks == [("✓", "Right", "two"), ("✗", "Wrong", "three"), ("✓", "Right", "four")]
    assert 'href="/questions/even"' in text
    assert "As learners see it" in text


def test_as_learners_see_it_is_what_learners_see_and_leads_back(author: FlaskClient):
    text = get_page(author, "/questions/even")
    assert not any(secret in text for secret in SECRETS)
    assert 'href="/preview/questions/even"' in text
    assert "data-live" in text


def test_a_topic_shows_the_keys_of_the_questions_that_its_lesson_embeds(author: FlaskClient):
    text = get_page(author, "/preview/topics/numbers")
    assert "FEEDBACK-TWO" in text
    assert "Numbers, gently" in text
    assert "Right: <code>two</code>, <code>four</code>" in text
    assert "No claims, so no evidence is needed." in text


def test_a_topics_evidence_is_read_once_for_its_page(
    author: FlaskClient, monkeypatch: pytest.MonkeyPatch
):
    folders: list[Path] = []

    def record_and_read(folder: Path) -> Evidence | None:
        folders.append(folder)
        return read_evidence(folder)

    monkeypatch.setattr("quizserver.authoring.preview.views.read_evidence", record_and_read)
    get_page(author, "/preview/topics/numbers")
    assert [folder.name for folder in folders] == ["numbers"]


def test_an_error_is_shown_at_its_line_with_what_to_do(author: FlaskClient, content: Path):
    (content / "numbers" / "sides.md").write_text("# A & <c>\n\n- [y] Two {#two}\n- [x] Three\n")
    address = "/preview/questions/sides"
    assert wait_for(lambda: "numbers/sides.md:3:3" in get_page(author, address))
    for listing in (address, "/questions/sides", "/preview/topics/numbers", "/topics/numbers"):
        text = get_page(author, listing)
        (marked,) = re.findall(r'excerpt-marked">(.*?)</code>', text, re.DOTALL)
        assert text_of(marked) == "This line: ▶ 3 - [y] Two {#two}"
        assert "[y] is not a box." in text
        assert "Write [ ] or [x], then a space." in text
        assert "# A &amp; &lt;c&gt;" in text, "the lines around it, as text"
        assert text.count("[y] is not a box.") == 1, "reported once"
    assert "last good version" in get_page(author, address)
    assert "1 problem elsewhere" in get_page(author, "/progress")


def test_a_topic_of_which_nothing_can_be_served_says_why(author: FlaskClient, content: Path):
    (content / "broken").mkdir()
    (content / "broken" / "riddle.md").write_text("# Riddle\n\n- [ ] A\n- [ ] B\n")
    address = "/preview/topics/broken"
    assert wait_for(lambda: author.get(address).status_code == 200)
    text = get_page(author, address)
    assert "Nothing of this topic can be served" in text
    assert "No option is marked as right." in text
    assert "excerpt-marked" in text
    assert 'href="/preview/topics/broken"' in get_page(author, "/preview/")
    unserved = get_page(author, "/preview/questions/riddle")
    assert "riddle can't be served" in text_of(unserved).replace("&#39;", "'")
    assert "No option is marked as right." in unserved
    assert author.get("/preview/questions/unheard-of").status_code == 404
    assert author.get("/preview/topics/unheard-of").status_code == 404


def test_a_file_that_is_no_text_and_a_folder_that_is_gone_are_reported(
    author: FlaskClient, content: Path
):
    (content / "numbers" / "sides.md").write_bytes(b"# \xff\x00\n\n- [x] A\n- [ ] B\n")
    assert wait_for(lambda: "not UTF-8" in get_page(author, "/preview/questions/sides"))
    content.rename(content.parent / "gone")
    assert wait_for(lambda: "content folder cannot be read" in get_page(author, "/preview/"))
    assert "content folder cannot be read" in get_page(author, "/preview/questions/even")


def test_nobody_signs_in_and_everybody_is_an_author(author: FlaskClient):
    assert "author@preview.example" in get_page(author, "/account")


def test_the_revision_changes_with_any_file_and_with_nothing_else(
    author: FlaskClient, content: Path
):
    before = get_revision(author)
    assert get_revision(author) == before
    (content / "numbers" / "picture.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    assert wait_for(lambda: get_revision(author) != before)
    between = get_revision(author)
    time.sleep(0.5)
    assert get_revision(author) == between
    assert f'data-revision="{between}"' in get_page(author, "/preview/questions/even")


def test_pages_to_type_in_do_not_reload(author: FlaskClient):
    for address in ("/write", "/account"):
        assert "data-live" not in get_page(author, address)
    assert "data-live" in get_page(author, "/preview/")


def test_no_other_host_name_is_answered(author: FlaskClient):
    for host in ("quiz.example.org", "127.0.0.1.example.org:8001", ""):
        response = author.get("/preview/questions/even", headers={"Host": host})
        assert response.status_code == 400
        assert "FEEDBACK" not in response.get_data(as_text=True)
    assert author.get("/preview/", headers={"Host": "127.0.0.1:8001"}).status_code == 200


def test_only_the_topic_that_was_named_is_read(settings: Settings, content: Path):
    (content / "other").mkdir()
    (content / "other" / "x.md").write_text("# X\n\n- [x] A\n- [ ] B\n")
    for app in preview_apps(settings, Preview("other")):
        text = get_page(app.test_client(), "/preview/")
        assert "/preview/topics/other" in text
        assert "/preview/topics/numbers" not in text


def test_the_normal_server_has_no_preview_for_anybody(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
):
    assert [str(r) for r in app.url_map.iter_rules() if "preview" in f"{r} {r.endpoint}"] == []
    for address in ("/preview/", "/preview/questions/even", "/preview/topics/numbers"):
        assert client.get(address).status_code == 404
    for address in ("/", "/questions/even", "/topics/numbers"):
        text = get_page(client, address)
        assert "preview" not in text
        assert not any(secret in text for secret in SECRETS)


def test_no_variable_makes_a_preview_of_the_normal_server(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    from quizserver.web_process import application

    for name, value in (settings.to_environment() | Preview("numbers").to_environ()).items():
        monkeypatch.setenv(name, value)
    database = Database(settings.data_url)
    migrate_database(database)
    database.dispose()
    app = application()
    try:
        assert app.test_client().get("/preview/").status_code == 404
    finally:
        app.extensions["quizserver-close"]()
