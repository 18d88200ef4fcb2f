"""Drafts, publications and conflicts on the database: nothing is lost, whatever the order."""

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
from quizserver.authoring.files import PageRef, RefusedTextError, page_ref, text_digest
from quizserver.authoring.merge import SEPARATOR_MARKER, THEIRS_MARKER, YOURS_MARKER
from quizserver.authoring.service import EditingService
from quizserver.db.session import Database
from quizserver.db.tables import file_version
from quizserver.evidence.record import recorded_description
from quizserver.lab.catalog import SimulationCatalog
from quizserver.topics.library import Library
from quizserver.topics.model import MOST_PROBLEMS

REF = page_ref("numbers", "sides.md")
NOW = datetime(2026, 1, 2, tzinfo=UTC)


@pytest.fixture
def library(content: Path) -> Iterator[Library]:
    library = Library(content)
    yield library
    library.close()


@pytest.fixture
def editing(database: Database, library: Library, content: Path) -> EditingService:
    return EditingService(
        database=database,
        library=library,
        catalog=SimulationCatalog(recorded=recorded_description),
        content=content,
    )


def register_author(database: Database, email: str) -> Person:
    with database.write() as session:
        guest = people.ensure_guest(session, people.new_visitor_token())
        people.register_account(session, guest.id, email, "hash")
    with database.read() as session:
        account = people.person_by_id(session, guest.id)
    assert account is not None
    return account


@pytest.fixture
def ann(database: Database) -> Person:
    return register_author(database, "ann@example.org")


def save_draft(editing: EditingService, person: Person, text: str) -> None:
    page_state = editing.load_page_state(REF, person)
    editing.save_draft(
        REF,
        person,
        text,
        base_digest=page_state.base_digest,
        expected_digest=page_state.draft_digest,
    )


def page_text(word: str) -> str:
    return f"# A {word}\n\n- [x] Yes {{#yes}}\n- [ ] No {{#no}}\n"


def stored_texts(database: Database) -> list[str]:
    with database.read() as session:
        return list(session.scalars(sa.select(file_version.c.source).order_by("id")))


def test_two_authors_who_publish_at_once_lose_no_text(
    editing: EditingService, database: Database, content: Path
):
    first = (content / REF.path).read_text()
    authors = [register_author(database, f"author{n}@example.org") for n in range(6)]
    for n, author in enumerate(authors):
        save_draft(editing, author, page_text(f"word{n}"))
    start = threading.Barrier(len(authors))
    outcomes: dict[int, str] = {}

    def publish(n: int) -> None:
        start.wait()
        outcomes[n] = editing.publish_draft(REF, authors[n]).outcome

    threads = [threading.Thread(target=publish, args=(n,)) for n in range(len(authors))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes.values()) == ["conflict"] * 5 + ["published"]
    (winner,) = [n for n, outcome in outcomes.items() if outcome == "published"]
    assert (content / REF.path).read_text() == page_text(f"word{winner}")
    assert stored_texts(database) == [first, page_text(f"word{winner}")]
    for n, author in enumerate(authors):
        if n != winner:
            page_state = editing.load_page_state(REF, author)
            assert (page_state.status, page_state.text) == ("conflict", page_text(f"word{n}"))
            assert editing.load_conflict(page_state).base_text == first


def test_a_conflict_without_a_known_base_shows_both_texts_whole(
    editing: EditingService, ann: Person, content: Path
):
    """The file changed between opening the page and the first save: what was seen is not stored."""
    begun_digest = editing.load_page_state(REF, ann).base_digest
    (content / REF.path).write_text(page_text("other"))
    editing.save_draft(REF, ann, page_text("mine"), base_digest=begun_digest, expected_digest=None)
    conflict = editing.load_conflict(editing.load_page_state(REF, ann))
    assert conflict.base_text is None
    assert "# A other\n" in conflict.merged.text
    assert "# A mine\n" in conflict.merged.text
    assert conflict.merged.conflicts == 1


