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
from quizserver.authoring.files import digest, place
from quizserver.authoring.merge import BETWEEN, THEIRS, YOURS
from quizserver.authoring.work import RefusedTextError
from quizserver.authoring.workshop import Workshop
from quizserver.db.session import Database
from quizserver.db.tables import file_version
from quizserver.lab.catalog import Catalog
from quizserver.topics.library import Library

WHERE = place("numbers", "sides.md")
NOW = datetime(2026, 1, 2, tzinfo=UTC)


@pytest.fixture
def library(content: Path) -> Iterator[Library]:
    library = Library(content)
    yield library
    library.close()


@pytest.fixture
def workshop(database: Database, library: Library, content: Path) -> Workshop:
    return Workshop(database=database, library=library, catalog=Catalog(), content=content)


def somebody(database: Database, email: str) -> Person:
    with database.write() as session:
        guest = people.ensure_guest(session, people.new_visitor())
        people.give_address(session, guest.id, email, "hash")
    with database.read() as session:
        found = people.by_id(session, guest.id)
    assert found is not None
    return found


@pytest.fixture
def ann(database: Database) -> Person:
    return somebody(database, "ann@example.org")


def draft(workshop: Workshop, person: Person, text: str) -> None:
    work = workshop.work(WHERE, person)
    workshop.save(WHERE, person, text, base=work.base, seen=work.seen)


def page(word: str) -> str:
    return f"# A {word}\n\n- [x] Yes {{#yes}}\n- [ ] No {{#no}}\n"


def kept(database: Database) -> list[str]:
    with database.read() as session:
        return list(session.scalars(sa.select(file_version.c.source).order_by("id")))


def test_two_authors_who_publish_at_once_lose_no_text(
    workshop: Workshop, database: Database, content: Path
):
    first = (content / WHERE.path).read_text()
    authors = [somebody(database, f"author{n}@example.org") for n in range(6)]
    for n, author in enumerate(authors):
        draft(workshop, author, page(f"word{n}"))
    start = threading.Barrier(len(authors))
    outcomes: dict[int, str] = {}

    def publish(n: int) -> None:
        start.wait()
        outcomes[n] = workshop.publish(WHERE, authors[n]).how

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
            work = workshop.work(WHERE, author)
            assert (work.state, work.text) == ("conflict", page(f"word{n}"))
            assert workshop.clash(work).base == first


def test_a_conflict_without_a_known_base_shows_both_texts_whole(
    workshop: Workshop, ann: Person, content: Path
):
    """The file changed between opening the page and the first save: nobody kept what was seen."""
    begun = workshop.work(WHERE, ann).base
    (content / WHERE.path).write_text(page("other"))
    workshop.save(WHERE, ann, page("mine"), base=begun, seen=None)
    clash = workshop.clash(workshop.work(WHERE, ann))
    assert clash.base is None
    assert "# A other\n" in clash.merged.text
    assert "# A mine\n" in clash.merged.text
    assert clash.merged.clashes == 1


def test_a_draft_is_its_authors_alone(workshop: Workshop, database: Database, ann: Person):
    bob = somebody(database, "bob@example.org")
    draft(workshop, ann, page("secret"))
    assert "secret" not in workshop.work(WHERE, bob).text
    draft(workshop, bob, page("other"))
    assert workshop.work(WHERE, ann).text == page("secret")


def test_a_text_just_like_the_file_makes_no_draft_and_no_version(
    workshop: Workshop, database: Database, ann: Person, content: Path
):
    draft(workshop, ann, (content / WHERE.path).read_text())
    with database.read() as session:
        assert store.drafts(session) == []
    assert kept(database) == []


def test_what_the_disk_has_is_kept_once_however_often_a_draft_is_begun(
    workshop: Workshop, database: Database, ann: Person, content: Path
):
    for _ in range(3):
        draft(workshop, ann, page("mine"))
        workshop.discard(workshop.work(WHERE, ann), ann)
    assert kept(database) == [(content / WHERE.path).read_text()]


def test_a_draft_from_another_tab_is_not_overwritten_unseen(
    workshop: Workshop, database: Database, ann: Person
):
    draft(workshop, ann, page("one"))
    with pytest.raises(store.OtherTabError) as told:
        workshop.save(WHERE, ann, page("two"), base=None, seen=None)
    assert told.value.stored == page("one")
    with pytest.raises(store.OtherTabError):
        workshop.save(WHERE, ann, page("two"), base=None, seen=digest("something else"))
    workshop.save(WHERE, ann, page("two"), base=None, seen=digest(page("one")))
    workshop.discard(workshop.work(WHERE, ann), ann)
    with pytest.raises(store.OtherTabError):
        workshop.save(WHERE, ann, page("three"), base=None, seen=digest(page("two")))


