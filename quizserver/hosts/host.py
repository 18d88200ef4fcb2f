"""This web process among those of its site: does it have their secret key and the current content?

A thread looks every two seconds. A file that changes on this machine's disk while the process runs
is announced as current; a machine that starts with other files than the current ones announces them
only when it is alone, as after a change while the server was stopped. Else it is *behind*: it says
so, and keeps no answer that would be graded by another key than the current one.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace

import sqlalchemy as sa
from sqlalchemy.orm import Session

from quizserver.db.availability import BusyError
from quizserver.db.session import Database
from quizserver.hosts import releases_store, store
from quizserver.hosts.model import ProcessIdentity
from quizserver.hosts.notices import HostNotices
from quizserver.hosts.peers import Peers
from quizserver.hosts.releases_store import KnownReleases
from quizserver.hosts.store import ContentStatement
from quizserver.topics.file_digests import differing_paths, folder_digest
from quizserver.topics.library import Library
from quizserver.topics.model import Question

log = logging.getLogger(__name__)

LOOK_SECONDS = 2.0
WRONG_KEY = "this machine's secret key is another one than that of the site"


class OutdatedContentError(Exception):
    """An answer would be graded by another text of the question than the current one."""


@dataclass(frozen=True, slots=True)
class ContentView:
    """What a look found: the digests of what is served here, the paths that differ from what is
    current, and the release until then. ``snapshot`` is what the library served.

    ``own_releases`` are those that this process made since by a publication: of all later ones, it
    knows these.
    """

    served: Mapping[str, str]
    differing: tuple[str, ...]
    release_id: int
    snapshot: object
    own_releases: frozenset[int] = frozenset()


class Host:
    """Compares this process with the site. ``look`` does it once; ``start`` goes on doing it."""

    def __init__(self, database: Database, library: Library, identity: ProcessIdentity) -> None:
        self._database = database
        self._library = library
        self._identity = identity
        self._peers = Peers(identity)
        self._view: ContentView | None = None
        self._is_settled = False  # whether it is decided whose files are current at the start
        self._beat_at = float("-inf")
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._notices = HostNotices(identity)

    # What pages ask, without a statement.

    @property
    def differing(self) -> tuple[str, ...]:
        """The paths of the files that are not as the current content has them."""
        return self._view.differing if self._view is not None else ()

    @property
    def has_wrong_key(self) -> bool:
        """Whether pages of this process would sign out people whom the others signed in."""
        return self._peers.has_wrong_key

    def unready_reason(self) -> str | None:
        return WRONG_KEY if self.has_wrong_key else None

    def content_note(self) -> str | None:
        """That this machine is behind, in words for anybody; None when it is not."""
        count = len(self.differing)
        files = "1 file" if count == 1 else f"{count} files"
        return f"this machine's content differs from the current one in {files}" if count else None

    # What an answer asks, within its transaction.

    def require_current(self, session: Session, question: Question) -> None:
        """Raises OutdatedContentError when another text of the question is current than this one.

        One statement. A text that changed on this disk since the last look is no such one: this
        machine is about to announce it.
        """
        digest = releases_store.current_digest(session, question.path)
        if digest is not None and digest.startswith(question.version):
            return
        if self._view is None:
            is_outdated = digest is not None
        else:  # a file that is current nowhere was moved or deleted on another machine
            is_outdated = self._view.served.get(question.path, "").startswith(question.version)
        if is_outdated:
            raise OutdatedContentError(question.path)

    # What this machine does.

    def announce_page(self, path: str, person_id: int) -> None:
        """Makes the page at ``path`` current as it is served here, after somebody published it.

        When the database can't be used, the next look announces it, as a change of the disk.
        """
        with self._lock:
            digest = self._library.digests().get(path)
            try:
                with self._database.write() as session:
                    announced = releases_store.announce_changes(
                        session,
                        {path: digest},
                        origin="browser",
                        host_name=self._identity.name,
                        person_id=person_id,
                    )
            except (sa.exc.SQLAlchemyError, BusyError) as error:
                log.warning("%s will be announced a little later: %s", path, error)
                return
            if self._view is not None:
                served = {**self._view.served, path: digest}
                self._view = replace(
                    self._view,
                    served={p: d for p, d in served.items() if d is not None},
                    differing=tuple(p for p in self._view.differing if p != path),
                    snapshot=None,
                    own_releases=self._view.own_releases | {announced.release_id},
                )

    def start(self) -> None:
        """Looks once, and from then on in a thread, until ``close``."""
        self._look_or_log()
        self._thread = threading.Thread(target=self._watch, name="host", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout=2)

    def _watch(self) -> None:
        while not self._stop.wait(LOOK_SECONDS):
            self._look_or_log()

    def _look_or_log(self) -> None:
        try:
            self.look()
        except (sa.exc.SQLAlchemyError, BusyError) as error:
            log.debug("comparing with the site has to wait: %s", error)
        except Exception:  # a fault here must not end the looking for good
            log.exception("comparing with the site failed")

    def look(self) -> None:
        """Compares once, and writes what is due. Raises what the database raises."""
        with self._lock:
            with self._database.read() as session:
                release_id = releases_store.newest_release_id(session)
                beat_seconds = store.beat_seconds(session)
            is_due = time.monotonic() - self._beat_at >= beat_seconds
            view = self._view
            if (
                is_due
                or not self._is_settled
                or view is None
                or view.release_id != release_id
                or view.snapshot is not self._library.snapshot()
            ):
                self._compare(beat_seconds)

    def _compare(self, beat_seconds: float) -> None:
        snapshot = self._library.snapshot()
        served = self._library.digests()
        with self._database.write() as session:
            if self._view is not None:
                self._announce(session, served, self._view.served, view=self._view)
            processes = store.living_processes(session)
            self._peers.observe(processes, beat_seconds)
            current = releases_store.current_digests(session)
            if not self._is_settled and self._decides_at_start(current):
                self._announce(session, served, current)
                current = served
            differing = differing_paths(served, current)
            store.state_process(
                session, self._identity, ContentStatement(folder_digest(served), differing)
            )
            release = releases_store.newest_release(session)
        self._view = ContentView(
            served, tuple(differing), release.id if release is not None else 0, snapshot
        )
        self._beat_at = time.monotonic()
        self._notices.log_key(self._peers)
        if self._is_settled:
            self._notices.log_content(differing, release)

    def _decides_at_start(self, current: Mapping[str, str]) -> bool:
        """Whether the files with which this machine started become the current ones."""
        is_alone = self._database.is_sqlite or self._peers.are_alone
        self._is_settled = is_alone is not None
        return self._is_settled and (bool(is_alone) or not current)

    def _announce(
        self,
        session: Session,
        served: Mapping[str, str],
        before: Mapping[str, str],
        *,
        view: ContentView | None = None,
    ) -> None:
        """Announces what is served now and was not before, as a change of this machine's disk.

        What another machine released since ``view`` stays current; None overrides everything.
        """
        changes = {path: served.get(path) for path in differing_paths(served, before)}
        if changes and served:  # a folder without any file is one that is not mounted
            releases_store.announce_changes(
                session,
                changes,
                origin="disk",
                host_name=self._identity.name,
                known=None if view is None else KnownReleases(view.release_id, view.own_releases),
            )
