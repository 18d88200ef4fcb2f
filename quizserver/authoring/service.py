"""Editing pages: drafts, checks, publishing, conflicts, and restoring earlier versions.

Learners see the file; a draft is seen by its author alone. A file is replaced only while it still
holds the text that the draft was begun from, and every text that is replaced is stored as a version
first.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from sqlalchemy.orm import Session

from quizserver.accounts.model import Person
from quizserver.audit import store as audit_store
from quizserver.audit.actions import ActionCode
from quizserver.authoring import merge, store
from quizserver.authoring.files import (
    ContentError,
    ContentFiles,
    FileChangedError,
    PageRef,
    digest_or_none,
    text_digest,
    validate_page_text,
)
from quizserver.authoring.page_state import (
    Conflict,
    PageState,
    PublishResult,
    build_conflict,
    build_page_state,
)
from quizserver.authoring.scaffold import initial_page_text
from quizserver.db.session import Database
from quizserver.evidence.claim_checks import PatientDescriber, create_claim_checker
from quizserver.lab.catalog import SimulationCatalog
from quizserver.topics.dry_run import DryRun
from quizserver.topics.library import Library
from quizserver.topics.model import Diagnostic, first_problems

log = logging.getLogger(__name__)

MACHINE_BEHIND = (
    "Another machine of this site has the current text of {path}, which differs from the one here, "
    "and publishing would undo it. Your draft is kept; publish it when this machine has it too."
)


class EditingService:
    """Edits the pages of one content folder for its authors.

    ``on_published`` is called with the page and who did it after one was published or deleted.
    ``behind_paths()`` are the files of which another machine of the site has the current text.
    """

    def __init__(
        self,
        *,
        database: Database,
        library: Library,
        catalog: SimulationCatalog,
        content: Path,
        on_published: Callable[[PageRef, Person], None] | None = None,
        behind_paths: Callable[[], Collection[str]] = tuple,
    ) -> None:
        self.files = ContentFiles(content)
        self.library = library
        self._database = database
        self._catalog = catalog
        self._claim_checker = create_claim_checker(PatientDescriber(catalog))
        self._on_published = on_published
        self._behind_paths = behind_paths

    def load_page_state(self, ref: PageRef, person: Person) -> PageState:
        """The page as it stands for this author. Raises NotEditableError, ContentError."""
        return self._page_state_with(ref, person, self.files.read_page(ref))

    def check_page(self, ref: PageRef, text: str) -> DryRun:
        """The diagnostics of the page with ``text``, and the page if it could be served.

        A text with conflict markers is no page, whatever else is wrong with it: markdown would
        render the markers as prose.
        """
        dry_run = self.library.dry_run(ref.path, text, self._claim_checker)
        marker_lines = merge.conflict_marker_lines(text)
        if not marker_lines:
            return dry_run
        problems = first_problems(
            Diagnostic(
                line, 1, "conflict-mark", "Two versions stand here, between marks.",
                "Decide between them, and delete the marks.", path=dry_run.path,
            )
            for line in marker_lines
        )  # fmt: skip
        return replace(dry_run, page=None, diagnostics=tuple(problems), elsewhere=())

    def save_draft(
        self,
        ref: PageRef,
        person: Person,
        text: str,
        *,
        base_digest: str | None,
        expected_digest: str | None,
    ) -> PageState:
        """Stores a draft and returns the page as it stands then.

        A text equal to the file makes no draft. Raises store.StaleDraftError, RefusedTextError,
        NotEditableError, ContentError.
        """
        text = validate_page_text(text)
        file_text = self.files.read_page(ref)
        file_digest = digest_or_none(file_text)
        if expected_digest is None and digest_or_none(text) == file_digest == base_digest:
            return self._page_state_with(ref, person, file_text)
        now = datetime.now(UTC)
        with self._database.write() as session:
            if file_text is not None and file_digest == base_digest:
                # The base is stored, so that a later conflict can show what each side changed.
                store.record_version(session, ref.path, file_text, "disk", now)
            stored_draft = store.save_draft(
                session,
                _draft_key(ref, person),
                store.StoredDraft(text, base_digest, now),
                expected_digest=expected_digest,
            )
        return build_page_state(ref, file_text, stored_draft)

    def discard_draft(self, page_state: PageState, person: Person) -> bool:
        """Deletes the draft; False, and it stays, when another text was saved meanwhile."""
        with self._database.write() as session:
            return store.delete_draft(session, _draft_key(page_state.ref, person), page_state.text)

    def publish_draft(self, ref: PageRef, person: Person) -> PublishResult:
        """Replaces the file by the author's draft, which learners see at once.

        A page that could not be served is refused: nothing is written and the draft stays. Raises
        NotEditableError, ContentError.
        """
        page_state = self.load_page_state(ref, person)
        if page_state.status in ("live", "new"):
            self.discard_draft(page_state, person)
            return PublishResult("unchanged")
        dry_run = self.check_page(ref, page_state.text)
        if dry_run.page is None:
            return PublishResult("refused", dry_run)
        return replace(self._replace_file(page_state, person, page_state.text), dry_run=dry_run)

    def delete_page(self, ref: PageRef, person: Person, *, expected_digest: str) -> PublishResult:
        """Deletes the file if it still holds what the author saw; its text stays a version.

        Refused while the author has a draft of it, which is no version and would be lost.
        """
        page_state = self.load_page_state(ref, person)
        if page_state.unpublished:
            return PublishResult("draft")
        return self._replace_file(replace(page_state, base_digest=expected_digest), person, None)

    def _replace_file(
        self, page_state: PageState, person: Person, text: str | None
    ) -> PublishResult:
        ref, now = page_state.ref, datetime.now(UTC)
        if ref.path in self._behind_paths():
            raise ContentError(MACHINE_BEHIND.format(path=ref.path))
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
                _record_publication(session, page_state, person, text, now)
                store.record_version(session, ref.path, text or "", "browser", now, author=author)
                # A text that another tab saved since stays, as a draft that conflicts with this.
                store.delete_draft(session, _draft_key(ref, person), page_state.text)
        self.library.refresh()
        log.info("%s was %s by %s", ref.path, "published" if text else "deleted", person.email)
        if self._on_published is not None:
            self._on_published(ref, person)
        return PublishResult("published" if text is not None else "deleted")

    def load_conflict(self, page_state: PageState) -> Conflict:
        """The three texts of the page's conflict, and their merge."""
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

        False when the file or the draft is no longer that of ``page_state``, about which the author
        decided. The text of the file is stored as a version first. Raises RefusedTextError.
        """
        ref, now = page_state.ref, datetime.now(UTC)
        resolved_text = None if text is None else validate_page_text(text)
        file_text = self.files.read_page(ref)
        if file_text != page_state.file_text:
            return False
        with self._database.write() as session:
            if file_text is not None:
                store.record_version(session, ref.path, file_text, "disk", now)
            key = _draft_key(ref, person)
            if resolved_text is None:
                return store.delete_draft(session, key, page_state.text)
            resolved = store.StoredDraft(resolved_text, digest_or_none(file_text), now)
            return store.replace_draft(session, key, page_state.text, resolved)

    def initial_text(self, ref: PageRef, simulation_name: str) -> str:
        """The scaffold of a new page. Raises RefusedTextError."""
        return initial_page_text(ref, simulation_name, self.library.snapshot(), self._catalog)

    def begin_draft(self, ref: PageRef, person: Person, text: str) -> bool:
        """Stores the first draft of a new page; False when the page or a draft of it exists."""
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
        """Makes an earlier version a new draft.

        "no" when there is no such version, "draft" when the author has an unpublished draft.
        """
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

    def _page_state_with(self, ref: PageRef, person: Person, file_text: str | None) -> PageState:
        with self._database.read() as session:
            stored_draft = store.get_draft(session, _draft_key(ref, person))
        return build_page_state(ref, file_text, stored_draft)


def _record_publication(
    session: Session, page_state: PageState, person: Person, text: str | None, now: datetime
) -> None:
    """Adds to the audit log that ``person`` published ``text`` (None: deleted the page)."""
    path = page_state.ref.path
    action: ActionCode = "content-deleted"
    if text is not None:
        is_earlier = store.has_version(session, path, text_digest(text))
        action = "content-reverted" if is_earlier else "content-published"
    audit_store.record_audit_event(
        session,
        action,
        source="web",
        now=now,
        actor=person,
        about=path,
        detail={"digest": digest_or_none(text), "replaced": page_state.base_digest},
    )


def _draft_key(ref: PageRef, person: Person) -> store.DraftKey:
    return store.DraftKey(ref.path, person.id)
