"""The lines of the log that say how this machine differs from the site: once, when it begins."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from quizserver.hosts.model import ProcessIdentity, Release
from quizserver.hosts.peers import Peers

log = logging.getLogger(__name__)

PATHS_NAMED = 3


class HostNotices:
    """Logs a difference when it begins or changes, and when it is over."""

    def __init__(self, identity: ProcessIdentity) -> None:
        self._identity = identity
        self._has_wrong_key = False
        self._strangers: set[str] = set()
        self._behind: tuple[int, tuple[str, ...]] | None = None

    def log_key(self, peers: Peers) -> None:
        """Logs that this machine's key, or that of one which came later, is not the site's."""
        if peers.has_wrong_key and not self._has_wrong_key:
            log.error(
                "the secret key of this machine (%s) is another one than that of %s, which runs"
                " longer. It serves no pages, which would sign people out on both. Give all"
                " machines the same QUIZSERVER_SECRET_KEY.",
                self._identity.name,
                peers.strangers[0].name,
            )
        elif self._has_wrong_key and not peers.has_wrong_key:
            log.warning("no longer running machine has another secret key: pages are served.")
        self._has_wrong_key = peers.has_wrong_key
        names = {peer.name for peer in peers.strangers}
        if not peers.has_wrong_key:
            for name in sorted(names - self._strangers):
                log.warning(
                    "%s has another secret key than this machine, which runs longer:"
                    " it serves no pages until it gets the same.",
                    name,
                )
        self._strangers = names

    def log_content(self, differing: Sequence[str], release: Release | None) -> None:
        """Logs that this machine is behind; ``release`` is the newest."""
        behind = (release.id, tuple(differing)) if differing and release is not None else None
        if behind == self._behind:
            return
        if behind is None or release is None:
            log.warning("the content of this machine is the current one again.")
        else:
            log.warning(
                "the content of this machine (%s) differs from the current one in %d %s: %s."
                " Current since %s UTC is what %s. Answers to questions that differ are refused"
                " here. Bring those files to this machine, or make its own current with"
                " `quizserver content announce`.",
                self._identity.name,
                len(differing),
                "file" if len(differing) == 1 else "files",
                named_paths(differing),
                release.released_at.strftime("%Y-%m-%d %H:%M"),
                release_source(release),
            )
        self._behind = behind


def named_paths(paths: Sequence[str], *, at_most: int = PATHS_NAMED) -> str:
    """The first few paths, and how many more there are."""
    more = len(paths) - at_most
    return ", ".join(paths[:at_most]) + (f" and {more} more" if more > 0 else "")


def release_source(release: Release) -> str:
    """Who or what made a release, as the end of "current is what …"."""
    if release.origin == "browser":
        return f"{release.email or 'a deleted account'} published on {release.host_name}"
    if release.origin == "command":
        return f"was announced on {release.host_name}"
    return f"lies on the disk of {release.host_name}"
