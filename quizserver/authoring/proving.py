"""Verifying the claims of a page while it is written: the queue trains, the author sees how far."""

from __future__ import annotations

import logging

from quizserver.authoring.files import normal
from quizserver.lab import evidence
from quizserver.lab.evidence import Evidence, EvidenceError
from quizserver.runs import verification
from quizserver.runs.model import RefusedError, Run
from quizserver.runs.service import Runs
from quizserver.runs.store import Asked
from quizserver.runs.stream import Stream
from quizserver.topics.library import Library
from quizserver.topics.trial import Trial

log = logging.getLogger(__name__)

NOT_SERVED = "Mend what keeps the page from being served first; then its claims can be judged."


class Proving:
    """Verifications of topics, in the same queue and under the same bounds as runs."""

    def __init__(self, *, runs: Runs, library: Library) -> None:
        self._runs = runs
        self._library = library

    def ask(self, trial: Trial, text: str, visitor: str) -> Asked:
        """Has the claims of the trial's topic trained, with ``text`` in the place of its file.

        The same claims are trained once, whoever asks. Raises RefusedError.
        """
        if trial.page is None or trial.topic is None:
            raise RefusedError(422, NOT_SERVED)
        order = verification.order(trial.topic, {trial.path: normal(text)})
        return self._runs.ask(order, visitor)

    def asked(self, trial: Trial, text: str) -> Run | None:
        """The verification of just these claims that is going on or done; None when none is."""
        if trial.page is None or trial.topic is None:
            return None
        try:
            order = verification.order(trial.topic, {trial.path: normal(text)})
        except RefusedError:  # no claims, or a simulation that can't be read
            return None
        return self._runs.store.known(order)

    def get(self, run_id: str) -> Run | None:
        """The verification; None when there is none, or it is another kind of run."""
        run = self._runs.store.get(run_id)
        return run if run is not None and run.order.overlay is not None else None

    def stream(self, run_id: str, after: int, visitor: str) -> Stream:
        return self._runs.stream(run_id, after, visitor)

    def stop(self, run_id: str, visitor: str) -> Run | None:
        return self._runs.stop(run_id, visitor)

    def evidence(self, run: Run) -> Evidence | None:
        """What came out; None while it is being trained, or when it came to nothing."""
        if run.state != "done":
            return None
        data = b""
        for batch in self._runs.store.batches(run.id):
            data = batch.data or data
        try:
            return evidence.from_text(data)
        except EvidenceError as error:
            log.warning("the evidence of verification %s can't be read: %s", run.id, error)
            return None

    def published(self, folder: str) -> None:
        """A page of the topic went live: evidence that was made for just these claims goes along.

        Where the recorded evidence speaks for the topic as it is, nothing is written.
        """
        topics = self._library.snapshot().topics.values()
        topic = next((each for each in topics if each.folder.name == folder), None)
        if topic is None:
            return
        try:
            recorded = evidence.read(topic.folder)
            if recorded is not None and recorded.stale(topic) is None:
                return
            run = self._runs.store.known(verification.order(topic, {}))
            found = self.evidence(run) if run is not None else None
            if found is not None and found.stale(topic) is None:
                evidence.write(found, topic.folder)
                log.info("the verified evidence of %s was written", topic.id)
        except RefusedError:
            return  # no claims, or a simulation that can't be read
        except (EvidenceError, OSError) as error:
            log.warning("the evidence of %s was not written: %s", topic.id, error)