def test_a_draft_is_its_authors_alone(editing: EditingService, database: Database, ann: Person):
    bob = register_author(database, "bob@example.org")
    save_draft(editing, ann, page_text("secret"))
    assert "secret" not in editing.load_page_state(REF, bob).text
    save_draft(editing, bob, page_text("other"))
    assert editing.load_page_state(REF, ann).text == page_text("secret")


def test_a_text_just_like_the_file_makes_no_draft_and_no_version(
    editing: EditingService, database: Database, ann: Person, content: Path
):
    save_draft(editing, ann, (content / REF.path).read_text())
    with database.read() as session:
        assert store.list_drafts(session) == []
    assert stored_texts(database) == []


@pytest.mark.parametrize("text", [page_text("mine"), None], ids=["changed", "as-the-file"])
def test_saving_reads_the_file_once_and_returns_the_page_as_it_is_then(
    editing: EditingService,
    ann: Person,
    content: Path,
    monkeypatch: pytest.MonkeyPatch,
    text: str | None,
):
    file_text = (content / REF.path).read_text()
    base_digest = text_digest(file_text)
    read_page, paths = editing.files.read_page, []

    def record_and_read(ref: PageRef) -> str | None:
        paths.append(ref.path)
        return read_page(ref)

    monkeypatch.setattr(editing.files, "read_page", record_and_read)
    saved = editing.save_draft(
        REF, ann, text or file_text, base_digest=base_digest, expected_digest=None
    )
    assert paths == [REF.path]
    assert saved == editing.load_page_state(REF, ann)
    assert saved.status == ("live" if text is None else "draft")


def test_what_the_disk_has_is_stored_once_however_often_a_draft_is_begun(
    editing: EditingService, database: Database, ann: Person, content: Path
):
    for _ in range(3):
        save_draft(editing, ann, page_text("mine"))
        editing.discard_draft(editing.load_page_state(REF, ann), ann)
    assert stored_texts(database) == [(content / REF.path).read_text()]


def test_a_draft_from_another_tab_is_not_overwritten_unseen(
    editing: EditingService, database: Database, ann: Person
):
    save_draft(editing, ann, page_text("one"))
    with pytest.raises(store.StaleDraftError) as raised:
        editing.save_draft(REF, ann, page_text("two"), base_digest=None, expected_digest=None)
    assert raised.value.stored_text == page_text("one")
    with pytest.raises(store.StaleDraftError):
        editing.save_draft(
            REF,
            ann,
            page_text("two"),
            base_digest=None,
            expected_digest=text_digest("something else"),
        )
    editing.save_draft(
        REF, ann, page_text("two"), base_digest=None, expected_digest=text_digest(page_text("one"))
    )
    editing.discard_draft(editing.load_page_state(REF, ann), ann)
    with pytest.raises(store.StaleDraftError):
        editing.save_draft(
            REF,
            ann,
            page_text("three"),
            base_digest=None,
            expected_digest=text_digest(page_text("two")),
        )


def test_a_text_larger_than_a_page_may_be_is_refused_with_words(
    editing: EditingService, ann: Person
):
    with pytest.raises(RefusedTextError, match="262,144"):
        save_draft(editing, ann, "x" * 262_144)


def test_a_question_id_that_another_file_has_is_refused_as_by_the_library(
    editing: EditingService, ann: Person, content: Path
):
    before = (content / REF.path).read_text()
    save_draft(editing, ann, f"---\nid: even\n---\n{page_text('thief')}")
    result = editing.publish_draft(REF, ann)
    assert result.outcome == "refused"
    assert result.dry_run is not None
    assert [p.code for p in result.dry_run.diagnostics] == ["duplicate-question-id"]
    assert (content / REF.path).read_text() == before


def test_what_a_text_would_break_in_other_files_is_reported(editing: EditingService):
    dry_run = editing.check_page(
        page_ref("numbers", "even.md"), f"---\nid: odd\n---\n{page_text('renamed')}"
    )
    assert dry_run.page is not None
    assert [(p.path, p.code) for p in dry_run.elsewhere] == [
        ("numbers/lesson.md", "unknown-question")
    ]


