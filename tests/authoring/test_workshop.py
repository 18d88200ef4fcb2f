"""Drafts, publications and conflicts at the level of the store: nothing is lost, in no order."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from quizserver.accounts import store as people
from quizserver.accounts.model import Person
from quizserver.authoring import store
from quizserver.authoring.files import RefusedTextError, page_ref, text_digest
from quizserver.authoring.merge import SEPARATOR_MARKER, THEIRS_MARKER, YOURS_MARKER
from quizserver.authoring.service import EditingService
from quizserver.db.session import Database
from quizserver.db.tables import file_version
from quizserver.evidence.record import recorded_description
from quizserver.lab.catalog import SimulationCatalog
from quizserver.topics.library import Library

WHERE = page_ref("numbers", "sides.md")
NOW = datetime(2026, 1, 2, tzinfo=UTC)


@pytest.fixture
def library(content: Path) -> Iterator[Library]:
    library = Library(content)
    yield library
    library.close()


@pytest.fixture
def workshop(database: Database, library: Library, content: Path) -> EditingService:
    return EditingService(
        database=database,
        library=library,
        catalog=SimulationCatalog(recorded=recorded_description),
        content=content,
    )


def somebody(database: Database, email: str) -> Person:
    with database.write() as session:
        guest = people.ensure_guest(session, people.new_visitor_token())
        people.register_account(session, guest.id, email, "hash")
    with database.read() as session:
        found = people.person_by_id(session, guest.id)
    assert found is not None
    return found


@pytest.fixture
def ann(database: Database) -> Person:
    return somebody(database, "ann@example.org")


def draft(workshop: EditingService, person: Person, text: str) -> None:
    work = workshop.load_page_state(WHERE, person)
    workshop.save_draft(
        WHERE, person, text, base_digest=work.base_digest, expected_digest=work.draft_digest
    )


def page(word: str) -> str:
    return f"# A {word}\n\n- [x] Yes {{#yes}}\n- [ ] No {{#no}}\n"


def kept(database: Database) -> list[str]:
    with database.read() as session:
        return list(session.scalars(sa.select(file_version.c.source).order_by("id")))


def test_two_authors_who_publish_at_once_lose_no_text(
    workshop: EditingService, database: Database, content: Path
):
    first = (content / WHERE.path).read_text()
    authors = [somebody(database, f"author{n}@example.org") for n in range(6)]
    for n, author in enumerate(authors):
        draft(workshop, author, page(f"word{n}"))
    start = threading.Barrier(len(authors))
    outcomes: dict[int, str] = {}

    def publish(n: int) -> None:
        start.wait()
        outcomes[n] = workshop.publish_draft(WHERE, authors[n]).outcome

    threads = [threading.Thread(target=publish, args=(n,)) for n in range(len(authors))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes.values()) == ["conflict"] * 5 + ["published"]
    (winner,) = [n for n, how in outcomes.items() if how == "published"]
    assert (content / WHERE.path).read_text() == page(f"word{winner}")
    assert kept(database) == [first, page(f"word{winner}")]
    for n, author in enumerate(authors):
        if n != winner:
            work = workshop.load_page_state(WHERE, author)
            assert (work.status, work.text) == ("conflict", page(f"word{n}"))
            assert workshop.load_conflict(work).base_text == first


def test_a_conflict_without_a_known_base_shows_both_texts_whole(
    workshop: EditingService, ann: Person, content: Path
):
    """The file changed between opening the page and the first save: nobody kept what was seen."""
    begun = workshop.load_page_state(WHERE, ann).base_digest
    (content / WHERE.path).write_text(page("other"))
    workshop.save_draft(WHERE, ann, page("mine"), base_digest=begun, expected_digest=None)
    clash = workshop.load_conflict(workshop.load_page_state(WHERE, ann))
    assert clash.base_text is None
    assert "# A other\n" in clash.merged.text
    assert "# A mine\n" in clash.merged.text
    assert clash.merged.conflicts == 1


def test_a_draft_is_its_authors_alone(workshop: EditingService, database: Database, ann: Person):
    bob = somebody(database, "bob@example.org")
    draft(workshop, ann, page("secret"))
    assert "secret" not in workshop.load_page_state(WHERE, bob).text
    draft(workshop, bob, page("other"))
    assert workshop.load_page_state(WHERE, ann).text == page("secret")


def test_a_text_just_like_the_file_makes_no_draft_and_no_version(
    workshop: EditingService, database: Database, ann: Person, content: Path
):
    draft(workshop, ann, (content / WHERE.path).read_text())
    with database.read() as session:
        assert store.list_drafts(session) == []
    assert kept(database) == []


def test_what_the_disk_has_is_kept_once_however_often_a_draft_is_begun(
    workshop: EditingService, database: Database, ann: Person, content: Path
):
    for _ in range(3):
        draft(workshop, ann, page("mine"))
        workshop.discard_draft(workshop.load_page_state(WHERE, ann), ann)
    assert kept(database) == [(content / WHERE.path).read_text()]


def test_a_draft_from_another_tab_is_not_overwritten_unseen(
    workshop: EditingService, database: Database, ann: Person
):
    draft(workshop, ann, page("one"))
    with pytest.raises(store.StaleDraftError) as told:
        workshop.save_draft(WHERE, ann, page("two"), base_digest=None, expected_digest=None)
    assert told.value.stored_text == page("one")
    with pytest.raises(store.StaleDraftError):
        workshop.save_draft(
            WHERE, ann, page("two"), base_digest=None, expected_digest=text_digest("something else")
        )
    workshop.save_draft(
        WHERE, ann, page("two"), base_digest=None, expected_digest=text_digest(page("one"))
    )
    workshop.discard_draft(workshop.load_page_state(WHERE, ann), ann)
    with pytest.raises(store.StaleDraftError):
        workshop.save_draft(
            WHERE, ann, page("three"), base_digest=None, expected_digest=text_digest(page("two"))
        )


def test_a_text_larger_than_a_page_may_be_is_refused_with_words(
    workshop: EditingService, ann: Person
):
    with pytest.raises(RefusedTextError, match="262,144"):
        draft(workshop, ann, "x" * 262_144)


def test_a_question_id_that_another_file_has_is_refused_as_by_the_library(
    workshop: EditingService, ann: Person, content: Path
):
    before = (content / WHERE.path).read_text()
    draft(workshop, ann, f"---\nid: even\n---\n{page('thief')}")
    outcome = workshop.publish_draft(WHERE, ann)
    assert outcome.outcome == "refused"
    assert outcome.dry_run is not None
    assert [p.code for p in outcome.dry_run.diagnostics] == ["duplicate-question-id"]
    assert (content / WHERE.path).read_text() == before


def test_what_a_text_would_break_in_other_files_is_told(workshop: EditingService):
    trial = workshop.check_page(
        page_ref("numbers", "even.md"), f"---\nid: odd\n---\n{page('renamed')}"
    )
    assert trial.page is not None
    assert [(p.path, p.code) for p in trial.elsewhere] == [
        ("numbers/lesson.md", "unknown-question")
    ]


def test_trying_a_text_changes_nothing_for_learners(workshop: EditingService, library: Library):
    before = library.snapshot()
    workshop.check_page(WHERE, page("tried"))
    workshop.check_page(page_ref("fresh", "lesson.md"), "# Fresh\n")
    library.dry_run(WHERE.path, None)
    assert library.snapshot() == before
    library.refresh()
    assert library.snapshot() == before


def test_the_history_outlives_its_author(workshop: EditingService, database: Database, ann: Person):
    draft(workshop, ann, page("mine"))
    assert workshop.publish_draft(WHERE, ann).outcome == "published"
    with database.write() as session:
        people.delete_person(session, ann.id)
    with database.read() as session:
        found = store.list_versions(session, WHERE.path)
    assert [(v.origin, v.email) for v in found] == [("browser", "ann@example.org"), ("disk", None)]


def test_what_another_tab_saves_while_this_one_publishes_is_kept(
    workshop: EditingService, ann: Person, content: Path, monkeypatch: pytest.MonkeyPatch
):
    draft(workshop, ann, page("first"))
    write = workshop.files.write_page

    def late(*args: Any, **named: Any) -> None:
        draft(workshop, ann, page("later"))
        write(*args, **named)

    monkeypatch.setattr(workshop.files, "write_page", late)
    assert workshop.publish_draft(WHERE, ann).outcome == "published"
    assert (content / WHERE.path).read_text() == page("first")
    work = workshop.load_page_state(WHERE, ann)
    assert (work.status, work.text) == ("conflict", page("later"))


@pytest.mark.parametrize("decision", [None, page("decided")])
def test_a_decision_about_a_draft_that_was_saved_again_is_not_taken(
    workshop: EditingService, ann: Person, content: Path, decision: str | None
):
    draft(workshop, ann, page("mine"))
    (content / WHERE.path).write_text(page("other"))
    seen = workshop.load_page_state(WHERE, ann)
    draft(workshop, ann, page("newer"))
    assert not workshop.resolve_conflict(seen, ann, decision)
    assert workshop.load_page_state(WHERE, ann).text == page("newer")
    assert workshop.resolve_conflict(workshop.load_page_state(WHERE, ann), ann, page("decided"))
    work = workshop.load_page_state(WHERE, ann)
    assert (work.status, work.text) == ("draft", page("decided"))


def test_a_draft_that_was_saved_again_is_not_discarded(workshop: EditingService, ann: Person):
    draft(workshop, ann, page("one"))
    seen = workshop.load_page_state(WHERE, ann)
    draft(workshop, ann, page("two"))
    assert not workshop.discard_draft(seen, ann)
    assert workshop.load_page_state(WHERE, ann).text == page("two")


def test_a_page_is_not_deleted_under_its_authors_draft(
    workshop: EditingService, ann: Person, content: Path
):
    draft(workshop, ann, page("mine"))
    before = (content / WHERE.path).read_text()
    assert workshop.delete_page(WHERE, ann, expected_digest=text_digest(before)).outcome == "draft"
    assert (content / WHERE.path).read_text() == before
    assert workshop.load_page_state(WHERE, ann).text == page("mine")


def test_undecided_places_are_all_that_is_told_of_a_text_with_marks(workshop: EditingService):
    marked = f"{THEIRS_MARKER}\n{page('one')}{SEPARATOR_MARKER}\n{page('other')}{YOURS_MARKER}\n[a](nowhere.md)\n"
    trial = workshop.check_page(WHERE, marked)
    assert trial.page is None
    assert [(p.line, p.code) for p in trial.diagnostics] == [
        (1, "conflict-mark"),
        (11, "conflict-mark"),
    ]
