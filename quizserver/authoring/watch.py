"""Tells which files of the content folder have changed, for commands that run again then."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from quizserver.topics.folder import Signature, list_folder

LOOK_SECONDS = 0.5
_EVIDENCE = "evidence.json"  # what verifying writes; nothing is verified because of it

Files = Mapping[str, Signature]
Sleep = Callable[[float], None]


class Watcher:
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
        self._told = self._look()

    def peek(self) -> frozenset[str]:
        """The paths that changed, came or went since they were last told. One look, no wait."""
        return _different(self._told, self._look())

    def wait(self) -> frozenset[str]:
        """Waits until something changes and has settled; tells it."""
        while True:
            self._sleep(LOOK_SECONDS)
            if self.peek():
                changed = self.settle()
                if changed:  # it may have been put back as it was
                    return changed

    def settle(self) -> frozenset[str]:
        """What has changed by the time that the folder looks the same twice; may be nothing."""
        found = self._look()
        while found != self._told:
            self._sleep(LOOK_SECONDS)
            again = self._look()
            if again == found:
                break
            found = again
        before, self._told = self._told, found
        return _different(before, found)

    def _look(self) -> Files:
        try:
            listed = list_folder(self._content, only=self._only).files
        except OSError:  # away for a moment, or for good: what runs then says it
            return {}
        return {path: sign for path, sign in listed.items() if not path.endswith(f"/{_EVIDENCE}")}


def _different(before: Files, after: Files) -> frozenset[str]:
    return frozenset(p for p in {*before, *after} if before.get(p) != after.get(p))


def topics_of(paths: Iterable[str]) -> list[str]:
    """The folders whose claims may come out otherwise: text and Python decide, images do not."""
    return sorted({path.split("/")[0] for path in paths if path.lower().endswith((".md", ".py"))})


def clock() -> str:
    """The time of day, as every round of a watch begins with it."""
    return time.strftime("%H:%M:%S")
