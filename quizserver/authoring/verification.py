"""Verifies the claims of a page while it is written, on the queue of runs."""

from __future__ import annotations

import logging

from quizserver.evidence import record
from quizserver.evidence.record import Evidence, EvidenceError
from quizserver.runs import verification_requests
from quizserver.runs.model import Run, RunRefusedError, RunSubmission
from quizserver.runs.requests import VerificationRequest
from quizserver.runs.service import RunService
from quizserver.runs.stream import EventStream
from quizserver.topics.dry_run import DryRun
from quizserver.topics.library import Library

log = logging.getLogger(__name__)

UNSERVABLE_CLAIMS = (
    "Fix what keeps the page from being served first; then its claims can be verified."
)


class Verifications:
    """Requests, finds and streams verifications of topics, under the same limits as other runs."""

    def __init__(self, *, runs: RunService, library: Library) -> None:
        self._runs = runs
        self._library = library

    def request_verification(self, dry_run: DryRun, text: str, visitor: str) -> RunSubmission:
        """Queues the training of the claims of the page's topic, with ``text`` as the page.

        The same claims are trained once, whoever asks. Raises RunRefusedError.
        """
        return self._runs.submit_request(_build_request(dry_run, text), visitor)

    def find_matching(self, dry_run: DryRun, text: str) -> Run | None:
        """The running or finished verification of the same claims; None when there is none."""
        try:
            return self._runs.store.find_run(_build_request(dry_run, text))
        except RunRefusedError:  # no page, no claims, or a simulation that can't be read
            return None

    def find_verification(self, run_id: str) -> Run | None:
        """The verification with this id; None when there is none or the run is of another kind."""
        run = self._runs.store.get_run(run_id)
        return run if run is not None and isinstance(run.request, VerificationRequest) else None

    def stream_events(self, run_id: str, after: int, visitor: str) -> EventStream:
        return self._runs.open_stream(run_id, after, visitor, for_author=True)

    def stop_verification(self, run_id: str, visitor: str) -> Run | None:
        return self._runs.leave_run(run_id, visitor)

    def load_evidence(self, run: Run) -> Evidence | None:
        """The evidence of a finished verification; None while it runs or when it failed."""
        if run.state != "done":
            return None
        data = b""
        for batch in self._runs.store.read_batches(run.id):
            data = batch.data or data
        try:
            return record.evidence_from_text(data)
        except EvidenceError as error:
            log.warning("the evidence of verification %s can't be read: %s", run.id, error)
            return None

    def record_published_evidence(self, folder: str) -> None:
        """Writes the evidence of a verification of the topic's present claims, if there is one.

        Called after a page of the topic was published. Evidence that is recorded, not stale, and
        tells which counts stand on a knife's edge is not replaced.
        """
        topic = self._library.snapshot().topic_in_folder(folder)
        if topic is None:
            return
        try:
            recorded_evidence = record.read_evidence(topic.folder)
            if (
                recorded_evidence is not None
                and recorded_evidence.tells_edges
                and recorded_evidence.stale_reason(topic) is None
            ):
                return
            run = self._runs.store.find_run(verification_requests.verification_request(topic, {}))
            verified_evidence = self.load_evidence(run) if run is not None else None
            if verified_evidence is not None and verified_evidence.stale_reason(topic) is None:
                record.write_evidence(verified_evidence, topic.folder)
                log.info("the verified evidence of %s was written", topic.id)
        except RunRefusedError:
            return  # no claims, or a simulation that can't be read
        except (EvidenceError, OSError) as error:
            log.warning("the evidence of %s was not written: %s", topic.id, error)


def _build_request(dry_run: DryRun, text: str) -> VerificationRequest:
    """The request to verify the page's topic with ``text`` as the page. Raises RunRefusedError."""
    if dry_run.page is None or dry_run.topic is None:
        raise RunRefusedError(422, UNSERVABLE_CLAIMS)
    return verification_requests.verification_request(dry_run.topic, {dry_run.path: text})
