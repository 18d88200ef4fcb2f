"""A plan on its way from a training process into the store; what is no plan never gets there."""

from __future__ import annotations

import gzip
import hashlib
import json
import struct
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from quizserver.lab import catalog
from quizserver.lab.plan_images import simulation_image
from quizserver.runs.model import Run
from quizserver.runs.plans import PlanSummary
from quizserver.runs.requests import PlanRequest
from quizserver.runs.store import RunStore
from quizserver.worker.buffer import TOO_LARGE, UNPLANNED, RunBuffer, create_buffer
from quizserver.worker.protocol import (
    CellsMessage,
    DoneMessage,
    PlanMessage,
    PointsMessage,
    encode_frame,
    encode_message,
)
from tests.curves_digest import curves_digest
from tests.lab.test_plan_images import STRANGE
from tests.runs.conftest import Submit
from tests.runs.examples import curve_request, map_request


@pytest.fixture(scope="module")
def planned() -> tuple[PlanRequest, PlanMessage]:
    """A request for a real plan, and what a training process answers."""
    simulation = catalog.load(STRANGE)
    request = PlanRequest(
        topic="strange-loss",
        simulation="simulation",
        path="strange-loss/simulation.py",
        fingerprint=simulation.fingerprint,
        knobs=simulation.check_knobs({}),
        first_seed=3,
        replicas=4,
    )
    found = simulation_image(simulation, request.knobs, list(request.seeds))
    return request, PlanMessage(tuple(sorted(found.depends_on)), found.image)


@pytest.fixture
def plan_run(planned: tuple[PlanRequest, PlanMessage], store: RunStore, submit: Submit) -> Run:
    run = store.claim_next(1001.0, offered=submit(planned[0]).run.id)
    assert run is not None
    return run


def feed(run: Run, *messages: Any) -> RunBuffer:
    buffer = create_buffer(run)
    for message in messages:
        if buffer.ended:
            break
        buffer.add_bytes(message if isinstance(message, bytes) else encode_message(message))
    return buffer


def test_a_plan_is_stored_compressed_with_what_is_known_of_it(
    planned: tuple[PlanRequest, PlanMessage], plan_run: Run
) -> None:
    message = planned[1]
    buffer = feed(plan_run, message, DoneMessage("A plan."))
    assert (buffer.problem, buffer.sentence, buffer.has_pending) == (None, "A plan.", True)
    batch = buffer.next_batch(0.0)
    assert gzip.decompress(batch.data) == message.image
    summary = PlanSummary.from_json(batch.summary)
    assert summary.scope.knobs == message.depends_on
    assert summary.scope.seeds
    assert summary.sha256 == hashlib.sha256(batch.data).hexdigest()
    assert summary.refusal is None
    assert not buffer.has_pending


@pytest.mark.parametrize(("is_too_large", "sentence"), [(True, TOO_LARGE), (False, UNPLANNED)])
def test_a_refusal_is_stored_for_as_many_settings_as_it_is_about(
    plan_run: Run, is_too_large: bool, sentence: str
) -> None:
    message = PlanMessage(("momentum",), reason="it does too much", is_too_large=is_too_large)
    batch = feed(plan_run, message, DoneMessage("None.")).next_batch(0.0)
    summary = PlanSummary.from_json(batch.summary)
    assert (summary.refusal, summary.detail, batch.data) == (sentence, "it does too much", b"")
    assert (summary.scope.knobs, summary.scope.seeds) == (("momentum",), is_too_large)


def test_a_plan_that_a_lost_worker_has_stored_is_not_stored_twice(
    planned: tuple[PlanRequest, PlanMessage], plan_run: Run
) -> None:
    again = replace(plan_run, points_done=1, last_seq=1)
    buffer = feed(again, planned[1], DoneMessage("A plan."))
    assert (buffer.sentence, buffer.has_pending) == ("A plan.", False)


