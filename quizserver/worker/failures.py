"""Why a run failed, told twice: to learners, who learn what they can do, and to its author.

A learner's sentence says nothing that the author's code says, and blames a setting only where the
learner chose it.
"""

from __future__ import annotations

import signal
from dataclasses import dataclass
from pathlib import Path

from quizserver.confined.error_text import output_text
from quizserver.confined.process import describe_exit
from quizserver.runs.request_builder import DEFAULT_REPLICAS
from quizserver.runs.requests import (
    CurveRequest,
    MapRequest,
    PlanRequest,
    RunRequest,
    VerificationRequest,
)
from quizserver.worker.buffer import RunBuffer

FAULTY = "This simulation has an error that its author has to fix."
FAULTY_HERE = FAULTY + " Until then another setting may work, such as a recorded one."
DIVERGED = (
    "With this setting the training diverged, to infinity or NaN, and the simulation stopped "
    "there. Try a setting nearer to a recorded one."
)
NEVER_BEGAN = (
    "The simulation did not begin to train within {seconds:g} s. No setting causes that: its "
    "author has to fix it."
)
TOO_LONG = (
    "The run was ended after {seconds:g} s, the longest that a run may take here, with {done} of "
    "{total} points. Try fewer seeds, or a setting that needs less time."
)
TOO_LONG_STALLED = (
    "The run was ended after {seconds:g} s, the longest that a run may take here; its last point "
    "had come long before. Try a recorded setting: if that doesn't end either, the simulation's "
    "author has to fix it."
)
TOO_LONG_AS_MADE = (
    "The run was ended after {seconds:g} s, the longest that a run may take here, at a setting "
    "that its author gave it. Its author has to fix that."
)
MAP_TOO_LONG = (
    "The map was ended after {seconds:g} s, the longest that a map may take here. Its cells so far "
    "stay in the picture. Try knobs that make a run shorter."
)
MAP_NEVER_BEGAN = (
    "The map was ended after {seconds:g} s without a single cell. Press Run above for one setting: "
    "if that doesn't end either, the simulation's author has to fix it."
)
PLAN_TOO_LONG = (
    "The plan was ended after {seconds:g} s, the longest that making one may take here. Press Run: "
    "the server then trains this setting itself."
)
VERIFY_TOO_LONG = (
    "The verification was ended after {seconds:g} s, the longest that one may take here. Run "
    "`quizserver verify` where the content folder is."
)
TOO_MUCH_MEMORY = "It needed more than the {memory} MiB of memory that a run may use here. {advice}"
VERIFY_RAISED = "The verification ended with an error{where}: {message}"
VERIFY_DIED = "The training process died ({how}) before it was finished."
KILLED = (
    "The training process was killed from outside, most likely because the machine ran out of "
    "memory. Try again in a moment."
)


@dataclass(frozen=True, slots=True)
class Failure:
    """``sentence`` is for anybody who may see the run, ``detail`` for authors and the log."""

    sentence: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class FailureTeller:
    """Tells why runs failed. ``seconds`` and ``memory_mb`` are their limits."""

    request: RunRequest
    content: Path
    seconds: float
    memory_mb: int

    def out_of_time(self, buffer: RunBuffer, printed: str) -> Failure:
        template = self._time_template(buffer)
        sentence = template.format(
            seconds=self.seconds, done=buffer.received, total=self.request.points
        )
        return Failure(sentence, self._detail("It was ended at its time limit.", printed))

    def _time_template(self, buffer: RunBuffer) -> str:
        match self.request:
            case VerificationRequest():
                return VERIFY_TOO_LONG
            case _ if not buffer.has_begun:
                return NEVER_BEGAN
            case PlanRequest():
                return PLAN_TOO_LONG
            case MapRequest():
                return MAP_TOO_LONG if buffer.received else MAP_NEVER_BEGAN
            case CurveRequest():
                if self._is_as_made(buffer):
                    return TOO_LONG_AS_MADE
                stalled = buffer.silent_seconds() > self.seconds / 2
                return TOO_LONG_STALLED if stalled else TOO_LONG

    def ended_itself(self, buffer: RunBuffer, code: int | None, printed: str) -> Failure:
        """Of a process that sent an error, wrote nonsense, or died with this exit code."""
        if buffer.problem is not None:
            return self._fault(buffer.problem, self._detail(buffer.problem, printed))
        if buffer.error is not None:
            return self._raised(buffer, printed)
        if code == -signal.SIGXCPU:
            return self.out_of_time(buffer, printed)
        if code == -signal.SIGKILL:
            return Failure(KILLED, self._detail("The process was killed from outside.", printed))
        text = VERIFY_DIED.format(how=describe_exit(code))
        return self._fault(text, self._detail(text, printed))

    def _raised(self, buffer: RunBuffer, printed: str) -> Failure:
        error = buffer.error
        assert error is not None
        where = f" in line {error.line}" if error.line else ""
        place = f"{self.request.path}:{error.line}: " if error.line else ""
        detail = self._detail(f"{place}{error.text}", error.traceback_text or printed)
        if error.is_stale:
            return Failure(error.text[:1].upper() + error.text[1:], detail)
        if error.is_memory:
            advice = self._memory_advice(buffer)
            return Failure(TOO_MUCH_MEMORY.format(memory=self.memory_mb, advice=advice), detail)
        if isinstance(self.request, CurveRequest) and not self._is_as_made(buffer):
            return Failure(DIVERGED if buffer.has_diverged else FAULTY_HERE, detail)
        return self._fault(VERIFY_RAISED.format(where=where, message=error.text), detail)

    def _memory_advice(self, buffer: RunBuffer) -> str:
        match self.request:
            case MapRequest():
                return "Try other knobs; it may be that the simulation's author has to fix it."
            case CurveRequest() if not self._is_as_made(buffer):
                return "Try fewer seeds, or a setting that needs less."
        return "Its author has to fix that."

    def _fault(self, author_sentence: str, detail: str) -> Failure:
        """A fault of the simulation; verifications are only for authors, who may read it all."""
        is_verification = isinstance(self.request, VerificationRequest)
        return Failure(author_sentence if is_verification else FAULTY, detail)

    def _is_as_made(self, buffer: RunBuffer) -> bool:
        """Whether the learner changed nothing that could be the cause: an arm, on no more seeds
        than the bench proposes, or a file that was not even read."""
        if not isinstance(self.request, CurveRequest):
            return False
        is_plain = buffer.is_arm and self.request.replicas <= DEFAULT_REPLICAS
        return bool(is_plain) or not buffer.has_begun

    def _detail(self, text: str, more: str) -> str:
        return f"{text}\n{output_text(more, self.content)}".strip()
