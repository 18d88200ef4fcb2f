"""Whom the sentence of a failed run blames, and what it advises."""

from __future__ import annotations

import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from quizserver.runs.model import Run
from quizserver.runs.requests import RunRequest
from quizserver.worker.buffer import RunBuffer, create_buffer
from quizserver.worker.failures import Failure, FailureTeller
from quizserver.worker.protocol import (
    CellsMessage,
    ErrorMessage,
    LoadedMessage,
    Message,
    PointsMessage,
    encode_message,
)
from tests.runs.examples import curve_request, map_request, verification_request

CONTENT = Path("/srv/topics")
CURVES = curve_request()
POINT = PointsMessage(0, {"loss": np.ones(5), "accuracy": np.ones(5)})
LOST_POINT = PointsMessage(0, {"loss": np.full(5, np.nan), "accuracy": np.ones(5)})
ARM, OWN_SETTING = LoadedMessage(True), LoadedMessage(False)
RAISED = ErrorMessage(
    "ValueError: no", line=7, traceback_text="Traceback\n  File /srv/topics/t/s.py\nValueError: no"
)
MEMORY = ErrorMessage("MemoryError", is_memory=True)


def buffer_of(request: RunRequest, *messages: Message) -> RunBuffer:
    run = Run(
        "r", request, "running", 0, request.points, 0, 1, None, None, 0.0, 0.0, None
    )  # fmt: skip
    buffer = create_buffer(run)
    for message in messages:
        buffer.add_bytes(encode_message(message))
    return buffer


def out_of_time(request: RunRequest, *messages: Message, seconds: float = 120) -> str:
    teller = FailureTeller(request, CONTENT, seconds, 512)
    return teller.out_of_time(buffer_of(request, *messages), "").sentence


def ended(request: RunRequest, *messages: Message, code: int | None = None) -> Failure:
    teller = FailureTeller(request, CONTENT, 120, 512)
    return teller.ended_itself(buffer_of(request, *messages), code, "")


def test_a_file_that_never_trains_is_blamed_on_no_setting() -> None:
    for request in (CURVES, map_request()):
        sentence = out_of_time(request)
        assert "did not begin to train" in sentence
        assert "No setting causes that" in sentence


def test_too_long_is_blamed_on_a_setting_only_where_the_learner_chose_it() -> None:
    as_made = out_of_time(CURVES, ARM, POINT)
    assert "at a setting that its author gave it" in as_made
    assert "Try" not in as_made
    for request, loaded in ((CURVES, OWN_SETTING), (replace(CURVES, replicas=64), ARM)):
        sentence = out_of_time(request, loaded)
        assert "with 0 of 12 points. Try fewer seeds" in sentence
    stalled = out_of_time(CURVES, OWN_SETTING, POINT, seconds=0)
    assert "last point had come long before" in stalled
    assert "fewer" not in stalled


def test_a_map_without_a_cell_asks_for_a_single_run_first() -> None:
    request = map_request()
    assert "Press Run above" in out_of_time(request, OWN_SETTING)
    with_cells = out_of_time(request, OWN_SETTING, CellsMessage([0], [1]))
    assert "cells so far stay" in with_cells


def test_memory_is_blamed_on_a_setting_only_where_the_learner_chose_it() -> None:
    assert "Its author has to fix that" in ended(CURVES, ARM, MEMORY).sentence
    assert "Try fewer seeds" in ended(CURVES, OWN_SETTING, MEMORY).sentence
    assert "Try other knobs" in ended(map_request(), OWN_SETTING, MEMORY).sentence


@pytest.mark.parametrize("request_", [CURVES, map_request()])
def test_learners_read_nothing_that_the_code_says(request_: RunRequest) -> None:
    failures = [
        ended(request_, ARM, RAISED),
        ended(request_, OWN_SETTING, RAISED),
        ended(request_, code=3),
        ended(request_, code=-signal.SIGSEGV),
    ]
    for failure in failures:
        assert failure.sentence.startswith("This simulation has an error that its author has to")
        assert "ValueError" not in failure.sentence
    assert failures[0].detail.splitlines() == [
        "numbers/simulation.py:7: ValueError: no", "Traceback", "  File t/s.py", "ValueError: no",
    ]  # fmt: skip
    assert "exit code 3" in failures[2].detail


def test_an_error_after_a_divergence_is_told_from_a_faulty_simulation() -> None:
    assert "diverged" in ended(CURVES, OWN_SETTING, LOST_POINT, RAISED).sentence
    assert "diverged" not in ended(CURVES, ARM, LOST_POINT, RAISED).sentence
    assert "diverged" not in ended(CURVES, OWN_SETTING, POINT, RAISED).sentence


def test_what_is_nobodys_fault_blames_nobody() -> None:
    killed = ended(CURVES, OWN_SETTING, code=-signal.SIGKILL)
    assert "killed from outside" in killed.sentence
    stale = ErrorMessage("the simulation was changed. Run it again.", is_stale=True)
    assert ended(CURVES, stale).sentence == "The simulation was changed. Run it again."


def test_a_verification_tells_its_author_everything() -> None:
    failure = ended(verification_request(), RAISED)
    assert failure.sentence == "The verification ended with an error in line 7: ValueError: no"
    assert "Traceback" in failure.detail
