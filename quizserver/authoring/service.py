"""What an author can do with a page: check, draft, publish, resolve a conflict, restore a version.

Learners see the file; a draft belongs to its author alone. A file is replaced only while it still holds
the text that the draft was begun from, and every replaced text is kept as a version first."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from quizserver.accounts.model import Person
from quizserver.authoring import merge, store
from quizserver.authoring.files import (
    ContentFiles,
    FileChangedError,
    PageRef,
    digest_or_none,
    normalise_text,
)
from quizserver.authoring.page_state import (
    Conflict,
    PageState,
    PublishResult,
    build_conflict,
    validate_page_text,
)
from quizserver.authoring.scaffold import initial_page_text
from quizserver.db.session import Database
from quizserver.evidence.claim_checks import create_claim_checker
from quizserver.lab.catalog import SimulationCatalog
from quizserver.lab.model import Description, SimulationError
from quizserver.topics.dry_run import DryRun
from quizserver.topics.library import Library
from quizserver.topics.model import Diagnostic
from quizserver.topics.simulation_links import ClaimChecker

log = logging.getLogger(__name__)


class EditingService:
    """The pages of one content folder, for its authors.

    ``published`` is called after a page went live or away, with its topic's folder.
    """

    def __init__(
        self,
        *,
        database: Database,
        library: Library,
        catalog: SimulationCatalog,
        content: Path,
        on_published: Callable[[str], None] | None = None,
    ) -> None:
        self.files = ContentFiles(content)
        self.library = library
        self._database = database
        self._catalog = catalog
        self._claim_checker = create_claim_checker(NonBlockingCatalog(catalog))
        self._on_published = on_published

    def load_page_state(self, ref: PageRef, person: Person) -> PageState:
        """The page as it stands for this author. Raises PlaceError, ContentError."""
        file_text = self.files.read_page(ref)
        with self._database.read() as session:
            draft = store.get_draft(session, ref.path, person.id)
        if draft is None:
            return PageState(ref, file_text or "", file_text, digest_or_none(file_text), None, None)
        draft_digest = digest_or_none(draft.source)
        return PageState(
            ref, draft.source, file_text, draft.base_digest, draft_digest, draft.updated_at
        )

    def check_page(self, ref: PageRef, text: str) -> DryRun:
        """The page as it would be: problems, and rendered if it could be served."""
        return check_page_text(self.library, self._claim_checker, ref, text)

    def save_draft(
        self,
        ref: PageRef,
        person: Person,
        text: str,
        *,
        base_digest: str | None,
        expected_digest: str | None,
    ) -> None:
        """Keeps a draft. Raises store.OtherTabError, RefusedTextError, PlaceError, ContentError.

        A text that is just what the file holds makes no draft.
        """
        text = validate_page_text(text)
        file_text = self.files.read_page(ref)
        if (
            expected_digest is None
            and digest_or_none(text) == digest_or_none(file_text) == base_digest
        ):
            return
        now = datetime.now(UTC)
        with self._database.write() as session:
            if file_text is not None and digest_or_none(file_text) == base_digest:
                # What it was begun from is kept, so that a later conflict can show it.
                store.record_version(session, ref.path, file_text, "disk", now)
            store.save_draft(
                session,
                ref.path,
                person.id,
                text,
                base_digest,
                now,
                expected_digest=expected_digest,
            )

    def discard_draft(self, page_state: PageState, person: Person) -> bool:
        """Forgets the draft; False, and it stays, when another text was saved meanwhile."""
        with self._database.write() as session:
            return store.delete_draft(session, page_state.ref.path, person.id, page_state.text)

    def publish_draft(self, ref: PageRef, person: Person) -> PublishResult:
        """Puts the author's draft in the place of the file, and makes it live at once.

        Refused as the library refuses a file: a page that could not be served is not written, and
        the draft stays. Raises PlaceError, ContentError.
        """
        page_state = self.load_page_state(ref, person)
        if page_state.status in ("live", "new"):
            self.discard_draft(page_state, person)
            return PublishResult("unchanged")
        dry_run = self.check_page(ref, page_state.text)
        if dry_run.page is None:
            return PublishResult("refused", dry_run)
        return self._replace_file(page_state, person, page_state.text)

    def delete_page(self, ref: PageRef, person: Person, *, expected_digest: str) -> PublishResult:
        """Takes the file away if it still holds what the author saw; its text stays a version.

        Not while the author has a draft of it: that is no version, and would be lost.
        """
        page_state = self.load_page_state(ref, person)
        if page_state.unpublished:
            return PublishResult("draft")
        return self._replace_file(replace(page_state, base_digest=expected_digest), person, None)

    def _replace_file(
        self, page_state: PageState, person: Person, text: str | None
    ) -> PublishResult:
        ref, now = page_state.ref, datetime.now(UTC)
        with self.files.write_lock():
            file_text = self.files.read_page(ref)
            if file_text is None and text is None:
                return PublishResult("unchanged")
            if digest_or_none(file_text) != page_state.base_digest:
                return PublishResult("conflict")
            if file_text is not None:
                with self._database.write() as session:
                    store.record_version(session, ref.path, file_text, "disk", now)
            try:
                if text is None:
                    self.files.delete_page(ref, expected_digest=str(page_state.base_digest))
                else:
                    self.files.write_page(ref, text, expected_digest=page_state.base_digest)
            except FileChangedError:
                return PublishResult("conflict")
            with self._database.write() as session:
                author = person.id, person.email
                store.record_version(session, ref.path, text or "", "browser", now, author=author)
                # What another tab saved since is kept, as a draft that conflicts with this.
                store.delete_draft(session, ref.path, person.id, page_state.text)
        self.library.refresh()
        log.info("%s was %s by %s", ref.path, "published" if text else "deleted", person.email)
        if self._on_published is not None:
            self._on_published(ref.topic)
        return PublishResult("published" if text is not None else "deleted")

    def load_conflict(self, page_state: PageState) -> Conflict:
        """The three texts of a conflict."""
        path = page_state.ref.path
        with self._database.read() as session:
            base_text = (
                ""
                if page_state.base_digest is None
                else store.version_text(session, path, page_state.base_digest)
            )
            newest_versions = store.list_versions(session, path)[:1]
        return build_conflict(
            page_state, base_text, newest_versions[0] if newest_versions else None
        )

    def resolve_conflict(self, page_state: PageState, person: Person, text: str | None) -> bool:
        """Ends a conflict with ``text`` as the draft (None: the file as it is, and no draft).

        False when file or draft are no longer those of ``work``, about which the author decided.
        What the file holds is kept as a version before anything replaces it. Raises
        RefusedTextError.
        """
        ref, now = page_state.ref, datetime.now(UTC)
        resolved_text = None if text is None else validate_page_text(text)
        file_text = self.files.read_page(ref)
        if file_text != page_state.file_text:
            return False
        with self._database.write() as session:
            if file_text is not None:
                store.record_version(session, ref.path, file_text, "disk", now)
            if resolved_text is None:
                return store.delete_draft(session, ref.path, person.id, page_state.text)
            base_digest = digest_or_none(file_text)
            return store.rebase_draft(
                session, ref.path, person.id, page_state.text, resolved_text, base_digest, now
            )

    def initial_text(self, ref: PageRef, simulation_name: str) -> str:
        """What a new page begins with. Raises RefusedTextError."""
        return initial_page_text(ref, simulation_name, self.library.snapshot(), self._catalog)

    def begin_draft(self, ref: PageRef, person: Person, text: str) -> bool:
        """A draft of a page that is not there yet; False when there is one, or a draft of it."""
        if self.files.read_page(ref) is not None:
            return False
        try:
            self.save_draft(ref, person, text, base_digest=None, expected_digest=None)
        except store.StaleDraftError:
            return False
        return True

    def restore_version(
        self, ref: PageRef, person: Person, version_id: int
    ) -> Literal["begun", "draft", "no"]:
        """An earlier version as a new draft: "no" when there is none, "draft" when one is there."""
        page_state = self.load_page_state(ref, person)
        with self._database.read() as session:
            stored = store.get_version(session, ref.path, version_id)
        if stored is None or stored[0].is_deletion:
            return "no"
        if page_state.unpublished:
            return "draft"
        self.discard_draft(page_state, person)
        file_digest = digest_or_none(page_state.file_text)
        self.save_draft(
            ref, person, stored[0].source, base_digest=file_digest, expected_digest=None
        )
        return "begun"


class NonBlockingCatalog:
    """A catalog that never waits: what it has not read yet is not compared for now."""

    def __init__(self, catalog: SimulationCatalog) -> None:
        self._catalog = catalog

    def describe_many(self, paths: Iterable[Path]) -> dict[Path, Any]:
        return {path: self._describe_known(path) for path in paths}

    def _describe_known(self, path: Path) -> Description | SimulationError | None:
        try:
            return self._catalog.describe_if_ready(path)
        except SimulationError as error:
            return error


def check_page_text(
    library: Library, claim_checker: ClaimChecker, ref: PageRef, text: str
) -> DryRun:
    """The page as it would be with ``text``: problems, and rendered if it could be served.

    A text with an undecided place in it is no page, whatever else it says; markdown would show the
    marks as prose.
    """
    text = normalise_text(text)
    dry_run = library.dry_run(ref.path, text, claim_checker)
    marker_lines = merge.conflict_marker_lines(text)
    if not marker_lines:
        return dry_run
    problems = [
        Diagnostic(
            line, 1, "conflict-mark", "Two versions stand here, between marks.",
            "Decide between them, and delete the marks.", path=dry_run.path,
        )
        for line in marker_lines
    ]  # fmt: skip
    return replace(dry_run, page=None, diagnostics=tuple(problems), elsewhere=())