def test_a_text_larger_than_a_page_may_be_is_refused_with_words(workshop: Workshop, ann: Person):
    with pytest.raises(RefusedTextError, match="262,144"):
        draft(workshop, ann, "x" * 262_144)


def test_a_question_id_that_another_file_has_is_refused_as_by_the_library(
    workshop: Workshop, ann: Person, content: Path
):
    before = (content / WHERE.path).read_text()
    draft(workshop, ann, f"---\nid: even\n---\n{page('thief')}")
    outcome = workshop.publish(WHERE, ann)
    assert outcome.how == "refused"
    assert outcome.trial is not None
    assert [p.code for p in outcome.trial.problems] == ["duplicate-question-id"]
    assert (content / WHERE.path).read_text() == before


def test_what_a_text_would_break_in_other_files_is_told(workshop: Workshop):
    trial = workshop.check(place("numbers", "even.md"), f"---\nid: odd\n---\n{page('renamed')}")
    assert trial.page is not None
    assert [(p.path, p.code) for p in trial.elsewhere] == [
        ("numbers/lesson.md", "unknown-question")
    ]


def test_trying_a_text_changes_nothing_for_learners(workshop: Workshop, library: Library):
    before = library.snapshot()
    workshop.check(WHERE, page("tried"))
    workshop.check(place("fresh", "lesson.md"), "# Fresh\n")
    library.trial(WHERE.path, None)
    assert library.snapshot() == before
    library.refresh()
    assert library.snapshot() == before


def test_the_history_outlives_its_author(workshop: Workshop, database: Database, ann: Person):
    draft(workshop, ann, page("mine"))
    assert workshop.publish(WHERE, ann).how == "published"
    with database.write() as session:
        people.delete(session, ann.id)
    with database.read() as session:
        found = store.versions(session, WHERE.path)
    assert [(v.origin, v.email) for v in found] == [("browser", "ann@example.org"), ("disk", None)]


def test_what_another_tab_saves_while_this_one_publishes_is_kept(
    workshop: Workshop, ann: Person, content: Path, monkeypatch: pytest.MonkeyPatch
):
    draft(workshop, ann, page("first"))
    write = workshop.files.write

    def late(*args: Any, **named: Any) -> None:
        draft(workshop, ann, page("later"))
        write(*args, **named)

    monkeypatch.setattr(workshop.files, "write", late)
    assert workshop.publish(WHERE, ann).how == "published"
    assert (content / WHERE.path).read_text() == page("first")
    work = workshop.work(WHERE, ann)
    assert (work.state, work.text) == ("conflict", page("later"))


@pytest.mark.parametrize("decision", [None, page("decided")])
def test_a_decision_about_a_draft_that_was_saved_again_is_not_taken(
    workshop: Workshop, ann: Person, content: Path, decision: str | None
):
    draft(workshop, ann, page("mine"))
    (content / WHERE.path).write_text(page("other"))
    seen = workshop.work(WHERE, ann)
    draft(workshop, ann, page("newer"))
    assert not workshop.settle(seen, ann, decision)
    assert workshop.work(WHERE, ann).text == page("newer")
    assert workshop.settle(workshop.work(WHERE, ann), ann, page("decided"))
    work = workshop.work(WHERE, ann)
    assert (work.state, work.text) == ("draft", page("decided"))


def test_a_draft_that_was_saved_again_is_not_discarded(workshop: Workshop, ann: Person):
    draft(workshop, ann, page("one"))
    seen = workshop.work(WHERE, ann)
    draft(workshop, ann, page("two"))
    assert not workshop.discard(seen, ann)
    assert workshop.work(WHERE, ann).text == page("two")


def test_a_page_is_not_deleted_under_its_authors_draft(
    workshop: Workshop, ann: Person, content: Path
):
    draft(workshop, ann, page("mine"))
    before = (content / WHERE.path).read_text()
    assert workshop.delete(WHERE, ann, seen=digest(before)).how == "draft"
    assert (content / WHERE.path).read_text() == before
    assert workshop.work(WHERE, ann).text == page("mine")


def test_undecided_places_are_all_that_is_told_of_a_text_with_marks(workshop: Workshop):
    marked = f"{THEIRS}\n{page('one')}{BETWEEN}\n{page('other')}{YOURS}\n[a](nowhere.md)\n"
    trial = workshop.check(WHERE, marked)
    assert trial.page is None
    assert [(p.line, p.code) for p in trial.problems] == [
        (1, "conflict-mark"),
        (11, "conflict-mark"),
    ]
