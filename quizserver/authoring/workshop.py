"""What an author can do with a page: draft, publish, settle a conflict, bring a version back.

Learners see the file; a draft is nobody's but its author's. A file is replaced only while it holds
what the draft was begun from, and every text that is replaced is kept as a version first.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from quizserver.accounts.model import Person
from quizserver.authoring import blank, merge, starts, store
from quizserver.authoring.files import ChangedError, Files, Place, digest_of, normal
from quizserver.db.session import Database
from quizserver.lab.catalog import Catalog
from quizserver.lab.simulation import Description, SimulationError
from quizserver.topics.folder import is_lesson
from quizserver.topics.identity import humanise
from quizserver.topics.library import Library
from quizserver.topics.model import Problem
from quizserver.topics.shelf import ordered
from quizserver.topics.text import LARGEST
from quizserver.topics.trial import Trial

log = logging.getLogger(__name__)

State = Literal["new", "live", "draft", "conflict"]


class RefusedTextError(ValueError):
    """A text that can't be kept; the message says why."""


@dataclass(frozen=True, slots=True)
class Work:
    """A page as one author finds it.

    ``text`` is their draft, or without one what the file holds; ``live`` is what it holds (None:
    there is no file). ``base`` is the digest of the file that ``text`` was begun from, ``seen``
    that of the stored draft. In a "conflict" the file was changed since then.
    """

    where: Place
    text: str
    live: str | None
    base: str | None
    seen: str | None
    saved_at: datetime | None

    @property
    def state(self) -> State:
        if self.seen is None:
            return "new" if self.live is None else "live"
        if self.text == self.live:
            return "live"
        return "draft" if self.base == digest_of(self.live) else "conflict"


@dataclass(frozen=True, slots=True)
class Clash:
    """The three texts of a conflict ("" for a file that is not there), and a proposal of both.

    ``base`` is None when nobody kept the text that the draft was begun from.
    """

    theirs: str
    yours: str
    base: str | None
    merged: merge.Merged
    by: store.Version | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a publication. A refusal's trial tells the problems."""

    how: Literal["published", "deleted", "unchanged", "refused", "conflict"]
    trial: Trial | None = None