def test_checking_a_text_changes_nothing_for_learners(editing: EditingService, library: Library):
    before = library.snapshot()
    editing.check_page(REF, page_text("checked"))
    editing.check_page(page_ref("fresh", "lesson.md"), "# Fresh\n")
    library.dry_run(REF.path, None)
    assert library.snapshot() == before
    library.refresh()
    assert library.snapshot() == before


def test_the_history_outlives_its_author(editing: EditingService, database: Database, ann: Person):
    save_draft(editing, ann, page_text("mine"))
    assert editing.publish_draft(REF, ann).outcome == "published"
    with database.write() as session:
        people.delete_person(session, ann.id)
    with database.read() as session:
        versions = store.list_versions(session, REF.path)
    assert [(v.origin, v.email) for v in versions] == [
        ("browser", "ann@example.org"),
        ("disk", None),
    ]


def test_what_another_tab_saves_while_this_one_publishes_is_kept(
    editing: EditingService, ann: Person, content: Path, monkeypatch: pytest.MonkeyPatch
):
    save_draft(editing, ann, page_text("first"))
    write = editing.files.write_page

    def save_then_write(*args: Any, **keywords: Any) -> None:
        save_draft(editing, ann, page_text("later"))
        write(*args, **keywords)

    monkeypatch.setattr(editing.files, "write_page", save_then_write)
    assert editing.publish_draft(REF, ann).outcome == "published"
    assert (content / REF.path).read_text() == page_text("first")
    page_state = editing.load_page_state(REF, ann)
    assert (page_state.status, page_state.text) == ("conflict", page_text("later"))


@pytest.mark.parametrize("decision", [None, page_text("decided")])
def test_a_decision_about_a_draft_that_was_saved_again_is_not_taken(
    editing: EditingService, ann: Person, content: Path, decision: str | None
):
    save_draft(editing, ann, page_text("mine"))
    (content / REF.path).write_text(page_text("other"))
    outdated = editing.load_page_state(REF, ann)
    save_draft(editing, ann, page_text("newer"))
    assert not editing.resolve_conflict(outdated, ann, decision)
    assert editing.load_page_state(REF, ann).text == page_text("newer")
    assert editing.resolve_conflict(editing.load_page_state(REF, ann), ann, page_text("decided"))
    page_state = editing.load_page_state(REF, ann)
    assert (page_state.status, page_state.text) == ("draft", page_text("decided"))


def test_a_draft_that_was_saved_again_is_not_discarded(editing: EditingService, ann: Person):
    save_draft(editing, ann, page_text("one"))
    outdated = editing.load_page_state(REF, ann)
    save_draft(editing, ann, page_text("two"))
    assert not editing.discard_draft(outdated, ann)
    assert editing.load_page_state(REF, ann).text == page_text("two")


def test_a_page_is_not_deleted_under_its_authors_draft(
    editing: EditingService, ann: Person, content: Path
):
    save_draft(editing, ann, page_text("mine"))
    before = (content / REF.path).read_text()
    assert editing.delete_page(REF, ann, expected_digest=text_digest(before)).outcome == "draft"
    assert (content / REF.path).read_text() == before
    assert editing.load_page_state(REF, ann).text == page_text("mine")


def test_conflict_markers_are_all_that_is_reported_of_a_text_with_them(editing: EditingService):
    marked = (
        f"{THEIRS_MARKER}\n{page_text('one')}{SEPARATOR_MARKER}\n"
        f"{page_text('other')}{YOURS_MARKER}\n[a](nowhere.md)\n"
    )
    dry_run = editing.check_page(REF, marked)
    assert dry_run.page is None
    assert [(p.line, p.code) for p in dry_run.diagnostics] == [
        (1, "conflict-mark"),
        (11, "conflict-mark"),
    ]


def test_of_many_conflict_markers_the_first_are_named(editing: EditingService):
    dry_run = editing.check_page(REF, "<<<<<<< as it is now\n" * 300)
    assert len(dry_run.diagnostics) == MOST_PROBLEMS + 1
    assert dry_run.diagnostics[-1].code == "many-problems"
    assert {problem.path for problem in dry_run.diagnostics} == {REF.path}
