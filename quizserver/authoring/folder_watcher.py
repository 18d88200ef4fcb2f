"""Watches the content folder for changed files, for commands that run again at every change."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from quizserver.file_signatures import FileSignature
from quizserver.topics.folder import list_folder

WATCH_SECONDS = 0.5
_EVIDENCE = "evidence.json"  # written by verifying, so its change must not start another

Signatures = Mapping[str, FileSignature]
Sleep = Callable[[float], None]


class FolderWatcher:
    """Polls a content folder twice a second, or its one topic ``only``.

    A change is reported when two polls in a row see the same files, so that no file is read while
    it is being written and files that are saved together are reported together.
    """

    def __init__(
        self, content: Path, *, only: str | None = None, sleep: Sleep = time.sleep
    ) -> None:
        self._content = content
        self._only = only
        self._sleep = sleep
        self._reported = self._list_files()

    def peek_changes(self) -> frozenset[str]:
        """The paths changed, added or removed since the last report. Polls once; does not wait."""
        return _changed_paths(self._reported, self._list_files())

    def wait_for_changes(self) -> frozenset[str]:
        """Waits until files change and two polls in a row see the same; returns their paths."""
        while True:
            self._sleep(WATCH_SECONDS)
            if self.peek_changes():
                changed = self.collect_changes()
                if changed:  # empty when a file was restored meanwhile
                    return changed

    def collect_changes(self) -> frozenset[str]:
        """The paths changed by the time that two polls in a row see the same; may be none."""
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
        except OSError:  # the folder is gone; the command that runs again reports it
            return {}
        return {
            path: signature
            for path, signature in files.items()
            if not path.endswith(f"/{_EVIDENCE}")
        }


def _changed_paths(before: Signatures, after: Signatures) -> frozenset[str]:
    return frozenset(p for p in {*before, *after} if before.get(p) != after.get(p))


def affected_topics(paths: Iterable[str]) -> list[str]:
    """The folders whose verdicts may change: those with a changed markdown or Python file."""
    return sorted({path.split("/")[0] for path in paths if path.lower().endswith((".md", ".py"))})


def time_of_day() -> str:
    """The time of day that starts a line of ``--watch``."""
    return time.strftime("%H:%M:%S")
