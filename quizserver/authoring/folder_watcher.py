"""Tells which files of the content folder have changed, for commands that run again then."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from quizserver.topics.folder import FileSignature, list_folder

WATCH_SECONDS = 0.5
_EVIDENCE = "evidence.json"  # what verifying writes; nothing is verified because of it

Signatures = Mapping[str, FileSignature]
Sleep = Callable[[float], None]


class FolderWatcher:
    """Looks at a content folder twice a second, or at its one topic ``only``.

    A change is told when the folder looks the same twice, so that files being written are not
    read half-way and many that are saved together are told together.
    """

    def __init__(
        self, content: Path, *, only: str | None = None, sleep: Sleep = time.sleep
    ) -> None:
        self._content = content
        self._only = only
        self._sleep = sleep
        self._reported = self._list_files()

    def peek_changes(self) -> frozenset[str]:
        """The paths that changed, came or went since they were last told. One look, no wait."""
        return _changed_paths(self._reported, self._list_files())

    def wait_for_changes(self) -> frozenset[str]:
        """Waits until something changes and has settled; tells it."""
        while True:
            self._sleep(WATCH_SECONDS)
            if self.peek_changes():
                changed = self.collect_changes()
                if changed:  # it may have been put back as it was
                    return changed

    def collect_changes(self) -> frozenset[str]:
        """What has changed by the time that the folder looks the same twice; may be nothing."""
        current = self._list_files()
        while current != self._reported:
            self._sleep(WATCH_SECONDS)
            latest = self._list_files()
            if latest == current:
                break
            current = latest
        before, self._reported = self._reported, current
        return _changed_paths(before, current)

    def _list_files(self) -> Signatures:
        try:
            files = list_folder(self._content, only_topic=self._only).files
        except OSError:  # away for a moment, or for good: what runs then says it
            return {}
        return {
            path: signature
            for path, signature in files.items()
            if not path.endswith(f"/{_EVIDENCE}")
        }


def _changed_paths(before: Signatures, after: Signatures) -> frozenset[str]:
    return frozenset(p for p in {*before, *after} if before.get(p) != after.get(p))


def affected_topics(paths: Iterable[str]) -> list[str]:
    """The folders whose claims may come out otherwise: text and Python decide, images do not."""
    return sorted({path.split("/")[0] for path in paths if path.lower().endswith((".md", ".py"))})


def time_of_day() -> str:
    """The time of day, as every round of a watch begins with it."""
    return time.strftime("%H:%M:%S")
