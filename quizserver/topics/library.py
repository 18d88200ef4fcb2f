"""The content folder as a consistent snapshot that is always available.

``snapshot()`` returns the last complete one, whatever is going on in the folder. Claims are checked
in a thread of their own (or by ``check_claims``), never while a page or a change of the folder
waits: describing a simulation may take seconds, and pages do not need it.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from dataclasses import replace
from pathlib import Path

from quizserver.topics.dry_run import DryRun, dry_run_page
from quizserver.topics.file_digests import FileDigests
from quizserver.topics.folder import FolderListing, list_folder
from quizserver.topics.model import Diagnostic, Snapshot
from quizserver.topics.simulation_links import ClaimChecker
from quizserver.topics.workspace import Workspace, sorted_diagnostics

_log = logging.getLogger(__name__)

QUIET_SECONDS = 60.0
"""Seconds without a change after which the folder is looked at half as often."""


class Library:
    """The topics of a content folder, reloaded when files change.

    The last good version of a broken file is held in memory only: after a restart, a file that is
    still broken is not served until it is fixed. Without a ``claim_checker``, claims are not
    compared with their simulations. ``only_topic`` restricts it to the folder of one topic.
    """

    def __init__(
        self,
        folder: Path,
        *,
        claim_checker: ClaimChecker | None = None,
        only_topic: str | None = None,
    ) -> None:
        self._folder = folder.absolute()
        self._only_topic = only_topic
        self._claim_checker = claim_checker
        self._workspace = Workspace(self._folder)
        self._digests = FileDigests()
        self._lock = threading.RLock()
        self._base_snapshot = Snapshot({}, {})  # without problems of claims and folder
        self._claim_diagnostics: tuple[Diagnostic, ...] = ()
        self._folder_diagnostics: tuple[Diagnostic, ...] = ()  # the folder itself cannot be read
        self._snapshot = self._base_snapshot
        self._current_listing: FolderListing | None = None
        self._stop = threading.Event()
        self._changed = threading.Event()
        self._threads: list[threading.Thread] = []
        self.refresh()

    def snapshot(self) -> Snapshot:
        """The current snapshot, at once: never blocks."""
        return self._snapshot

    def digests(self) -> dict[str, str]:
        """The digest of each file as it is served now; see ``FileDigests``."""
        with self._lock:
            return self._digests.digests_of(self._workspace)

    def refresh(self) -> None:
        """Reads what changed in the folder since the last look. Never raises for bad files."""
        with self._lock:
            listing = self._list_files()
            if listing is not None:
                self._apply_listing(listing)

    def check_claims(self) -> None:
        """Checks every claim against its simulation and adds what is wrong to the diagnostics.

        May take seconds for each simulation that was not described before; meanwhile snapshots are
        served and changed files read as usual.
        """
        if self._claim_checker is None:
            return
        with self._lock:
            parsed_pages, files = (
                self._workspace.parsed_pages(),
                frozenset(self._workspace.listing.files),
            )
        diagnostics = self._claim_checker(parsed_pages, files, self._folder)
        with self._lock:
            self._claim_diagnostics = tuple(diagnostics)
            self._publish_snapshot()

    def check_claims_again(self) -> None:
        """Has the watching thread check the claims: more is known of the simulations by now."""
        self._changed.set()

    def dry_run(
        self, path: str, text: str | None, claim_checker: ClaimChecker | None = None
    ) -> DryRun:
        """Checks and renders the page at ``path`` as if it held ``text`` (None: without it).

        Neither the library nor the disk changes. Claims are compared with their simulations by
        ``claim_checker``, if there is one.
        """
        # Reading may take seconds; meanwhile others check their pages, and files are watched.
        file = None if text is None else self._workspace.read_page(path, text.encode())
        with self._lock:
            workspace = self._workspace.with_page(path, file)
            earlier = self._snapshot.diagnostics
        return dry_run_page(workspace, path, earlier, claim_checker)

    def watch(self, interval: float = 0.5) -> None:
        """Starts two daemon threads: one lists the folder every ``interval`` seconds, one checks
        claims.

        A change is read once two listings in a row are the same, so that files being written are
        not read half-way: it is live after one to two intervals, or after up to three when nothing
        had changed for ``QUIET_SECONDS``, or since the start.
        """
        if self._threads:
            return
        self._stop.clear()
        self._changed.set()
        self._threads = [
            threading.Thread(
                target=self._watch_folder, args=(interval,), name="topics", daemon=True
            ),
            threading.Thread(target=self._watch_claims, name="topics-claims", daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """Stops watching. Does not wait for a simulation that is being described just now."""
        self._stop.set()
        self._changed.set()
        for thread in self._threads:
            thread.join(timeout=1)
        self._threads = []

    def _watch_folder(self, interval: float) -> None:
        previous: FolderListing | None = None
        changed_at = -math.inf
        while True:
            is_quiet = time.monotonic() - changed_at > QUIET_SECONDS
            if self._stop.wait(2 * interval if is_quiet else interval):
                return
            try:
                with self._lock:
                    listing = self._list_files()
                    if listing is not None and listing == previous:
                        self._apply_listing(listing)
                if listing != previous:
                    if previous is not None:
                        changed_at = time.monotonic()
                    previous = listing
            except Exception:  # a fault here must not end the watching for good
                _log.exception("looking at %s failed", self._folder)

    def _watch_claims(self) -> None:
        while self._changed.wait() and not self._stop.is_set():
            self._changed.clear()
            try:
                self.check_claims()
            except Exception:  # as above
                _log.exception("checking the claims in %s failed", self._folder)

    def _list_files(self) -> FolderListing | None:
        try:
            listing = list_folder(self._folder, only_topic=self._only_topic)
        except OSError as error:
            message = f"The content folder cannot be read: {error.strerror or error}."
            hint = "Check its path and its rights; until then what was there is served."
            folder_diagnostics: tuple[Diagnostic, ...] = (
                Diagnostic(1, 1, "no-content", message, hint, path="."),
            )
            listing = None
        else:
            folder_diagnostics = ()
        if folder_diagnostics != self._folder_diagnostics:
            self._folder_diagnostics = folder_diagnostics
            self._publish_snapshot()
        return listing

    def _apply_listing(self, listing: FolderListing) -> None:
        if listing == self._current_listing:
            return
        self._workspace.update(listing)
        self._base_snapshot = self._workspace.build_snapshot()
        self._current_listing = listing
        self._publish_snapshot()
        self._changed.set()

    def _publish_snapshot(self) -> None:
        diagnostics = sorted_diagnostics(
            [*self._base_snapshot.diagnostics, *self._claim_diagnostics, *self._folder_diagnostics]
        )
        already_logged = set(self._snapshot.diagnostics)
        self._snapshot = replace(self._base_snapshot, diagnostics=tuple(diagnostics))
        for diagnostic in diagnostics:  # authors look at the terminal that serves their files
            if diagnostic not in already_logged:
                _log.warning("%s", diagnostic)
