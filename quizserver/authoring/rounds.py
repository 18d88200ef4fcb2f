"""``check --watch`` and ``verify --watch``: a round now, and another whenever files change."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NoReturn

from quizserver.authoring.watch import LOOK_SECONDS, Watcher, clock, topics_of
from quizserver.lab.evidence import Evidence, EvidenceError
from quizserver.topics.folder import list_folder
from quizserver.topics.model import Problem, Topic
from quizserver.topics.shelf import Shelf

Say = Callable[[str], None]
Progress = Callable[[int, int], None]
# Trains a topic and says what came out; raises OSError, EvidenceError or FailedError.
Verify = Callable[[Topic, Progress], Evidence]
WAITING = "Watching for changes. Ctrl-C ends it."


class FailedError(Exception):
    """A topic can't be verified as it stands; the message says why."""


class _AbandonedError(BaseException):
    """Ends a training whose files have changed; an Exception would be blamed on its loop."""


def watch_checks(find: Callable[[], Sequence[Problem]], watcher: Watcher, say: Say) -> NoReturn:
    """Checks now and after every change, for ever."""
    while True:
        problems = find()
        for problem in problems:
            say(str(problem))
        number = len(problems) or "no"
        say(f"{clock()}  {number} problem{'' if len(problems) == 1 else 's'}. {WAITING}")
        watcher.wait()


class Verifying:
    """Verifies topics one at a time, those changed last first; what is outdated is given up.

    Each topic waits at most once, however often it is saved.
    """

    def __init__(self, content: Path, verify: Verify, watcher: Watcher, say: Say) -> None:
        self._content = content
        self._verify = verify
        self._watcher = watcher
        self._say = say
        self._shelf = Shelf(content)
        self._looked = 0.0

    def run(self, topic: str | None) -> NoReturn:
        """Verifies ``topic``, or every topic with claims, and again what changes; for ever."""
        waiting = self._folders(topic)
        while True:
            if not waiting:
                self._say(f"{clock()}  {WAITING}")
                waiting = self._watched(topics_of(self._watcher.wait()), topic)
                continue
            folder = waiting.pop(0)
            if not self._round(folder):
                waiting.insert(0, folder)
            changed = self._watched(topics_of(self._watcher.settle()), topic)
            waiting = list(dict.fromkeys([*changed, *waiting]))

    def _round(self, folder: str) -> bool:
        """Verifies one topic; False when it was given up because its files changed."""
        self._fill()
        snapshot = self._shelf.snapshot()
        problems = [p for p in snapshot.problems if p.path.split("/")[0] == folder]
        if problems:
            for problem in problems:
                self._say(str(problem))
            self._say(f"{clock()}  {folder}: mend these first.")
            return True
        found = next((t for t in snapshot.topics.values() if t.folder.name == folder), None)
        if found is None or not any(question.claims for question in found.questions):
            self._say(f"{clock()}  {folder}: no claims to verify.")
            return True
        started = time.monotonic()
        self._say(f"{clock()}  {folder}: training.")
        try:
            evidence = self._verify(found, lambda _done, _total: self._look(folder))
        except _AbandonedError:
            self._say(f"{clock()}  {folder}: changed meanwhile; beginning again.")
            return False
        except (FailedError, EvidenceError, OSError) as error:
            self._say(f"{clock()}  {folder}: {error}")
            return True
        told = "the key agrees" if evidence.agrees else "the evidence contradicts the key"
        self._say(f"{clock()}  {folder}: {told} ({time.monotonic() - started:.0f} s).")
        return True

    def _look(self, folder: str) -> None:
        """Called often while a topic trains: gives it up when its own files have changed."""
        if time.monotonic() - self._looked < LOOK_SECONDS:
            return
        self._looked = time.monotonic()
        if folder in topics_of(self._watcher.peek()):
            raise _AbandonedError

    def _folders(self, topic: str | None) -> list[str]:
        self._fill()
        snapshot = self._shelf.snapshot()
        topics = snapshot.topics
        if topic is not None:
            return [topics[topic].folder.name] if topic in topics else [topic]
        broken = {problem.path.split("/")[0] for problem in snapshot.problems}
        return [
            each.folder.name
            for each in topics.values()
            # a broken file may be the one with the claims
            if each.folder.name in broken or any(question.claims for question in each.questions)
        ]

    def _watched(self, folders: Iterable[str], topic: str | None) -> list[str]:
        if topic is None:
            return list(folders)
        wanted = self._folders(topic)
        return [each for each in folders if each in wanted]

    def _fill(self) -> None:
        try:
            self._shelf.fill(list_folder(self._content))
        except OSError as error:
            self._say(f"{clock()}  The content folder can't be read: {error.strerror or error}.")