class AtOnce:
    """A catalog that never waits: what it has not read yet is not compared for now."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def describe_many(self, paths: Iterable[Path]) -> dict[Path, Any]:
        return {path: self._now(path) for path in paths}

    def _now(self, path: Path) -> Description | SimulationError | None:
        try:
            return self._catalog.known(path)
        except SimulationError as error:
            return error


class Workshop:
    """The pages of one content folder, for its authors.

    ``published`` is called after a page went live or away, with its topic's folder.
    """

    def __init__(
        self,
        *,
        database: Database,
        library: Library,
        catalog: Catalog,
        content: Path,
        published: Callable[[str], None] | None = None,
    ) -> None:
        self.files = Files(content)
        self.library = library
        self._database = database
        self._catalog = catalog
        self._at_once = AtOnce(catalog)
        self._published = published

    def work(self, where: Place, person: Person) -> Work:
        """The page as it stands for this author. Raises PlaceError, ContentError."""
        live = self.files.read(where)
        with self._database.read() as session:
            draft = store.draft_of(session, where.path, person.id)
        if draft is None:
            return Work(where, live or "", live, digest_of(live), None, None)
        mark = digest_of(draft.source)
        return Work(where, draft.source, live, draft.base, mark, draft.updated_at)

    def check(self, where: Place, text: str) -> Trial:
        """The page as it would be: problems, and rendered if it could be served."""
        tried = self.library.trial(where.path, normal(text), self._at_once)
        return _with_marks(tried, text)

    def save(
        self, where: Place, person: Person, text: str, *, base: str | None, seen: str | None
    ) -> None:
        """Keeps a draft. Raises store.OtherTabError, RefusedTextError, PlaceError, ContentError.

        A text that is just what the file holds makes no draft.
        """
        text = _checked(text)
        live = self.files.read(where)
        if seen is None and digest_of(text) == digest_of(live) == base:
            return
        now = datetime.now(UTC)
        with self._database.write() as session:
            if live is not None and digest_of(live) == base:
                # What it was begun from is kept, so that a later conflict can show it.
                store.record(session, where.path, live, "disk", now)
            store.save_draft(session, where.path, person.id, text, base, now, seen=seen)

    def discard(self, where: Place, person: Person) -> None:
        with self._database.write() as session:
            store.drop_draft(session, where.path, person.id)

    def publish(self, where: Place, person: Person) -> Outcome:
        """Puts the author's draft in the place of the file, and makes it live at once.

        Refused as the library refuses a file: a page that could not be served is not written, and
        the draft stays. Raises PlaceError, ContentError.
        """
        work = self.work(where, person)
        if work.state in ("live", "new"):
            self.discard(where, person)
            return Outcome("unchanged")
        trial = self.check(where, work.text)
        if trial.page is None:
            return Outcome("refused", trial)
        return self._replace(work, person, work.text)

    def delete(self, where: Place, person: Person, *, seen: str) -> Outcome:
        """Takes the file away if it still holds what the author saw; its text stays a version."""
        work = self.work(where, person)
        return self._replace(replace(work, base=seen), person, None)

    def _replace(self, work: Work, person: Person, text: str | None) -> Outcome:
        where, now = work.where, datetime.now(UTC)
        with self.files.turn():
            live = self.files.read(where)
            if live is None and text is None:
                return Outcome("unchanged")
            if digest_of(live) != work.base:
                return Outcome("conflict")
            if live is not None:
                with self._database.write() as session:
                    store.record(session, where.path, live, "disk", now)
            try:
                if text is None:
                    self.files.delete(where, seen=str(work.base))
                else:
                    self.files.write(where, text, seen=work.base)
            except ChangedError:
                return Outcome("conflict")
            with self._database.write() as session:
                who = person.id, person.email
                store.record(session, where.path, text or "", "browser", now, by=who)
                store.drop_draft(session, where.path, person.id)
        self.library.refresh()
        log.info("%s was %s by %s", where.path, "published" if text else "deleted", person.email)
        if self._published is not None:
            self._published(where.topic)
        return Outcome("published" if text is not None else "deleted")

    def clash(self, work: Work) -> Clash:
        """The three texts of a conflict."""
        theirs = work.live or ""
        with self._database.read() as session:
            base = "" if work.base is None else store.text_of(session, work.where.path, work.base)
            newest = store.versions(session, work.where.path)[:1]
        # Without the base, nothing says who changed what: every difference is then a clash.
        common = _common(theirs, work.text) if base is None else base
        by = newest[0] if newest and newest[0].digest == digest_of(theirs) else None
        return Clash(theirs, work.text, base, merge.merge(common, theirs, work.text), by)

    def settle(self, where: Place, person: Person, text: str | None, *, theirs: str | None) -> bool:
        """Ends a conflict with ``text`` as the draft (None: the file as it is, and no draft).

        ``theirs`` is the digest of the file that the author decided about; False when it holds
        something else by now. What the file holds is kept as a version before anything replaces it.
        """
        decided = None if text is None else _checked(text)
        live = self.files.read(where)
        if digest_of(live) != theirs:
            return False
        now = datetime.now(UTC)
        with self._database.write() as session:
            if live is not None:
                store.record(session, where.path, live, "disk", now)
            if decided is None:
                store.drop_draft(session, where.path, person.id)
            else:
                store.rebase_draft(session, where.path, person.id, decided, theirs, now)
        return True

    def start(self, where: Place, simulation: str = "") -> str:
        """The text that a new page begins with; a question may rest on one of the simulations.

        Raises RefusedTextError when that is not there or can't be used.
        """
        name = where.name.removesuffix(".md")
        if is_lesson(where.path):
            return blank.lesson(humanise(where.topic))
        if not simulation:
            return starts.plain_question(name)
        topics = self.library.snapshot().topics.values()
        topic = next((t for t in topics if t.folder.name == where.topic), None)
        path = topic.simulations.get(simulation) if topic is not None else None
        if path is None:
            raise RefusedTextError("There is no such simulation in this topic.")
        try:
            description = self._catalog.known(path)
        except SimulationError as error:
            raise RefusedTextError(f"This simulation can't be used: {error.message}") from None
        if description is None:
            raise RefusedTextError("This simulation is being read. Try again in a moment.")
        return starts.claiming_question(where.topic, name, simulation, description)

    def begin(self, where: Place, person: Person, text: str) -> bool:
        """A draft of a page that is not there yet; False when there is one, or a draft of it."""
        if self.files.read(where) is not None:
            return False
        try:
            self.save(where, person, text, base=None, seen=None)
        except store.OtherTabError:
            return False
        return True

    def restore(self, where: Place, person: Person, number: int) -> Literal["begun", "draft", "no"]:
        """An earlier version as a new draft: "no" when there is none, "draft" when one is there."""
        work = self.work(where, person)
        with self._database.read() as session:
            found = store.version(session, where.path, number)
        if found is None or found[0].gone:
            return "no"
        if work.state in ("draft", "conflict"):
            return "draft"
        self.discard(where, person)
        live = digest_of(work.live)
        self.save(where, person, found[0].source, base=live, seen=None)
        return "begun"


def _checked(text: str) -> str:
    text = normal(text)
    if len(text.encode()) > LARGEST:
        raise RefusedTextError(
            f"A page may hold {LARGEST:,} bytes; this one has {len(text.encode()):,}. Split it."
        )
    return text


def _with_marks(trial: Trial, text: str) -> Trial:
    """A text with an undecided place in it is no page; markdown would show the marks as prose."""
    found = [
        Problem(
            trial.path, line, 1, "conflict-mark", "Two versions stand here, between marks.",
            "Decide between them, and delete the marks.",
        )
        for line in merge.marks(normal(text))
    ]  # fmt: skip
    if not found:
        return trial
    return replace(trial, page=None, problems=tuple(ordered([*trial.problems, *found])))


def _common(one: str, other: str) -> str:
    """The lines that both texts begin with: the most that is sure to come from one text."""
    lines = []
    for left, right in zip(one.splitlines(True), other.splitlines(True), strict=False):
        if left != right:
            break
        lines.append(left)
    return "".join(lines)
