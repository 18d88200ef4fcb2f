"""What an author can do with a page: draft, publish, settle a conflict, bring a version back.

Learners see the file; a draft is nobody's but its author's. A file is replaced only while it holds
what the draft was begun from, and every text that is replaced is kept as a version first.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from quizserver.accounts.model import Person
from quizserver.authoring import store
from quizserver.authoring.beginning import first_text
from quizserver.authoring.checking import AtOnce, check
from quizserver.authoring.files import ChangedError, Files, Place, digest_of
from quizserver.authoring.work import Clash, Outcome, Work, checked, clash
from quizserver.db.session import Database
from quizserver.lab.catalog import Catalog
from quizserver.topics.library import Library
from quizserver.topics.trial import Trial

log = logging.getLogger(__name__)


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
        return check(self.library, self._at_once, where, text)

    def save(
        self, where: Place, person: Person, text: str, *, base: str | None, seen: str | None
    ) -> None:
        """Keeps a draft. Raises store.OtherTabError, RefusedTextError, PlaceError, ContentError.

        A text that is just what the file holds makes no draft.
        """
        text = checked(text)
        live = self.files.read(where)
        if seen is None and digest_of(text) == digest_of(live) == base:
            return
        now = datetime.now(UTC)
        with self._database.write() as session:
            if live is not None and digest_of(live) == base:
                # What it was begun from is kept, so that a later conflict can show it.
                store.record(session, where.path, live, "disk", now)
            store.save_draft(session, where.path, person.id, text, base, now, seen=seen)

    def discard(self, work: Work, person: Person) -> bool:
        """Forgets the draft; False, and it stays, when another text was saved meanwhile."""
        with self._database.write() as session:
            return store.drop_draft(session, work.where.path, person.id, work.text)

    def publish(self, where: Place, person: Person) -> Outcome:
        """Puts the author's draft in the place of the file, and makes it live at once.

        Refused as the library refuses a file: a page that could not be served is not written, and
        the draft stays. Raises PlaceError, ContentError.
        """
        work = self.work(where, person)
        if work.state in ("live", "new"):
            self.discard(work, person)
            return Outcome("unchanged")
        trial = self.check(where, work.text)
        if trial.page is None:
            return Outcome("refused", trial)
        return self._replace(work, person, work.text)

    def delete(self, where: Place, person: Person, *, seen: str) -> Outcome:
        """Takes the file away if it still holds what the author saw; its text stays a version.

        Not while the author has a draft of it: that is no version, and would be lost.
        """
        work = self.work(where, person)
        if work.unpublished:
            return Outcome("draft")
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
                # What another tab saved since is kept, as a draft that conflicts with this.
                store.drop_draft(session, where.path, person.id, work.text)
        self.library.refresh()
        log.info("%s was %s by %s", where.path, "published" if text else "deleted", person.email)
        if self._published is not None:
            self._published(where.topic)
        return Outcome("published" if text is not None else "deleted")

    def clash(self, work: Work) -> Clash:
        """The three texts of a conflict."""
        path = work.where.path
        with self._database.read() as session:
            base = "" if work.base is None else store.text_of(session, path, work.base)
            newest = store.versions(session, path)[:1]
        return clash(work, base, newest[0] if newest else None)

    def settle(self, work: Work, person: Person, text: str | None) -> bool:
        """Ends a conflict with ``text`` as the draft (None: the file as it is, and no draft).

        False when file or draft are no longer those of ``work``, about which the author decided.
        What the file holds is kept as a version before anything replaces it. Raises
        RefusedTextError.
        """
        where, now = work.where, datetime.now(UTC)
        decided = None if text is None else checked(text)
        live = self.files.read(where)
        if live != work.live:
            return False
        with self._database.write() as session:
            if live is not None:
                store.record(session, where.path, live, "disk", now)
            if decided is None:
                return store.drop_draft(session, where.path, person.id, work.text)
            base = digest_of(live)
            return store.rebase_draft(session, where.path, person.id, work.text, decided, base, now)

    def first_text(self, where: Place, simulation: str) -> str:
        """What a new page begins with. Raises RefusedTextError."""
        return first_text(where, simulation, self.library.snapshot(), self._catalog)

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
        if work.unpublished:
            return "draft"
        self.discard(work, person)
        live = digest_of(work.live)
        self.save(where, person, found[0].source, base=live, seen=None)
        return "begun"
