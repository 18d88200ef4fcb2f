"""``check --watch`` and ``verify --watch``: run now, and again whenever files change."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NoReturn

from quizserver.authoring.folder_watcher import (
    WATCH_SECONDS,
    FolderWatcher,
    affected_topics,
    time_of_day,
)
from quizserver.evidence.record import Evidence, EvidenceError
from quizserver.topics.folder import list_folder
from quizserver.topics.model import Diagnostic, Topic, count_problems
from quizserver.topics.workspace import Workspace

Say = Callable[[str], None]
Progress = Callable[[int, int], None]
# Trains a topic and returns its evidence; raises OSError, EvidenceError, VerificationFailedError.
Verify = Callable[[Topic, Progress], Evidence]
WAITING = "Watching for changes. Ctrl-C ends it."


class VerificationFailedError(Exception):
    """A topic can't be verified as it stands; the message says why."""


class _AbandonedError(BaseException):
    """Ends a training whose files have changed.

    No Exception: a simulation's error handling would catch it and report it as the author's error.
    """


def watch_checks(
    find_problems: Callable[[], Sequence[Diagnostic]], watcher: FolderWatcher, say: Say
) -> NoReturn:
    """Checks now and after every change, until it is interrupted."""
    while True:
        problems = find_problems()
        for problem in problems:
            say(str(problem))
        say(f"{time_of_day()}  {count_problems(problems)}. {WAITING}")
        watcher.wait_for_changes()


class VerificationLoop:
    """Verifies topics one at a time, the last changed first.

    A training whose files change is abandoned. A topic is queued at most once, however often it is
    saved.
    """

    def __init__(
        self, content: Path, verify_topic: Verify, watcher: FolderWatcher, say: Say
    ) -> None:
        self._content = content
        self._verify_topic = verify_topic
        self._watcher = watcher
        self._say = say
        self._workspace = Workspace(content)
        self._last_look = 0.0

    def run_forever(self, topic: str | None) -> NoReturn:
        """Verifies ``topic`` or every topic with claims, then what changes, until interrupted."""
        waiting = self._folders_to_verify(topic)
        while True:
            if not waiting:
                self._say(f"{time_of_day()}  {WAITING}")
                waiting = self._filter_folders(
                    affected_topics(self._watcher.wait_for_changes()), topic
                )
                continue
            folder = waiting.pop(0)
            if not self._verify_folder(folder):
                waiting.insert(0, folder)
            changed = self._filter_folders(affected_topics(self._watcher.collect_changes()), topic)
            waiting = list(dict.fromkeys([*changed, *waiting]))

    def _verify_folder(self, folder: str) -> bool:
        """Verifies one topic; False when it was abandoned because its files changed."""
        self._refresh_workspace()
        snapshot = self._workspace.build_snapshot()
        problems = snapshot.diagnostics_in_folder(folder)
        for problem in problems:
            self._say(str(problem))
        if count_problems(problems).problems:
            self._say(f"{time_of_day()}  {folder}: fix these first.")
            return True
        topic = snapshot.topic_in_folder(folder)
        if topic is None or not any(question.claims for question in topic.questions):
            self._say(f"{time_of_day()}  {folder}: no claims to verify.")
            return True
        started = time.monotonic()
        self._say(f"{time_of_day()}  {folder}: training.")
        try:
            evidence = self._verify_topic(
                topic, lambda _done, _total: self._abandon_if_changed(folder)
            )
        except _AbandonedError:
            self._say(f"{time_of_day()}  {folder}: changed meanwhile; beginning again.")
            return False
        except (VerificationFailedError, EvidenceError, OSError) as error:
            self._say(f"{time_of_day()}  {folder}: {error}")
            return True
        summary = "the key agrees" if evidence.agrees else "the evidence contradicts the key"
        if evidence.agrees and not evidence.key_holds:
            summary = "the key rests on a knife's edge"
        self._say(f"{time_of_day()}  {folder}: {summary} ({time.monotonic() - started:.0f} s).")
        return True

    def _abandon_if_changed(self, folder: str) -> None:
        """Called often while a topic trains: abandons it when its own files have changed."""
        if time.monotonic() - self._last_look < WATCH_SECONDS:
            return
        self._last_look = time.monotonic()
        if folder in affected_topics(self._watcher.peek_changes()):
            raise _AbandonedError

    def _folders_to_verify(self, topic: str | None) -> list[str]:
        self._refresh_workspace()
        snapshot = self._workspace.build_snapshot()
        topics = snapshot.topics
        if topic is not None:
            return [topics[topic].folder.name] if topic in topics else [topic]
        broken = {problem.folder for problem in snapshot.diagnostics if not problem.is_warning}
        return [
            candidate.folder.name
            for candidate in topics.values()
            # a broken file may be the one with the claims
            if candidate.folder.name in broken
            or any(question.claims for question in candidate.questions)
        ]

    def _filter_folders(self, folders: Iterable[str], topic: str | None) -> list[str]:
        if topic is None:
            return list(folders)
        selected = self._folders_to_verify(topic)
        return [folder for folder in folders if folder in selected]

    def _refresh_workspace(self) -> None:
        try:
            self._workspace.update(list_folder(self._content))
        except OSError as error:
            self._say(
                f"{time_of_day()}  The content folder can't be read: {error.strerror or error}."
            )