def with_head(image: bytes, change: Callable[[dict[str, Any]], object]) -> bytes:
    (size,) = struct.unpack_from("<I", image, 12)
    head = json.loads(image[16 : 16 + size])
    change(head)
    text = json.dumps(head).encode()
    return image[:12] + struct.pack("<I", len(text)) + text + image[16 + size :]


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "is no plan": lambda image: b"<script>" + image[8:],
    "another format": lambda image: image[:8] + b"\2" + image[9:],
    "head can't be read": lambda image: image[:16] + b"\0" + image[17:],
    "was cut short": lambda image: image[:-1],
    "other fingerprint": lambda image: with_head(image, lambda h: h.update(fingerprint="f" * 64)),
    "other seeds": lambda image: with_head(image, lambda h: h.update(seeds=[0, 1, 2, 3])),
    "other structural": lambda image: with_head(image, lambda h: h.update(structural={"a": 1})),
    "other kernel": lambda image: with_head(image, lambda h: h.update(kernel="0" * 16)),
    "more work": lambda image: with_head(image, lambda h: h.update(multiplications=10**15)),
}


@pytest.mark.parametrize("said", DAMAGES)
def test_a_damaged_plan_or_one_that_nobody_asked_for_is_a_failure(
    planned: tuple[PlanRequest, PlanMessage], plan_run: Run, said: str
) -> None:
    message = replace(planned[1], image=DAMAGES[said](planned[1].image))
    buffer = feed(plan_run, message, DoneMessage("A plan."))
    assert said in (buffer.problem or "")
    assert not buffer.has_pending


@pytest.mark.parametrize(
    "sent",
    [
        encode_frame(b"I", {"knobs": ["no such knob"], "reason": ""}, b"x"),
        encode_frame(b"I", {"knobs": [], "reason": ""}),
        encode_frame(b"I", {"knobs": [], "reason": "both"}, b"x"),
        encode_frame(b"I", {"knobs": "momentum", "reason": "none"}),
        encode_frame(b"I", {}),
        encode_message(PointsMessage(0, {})),
        encode_message(CellsMessage([], [])),
        encode_message(DoneMessage("Without a plan.")),
        encode_message(PlanMessage((), reason="one")) + encode_message(PlanMessage((), reason="2")),
    ],
)
def test_what_is_no_answer_to_the_request_is_a_failure(plan_run: Run, sent: bytes) -> None:
    assert feed(plan_run, sent).problem is not None


@pytest.mark.parametrize("request_", [curve_request(), map_request()])
def test_a_plan_in_place_of_what_was_asked_for_is_a_failure(
    store: RunStore, submit: Submit, request_: Any
) -> None:
    run = store.claim_next(1001.0, offered=submit(request_).run.id)
    assert run is not None
    assert "not requested" in (feed(run, PlanMessage((), reason="none")).problem or "")


def test_the_digest_of_a_run_is_that_of_a_browser_however_its_points_came(
    claimed_run: Run,
) -> None:
    """Also where an earlier worker has stored some of them; every NaN is the same."""
    request, rng = claimed_run.request, np.random.default_rng(0)
    series = {name: rng.normal(size=(5, request.points)) for name in ("loss", "accuracy")}
    series["loss"][2, 3] = np.array([0xFFF8000000000123], dtype=np.uint64).view(np.float64)[0]
    series["accuracy"][1, 4] = -0.0
    expected = curves_digest(
        {name: values[:, i] for name, values in series.items()} for i in range(request.points)
    )
    assert expected != curves_digest([series])
    for run in (claimed_run, replace(claimed_run, points_done=3, last_seq=1)):
        buffer, start = create_buffer(run), 0
        for stop in (1, 2, 7, request.points):
            part = {name: values[:, start:stop] for name, values in series.items()}
            assert buffer.outputs_sha256 is None
            buffer.add_bytes(encode_message(PointsMessage(np.arange(start, stop), part)))
            start = stop
        assert buffer.outputs_sha256 == expected
