"""The content folder as a snapshot that is always consistent, and always there.

A page asks for ``snapshot()`` and gets the last complete one, whatever is going on in the folder.
The catalog is asked in a thread of its own (or by ``check_claims``), never while a page waits nor
while a change waits to go live: describing a simulation may take seconds, and pages do not need it.
"""

from __future__ import annotations

import logging
import threading
from dataclasses import replace
from pathlib import Path

from quizserver.topics.assets import asset, asset_headers
from quizserver.topics.claims import Catalog, claim_problems
from quizserver.topics.folder import Listing, list_folder
from quizserver.topics.model import Problem, Snapshot
from quizserver.topics.shelf import Shelf, ordered
from quizserver.topics.trial import Trial, judge

__all__ = ["Library", "asset", "asset_headers"]

_log = logging.getLogger(__name__)


class Library:
    """Topics of a content folder, kept up to date.

    The last good version of a broken file is kept in memory only: after a restart, a file that is
    still broken is not served until it is mended. Without a ``catalog``, claims are not compared
    with their simulations. ``only`` names the one topic's folder to look at.
    """

    def __init__(
        self, folder: Path, *, catalog: Catalog | None = None, only: str | None = None
    ) -> None:
        self._folder = folder.absolute()
        self._only = only
        self._catalog = catalog
        self._shelf = Shelf(self._folder)
        self._lock = threading.RLock()
        self._base = Snapshot({}, {})  # without what the catalog and the folder itself add
        self._claims: tuple[Problem, ...] = ()
        self._lost: tuple[Problem, ...] = ()  # the folder itself cannot be read
        self._snapshot = self._base
        self._seen: Listing | None = None
        self._stop = threading.Event()
        self._changed = threading.Event()
        self._threads: list[threading.Thread] = []
        self.refresh()

    def snapshot(self) -> Snapshot:
        """The current snapshot. Costs nothing; never blocks."""
        return self._snapshot

    def refresh(self) -> None:
        """Look at the folder now and take over what changed. Never raises for what files hold."""
        with self._lock:
            listing = self._list()
            if listing is not None:
                self._take(listing)

    def check_claims(self) -> None:
        """Ask the catalog about every simulation, and add what is wrong to the problems.

        May take seconds for each simulation that the catalog has not seen; meanwhile snapshots are
        served, and files taken over, as ever.
        """
        if self._catalog is None:
            return
        with self._lock:
            drafts, files = self._shelf.drafts(), frozenset(self._shelf.listing.files)
        problems = claim_problems(drafts, files, self._catalog, self._folder)
        with self._lock:
            self._claims = tuple(problems)
            self._publish()

    def trial(self, path: str, text: str | None, catalog: Catalog | None = None) -> Trial:
        """What the page at ``path`` would be worth with ``text`` in it (None: without it).

        Nothing is taken over, and the disk is not written to. Claims are compared with what
        ``catalog`` says of their simulations, if there is one.
        """
        with self._lock:
            shelf = self._shelf.trying(path, None if text is None else text.encode())
            known = self._snapshot.problems
        return judge(shelf, path, known, catalog)

    def watch(self, interval: float = 0.5) -> None:
        """Start daemon threads: one looks every ``interval`` seconds, one asks the catalog.

        A change is taken over when the folder looks the same twice, so that files being written
        are not read half-way: it is live after one to two intervals.
        """
        if self._threads:
            return
        self._stop.clear()
        self._changed.set()
        self._threads = [
            threading.Thread(target=self._watch, args=(interval,), name="topics", daemon=True),
            threading.Thread(target=self._keep_checking, name="topics-claims", daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """Stop watching. A simulation being described just now is not waited for."""
        self._stop.set()
        self._changed.set()
        for thread in self._threads:
            thread.join(timeout=1)
        self._threads = []

    def _watch(self, interval: float) -> None:
        before: Listing | None = None
        while not self._stop.wait(interval):
            try:
                with self._lock:
                    listing = self._list()
                    if listing is not None and listing == before:
                        self._take(listing)
                before = listing
            except Exception:  # a fault here must not end the watching for good
                _log.exception("looking at %s failed", self._folder)

    def _keep_checking(self) -> None:
        while self._changed.wait() and not self._stop.is_set():
            self._changed.clear()
            try:
                self.check_claims()
            except Exception:  # as above
                _log.exception("checking the claims in %s failed", self._folder)

    def _list(self) -> Listing | None:
        try:
            listing = list_folder(self._folder, only=self._only)
        except OSError as error:
            message = f"The content folder cannot be read: {error.strerror or error}."
            hint = "Check its path and its rights; until then what was there is served."
            lost: tuple[Problem, ...] = (Problem(".", 1, 1, "no-content", message, hint),)
            listing = None
        else:
            lost = ()
        if lost != self._lost:
            self._lost = lost
            self._publish()
        return listing

    def _take(self, listing: Listing) -> None:
        if listing == self._seen:
            return
        self._shelf.fill(listing)
        self._base = self._shelf.snapshot()
        self._seen = listing
        self._publish()
        self._changed.set()

    def _publish(self) -> None:
        merged = ordered([*self._base.problems, *self._claims, *self._lost])
        known = set(self._snapshot.problems)
        self._snapshot = replace(self._base, problems=tuple(merged))
        for problem in merged:  # authors look at the terminal that serves their files
            if problem not in known:
                _log.warning("%s", problem)
