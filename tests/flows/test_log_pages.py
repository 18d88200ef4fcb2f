"""The audit log over HTTP: for admins alone, filled by what people do on the pages."""

from __future__ import annotations

import csv
import io

import pytest

from quizserver.audit import store as audit_store
from quizserver.audit.model import EventFilter
from quizserver.authoring.files import text_digest
from quizserver.db.session import Database
from tests.flows.admins import BOSS, NOW, give_role
from tests.flows.authoring.editor_visits import EDITED, EDITOR, save_text, source_text
from tests.flows.browser_client import Visitor

EVE = "eve@example.org"


@pytest.mark.one_database
@pytest.mark.parametrize("kind", ["nobody", "guest", "learner", "author", "instructor"])
def test_the_log_is_missing_for_everybody_but_admins(
    kind: str, visitor: Visitor, boss: Visitor, database: Database
):
    if kind == "guest":
        visitor.answer("even", "two")
    elif kind != "nobody":
        visitor.sign_up(EVE)
        give_role(database, EVE, kind)
    for address in ("/admin/log", "/admin/log/log.csv", "/admin/log?q=boss"):
        visitor.open(address)
        assert (visitor.status, BOSS in visitor.page) == (404, False), address
    assert "/admin/log" not in visitor.open("/account")


def test_an_admin_reads_searches_and_downloads_the_log(boss: Visitor, database: Database):
    with database.write() as session:
        for number in range(60):
            audit_store.record_audit_event(
                session,
                "content-published",
                source="web",
                now=NOW,
                about=f"=topic/page{number}.md",
                detail={"digest": "ab", "replaced": None},
            )
    assert "/admin/log" in boss.open("/account")
    boss.open("/admin/log")
    assert "1–50 of 61 events" in boss.text
    assert "page59.md" in boss.text
    assert "page3.md" not in boss.text
    assert boss.page.count(" UTC</time>") == 50, "every moment says its zone"
    boss.open("/admin/log?page=2")
    assert "page3.md" in boss.text
    assert f"Role granted: {BOSS} (learner → admin)" in boss.text
    assert "by the server’s command line" in boss.text
    boss.open("/admin/log?action=role-granted&q=BOSS")
    assert "1 event" in boss.text
    assert "page59.md" not in boss.text
    boss.open("/admin/log?action=no-such")
    assert "of 61 events" in boss.text
    boss.open("/admin/log?q=nobody")
    assert "No event is like that" in boss.text
    rows = list(csv.reader(io.StringIO(boss.open("/admin/log/log.csv").lstrip("\ufeff"))))
    assert rows[0] == ["at", "action", "by", "source", "to", "about", "detail"]
    assert len(rows) == 62
    assert rows[1][5] == "'=topic/page59.md", "no formula in a spreadsheet"
    assert rows[-1][1:5] == ["role-granted", "", "cli", BOSS]
    assert len(boss.open("/admin/log/log.csv?action=role-granted").splitlines()) == 2


def test_publishing_is_logged_and_shown_to_the_author_who_downloads_their_data(
    boss: Visitor, database: Database
):
    original = source_text(boss.open(EDITOR))
    save_text(boss, EDITED, "publish")
    save_text(boss, original, "publish")
    with database.read() as session:
        events = audit_store.list_events(session, EventFilter(address=BOSS))
    assert [(e.action, e.about, e.actor_email) for e in events] == [
        ("content-reverted", "numbers/sides.md", BOSS),
        ("content-published", "numbers/sides.md", BOSS),
        ("role-granted", None, None),
    ]
    assert events[1].detail["digest"] == text_digest(EDITED) == events[0].detail["replaced"]
    log = boss.client.get("/account/data.json").json["log"]
    assert [(entry["action"], entry["by"]) for entry in log] == [
        ("content-reverted", BOSS),
        ("content-published", BOSS),
        ("role-granted", None),
    ]
