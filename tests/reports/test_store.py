"""Reports in the database: kept once, a few a day, closed and opened again, moved and exported."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from quizserver.accounts import store as people
from quizserver.attempts import store as attempts
from quizserver.db.session import Database
from quizserver.reports import store
from quizserver.reports.model import (
    REPORTS_MAX,
    REPORTS_PERIOD,
    TEXT_MAX,
    NewReport,
    ReportFilter,
    normalise_report,
    report_fault,
)

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ALL = ReportFilter(status="all")


def make_guest(database: Database, visitor: str = "v") -> int:
    with database.write() as session:
        return people.ensure_guest(session, visitor).id


def make_account(database: Database, email: str) -> int:
    who = make_guest(database, email)
    with database.write() as session:
        people.register_account(session, who, email, "hash")
    return who


def report(
    database: Database, who: int, text: str, *, question: str = "q", at: datetime = NOW
) -> bool:
    with database.write() as session:
        return store.record_report(session, who, NewReport(question, "v1", "tried", text), at)


def texts(database: Database, wanted: ReportFilter = ALL, offset: int = 0, limit: int = 9):
    with database.read() as session:
        found = store.list_reports(session, wanted, offset=offset, limit=limit)
    return [found_report.text for found_report in found]


def test_a_report_has_its_question_version_stage_text_and_moment(database: Database):
    who = make_guest(database)
    assert report(database, who, "Four\nis even.")
    with database.read() as session:
        (found,) = store.list_reports(session, ALL, offset=0, limit=9)
        (own,) = store.own_reports(session, who, "q")
        exported = store.export_reports(session, who)
    assert (found.question, found.version, found.stage) == ("q", "v1", "tried")
    assert (found.text, found.reported_at) == ("Four\nis even.", NOW)
    assert (found.closed_at, found.closed_by) == (None, None)
    assert (own.text, own.reported_at, own.closed_at) == ("Four\nis even.", NOW, None)
    assert exported == {
        "reports": [
            {
                "question": "q",
                "state": "tried",
                "text": "Four\nis even.",
                "reported_at": NOW.isoformat(),
                "closed_at": None,
            }
        ]
    }, "and no version, which is a digest of the key"


def test_the_same_words_count_once_while_they_are_open(database: Database):
    who, other = make_guest(database), make_guest(database, "w")
    author = make_account(database, "ana@example.org")
    assert report(database, who, "Four is even.")
    assert not report(database, who, "Four is even.", at=NOW + timedelta(minutes=1))
    assert report(database, other, "Four is even.")
    assert report(database, who, "Four is even.", question="other")
    with database.write() as session:
        found = store.list_reports(session, ALL, offset=2, limit=1)
        store.close_report(session, found[0].id, author, NOW)
    assert report(database, who, "Four is even."), "it is wrong again"


def test_somebody_reports_a_few_things_a_day_about_a_question(database: Database):
    who = make_guest(database)
    for number in range(REPORTS_MAX):
        assert report(database, who, f"{number}", at=NOW + timedelta(hours=number))
    late = NOW + timedelta(hours=REPORTS_MAX)
    with pytest.raises(store.TooManyReportsError) as refused:
        report(database, who, "one more", at=late)
    assert timedelta(seconds=refused.value.seconds) == NOW + REPORTS_PERIOD - late
    assert not report(database, who, "0", at=late), "that is kept, so it is no refusal"
    assert report(database, who, "elsewhere", question="other", at=late)
    assert report(database, make_guest(database, "w"), "by another", at=late)
    assert report(database, who, "one more", at=NOW + REPORTS_PERIOD)


def test_reports_are_listed_newest_first_by_question_and_status(database: Database):
    who, author = make_guest(database), make_account(database, "ana@example.org")
    for number, question in enumerate(("q", "r", "q")):
        report(database, who, f"{number}", question=question)
    with database.write() as session:
        newest = store.list_reports(session, ALL, offset=0, limit=1)[0]
        assert store.close_report(session, newest.id, author, NOW)
        assert not store.close_report(session, newest.id, author, NOW + timedelta(hours=1))
    assert texts(database) == ["2", "1", "0"]
    assert texts(database, offset=1, limit=1) == ["1"]
    assert texts(database, ReportFilter()) == ["1", "0"]
    assert texts(database, ReportFilter("q", "open")) == ["0"]
    assert texts(database, ReportFilter("q", "closed")) == ["2"]
    with database.read() as session:
        assert store.count_open_reports(session) == {"q": 1, "r": 1}
        assert store.count_reports(session, ReportFilter("q", "all")) == 2
        assert store.reported_questions(session) == ["q", "r"]
        (closed,) = store.list_reports(session, ReportFilter("q", "closed"), offset=0, limit=9)
    assert (closed.closed_by, closed.closed_at) == ("ana@example.org", NOW)
    with database.write() as session:
        assert store.reopen_report(session, closed.id)
        assert not store.reopen_report(session, closed.id)
        for change in (
            lambda: store.close_report(session, 10**6, author, NOW),
            lambda: store.reopen_report(session, 10**6),
        ):
            with pytest.raises(LookupError):
                change()
    assert texts(database, ReportFilter("q")) == ["2", "0"]


def test_a_guests_reports_move_to_the_account_and_go_with_it(database: Database):
    guest, account = make_guest(database), make_account(database, "kim@example.org")
    report(database, account, "mine")
    report(database, guest, "as a guest")
    with database.write() as session:
        store.merge_guest_reports(session, guest, account)
        people.link_guest_to_account(session, guest, account)
    with pytest.raises(people.NoGuestError):
        report(database, guest, "too late")
    with database.read() as session:
        own = store.own_reports(session, account, "q")
        _, _, has_reported = attempts.work_at_question(session, account, "q")
        _, _, other = attempts.work_at_question(session, account, "r")
    assert [r.text for r in own] == ["mine", "as a guest"]
    assert (has_reported, other) == (True, False)
    with database.write() as session:
        people.delete_person(session, account)
    assert texts(database) == []


def test_who_closed_a_report_is_forgotten_with_the_account(database: Database):
    who, author = make_guest(database), make_account(database, "ana@example.org")
    report(database, who, "x")
    with database.write() as session:
        (found,) = store.list_reports(session, ALL, offset=0, limit=1)
        store.close_report(session, found.id, author, NOW)
        people.delete_person(session, author)
        (found,) = store.list_reports(session, ALL, offset=0, limit=1)
    assert (found.closed_at, found.closed_by) == (NOW, None)


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("  Four is even. ", "Four is even."),
        ("one \r\ntwo\rthree\n\n", "one\ntwo\nthree"),
        ("e\u0301", "\u00e9"),
        ("\u200b\n", "\u200b"),
    ],
)
def test_a_text_has_one_form(text: str, normal: str):
    assert normalise_report(text) == normal


@pytest.mark.parametrize("text", ["", "\u200b", "\u2800\n\u3164", "x" * (TEXT_MAX + 1)])
def test_what_shows_as_nothing_or_is_too_long_is_refused_with_a_reason(text: str):
    fault = report_fault(normalise_report(text))
    assert fault is not None
    assert ("1,001" in fault) == (len(text) > TEXT_MAX)


@pytest.mark.parametrize("text", ["?", "x" * TEXT_MAX, "繩" * TEXT_MAX, "one\ntwo"])
def test_any_other_text_is_taken(database: Database, text: str):
    assert report_fault(normalise_report(text)) is None
    assert report(database, make_guest(database), normalise_report(text))
    assert texts(database) == [text]
