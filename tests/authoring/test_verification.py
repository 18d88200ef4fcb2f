"""Verifying a page while it is written: what is trained, and where its evidence goes."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from quizserver.authoring.scaffold import simulation_scaffold
from quizserver.authoring.verification import Verifications
from quizserver.evidence import record
from quizserver.evidence.claims import NudgedCount
from quizserver.evidence.verify import verify_topic
from quizserver.lab.model import SimulationError
from quizserver.runs.model import Batch, Run, RunRefusedError
from quizserver.runs.requests import PARTS, VerificationRequest, request_key
from quizserver.runs.service import RunService
from quizserver.runs.verification_requests import (
    claims_fingerprint,
    topic_with_overlay,
    verification_request,
)
from quizserver.settings import Settings
from quizserver.topics.library import Library
from quizserver.topics.model import Topic
from quizserver.topics.workspace import load_workspace
from quizserver.worker.buffer import RunBuffer, create_buffer
from quizserver.worker.protocol import ShareMessage, encode_frame, encode_message
from quizserver.worker.verification import verify_topic_claims

PAGE = "fitted/fitted-line.md"


@pytest.fixture
def folder(content: Path) -> Path:
    folder = content / "fitted"
    folder.mkdir()
    for name, text in simulation_scaffold("fitted", "simulation", "fitted-line").items():
        (folder / name).write_text(text)
    return folder


@pytest.fixture
def runs(settings: Settings) -> Iterator[RunService]:
    runs = RunService(settings)
    yield runs
    runs.close()


def swapped_key(folder: Path) -> str:
    """The page with its key turned round."""
    text = (folder / "fitted-line.md").read_text()
    return text.replace("- [x]", "- [y]").replace("- [ ]", "- [x]").replace("- [y]", "- [ ]")


def topic_on_disk(folder: Path) -> Topic | None:
    workspace = load_workspace(folder.parent, only_topic=folder.name)
    return workspace.build_snapshot().topic_in_folder(folder.name)


def request_for(folder: Path, text: str, replicas: int = 8) -> VerificationRequest:
    topic = topic_with_overlay(folder, {PAGE: text})
    assert topic is not None
    return replace(verification_request(topic, {PAGE: text}), replicas=replicas)


def train(run_request: VerificationRequest, folder: Path) -> tuple[str, list[tuple[int, bytes]]]:
    shares: list[tuple[int, bytes]] = []
    sentence = verify_topic_claims(
        folder, run_request, lambda share: shares.append((share.done, share.evidence))
    )
    return sentence, shares


def test_the_text_in_the_draft_is_what_is_verified_not_the_file(folder: Path):
    right, shares = train(request_for(folder, (folder / "fitted-line.md").read_text()), folder)
    wrong, _ = train(request_for(folder, swapped_key(folder)), folder)
    assert right == "4 of 4 claims came out as the key says."
    assert wrong == "2 of 4 claims came out as the key says."
    done = [share for share, _ in shares]
    assert done == sorted(set(done)), "progress only goes forwards"
    assert done[-1] == 1000
    assert [bool(text) for _, text in shares] == [False] * (len(shares) - 1) + [True]
    evidence = record.evidence_from_text(shares[-1][1])
    assert evidence.agrees
    assert record.evidence_to_text(evidence, folder / "evidence.json").encode() == shares[-1][1]
    assert not (folder / "evidence.json").exists(), "training writes nothing"


def test_a_claim_on_a_knifes_edge_is_counted_in_what_the_author_reads(
    folder: Path, monkeypatch: pytest.MonkeyPatch
):
    def verify_on_edge(*args: Any, **options: Any) -> record.Evidence:
        evidence = verify_topic(*args, **options)
        first, *others = evidence.findings
        nudged = NudgedCount(first.n - first.k, first.n)
        return replace(evidence, findings=(replace(first, nudged=nudged), *others))

    monkeypatch.setattr("quizserver.worker.verification.verify_topic", verify_on_edge)
    sentence, _ = train(request_for(folder, (folder / "fitted-line.md").read_text()), folder)
    assert sentence == "4 of 4 claims came out as the key says, 1 of them on a knife's edge."


def test_evidence_that_tells_no_edges_is_recorded_again_when_a_page_is_published(
    folder: Path, content: Path, runs: RunService
):
    library = Library(content)
    verifications = Verifications(runs=runs, library=library)
    text = (folder / "fitted-line.md").read_text()
    run = verifications.request_verification(library.dry_run(PAGE, text), text, "ann").run
    finish(runs, run, folder)
    verified = verifications.load_evidence(runs.store.get_run(run.id) or run)
    assert verified is not None
    without = [replace(finding, nudged=None) for finding in verified.findings]
    record.write_evidence(replace(verified, findings=tuple(without)), folder)
    verifications.record_published_evidence("fitted")
    recorded = record.read_evidence(folder)
    assert recorded is not None
    assert recorded.tells_edges


def test_the_pages_of_the_machine_that_trains_do_not_matter(folder: Path):
    """Another machine may not have them yet; what counts is what the author saw."""
    page = folder / "fitted-line.md"
    text = page.read_text()
    (folder / "another.md").write_text(text)
    both = topic_on_disk(folder)
    assert both is not None
    run_request = replace(verification_request(both, {}), replicas=8)
    assert sorted(run_request.overlay) == ["fitted/another.md", "fitted/fitted-line.md"]
    assert list(run_request.files) == ["fitted/simulation.py"]
    (folder / "another.md").unlink()
    page.write_text(swapped_key(folder))
    (folder / "newer.md").write_text(swapped_key(folder))
    sentence, _ = train(run_request, folder)
    assert sentence == "8 of 8 claims came out as the key says."


def test_wording_alone_needs_no_new_training_and_a_claim_does(folder: Path):
    text = (folder / "fitted-line.md").read_text()
    same = request_for(folder, text.replace("twenty points", "20 points"))
    assert request_key(same) == request_key(request_for(folder, text))
    assert request_key(
        request_for(folder, text.replace("arm: fixed", "arm: low-rate"))
    ) != request_key(same)
    assert request_key(request_for(folder, swapped_key(folder))) != request_key(same)
    simulation = folder / "simulation.py"
    simulation.write_text(simulation.read_text().replace("101", "51"))
    assert request_key(request_for(folder, text)) != request_key(same)


def test_a_simulation_changed_while_it_waited_is_reported_and_not_trained(folder: Path):
    run_request = request_for(folder, (folder / "fitted-line.md").read_text())
    simulation = folder / "simulation.py"
    simulation.write_text(simulation.read_text().replace("101", "51"))
    with pytest.raises(SimulationError, match="changed while it was waiting"):
        train(run_request, folder)


def test_a_simulation_that_raises_is_reported_by_its_line_in_the_content_folder(folder: Path):
    simulation = folder / "simulation.py"
    first_line = "    knobs = replicas.knobs\n"
    simulation.write_text(
        simulation.read_text().replace(first_line, f"    raise OSError('away')\n{first_line}")
    )
    with pytest.raises(SimulationError) as raised:
        train(request_for(folder, (folder / "fitted-line.md").read_text()), folder)
    assert re.fullmatch(r"fitted/simulation\.py:\d+: OSError: away", str(raised.value))


def test_a_topic_without_claims_has_nothing_to_verify(content: Path):
    topic = topic_on_disk(content / "numbers")
    assert topic is not None
    with pytest.raises(RunRefusedError) as refused:
        verification_request(topic, {})
    assert refused.value.status == 422


def test_recorded_maps_of_the_same_simulation_stay_and_are_not_trained_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch
):
    simulation = folder / "simulation.py"
    text = simulation.read_text().replace("Knob, Simulation", "Knob, Map, Simulation")
    text = text.replace(
        "    points=101,\n", '    points=11,\n    maps=[Map("learning_rate", "noise", "flat")],\n'
    )
    simulation.write_text(text)
    run_request = request_for(folder, (folder / "fitted-line.md").read_text(), replicas=2)
    _, shares = train(run_request, folder)
    first = record.evidence_from_text(shares[-1][1])
    assert len(first.experiments["simulation"].maps) == 1
    record.write_evidence(first, folder)

    def never(*_: object, **__: object) -> None:
        raise AssertionError("the map was trained again")

    monkeypatch.setattr("quizserver.evidence.verify.train_phase_map", never)
    _, shares = train(replace(run_request, replicas=3), folder)
    second = record.evidence_from_text(shares[-1][1])
    assert second.experiments["simulation"].maps == first.experiments["simulation"].maps
    assert second.last == 2


def finish(runs: RunService, run: Run, folder: Path) -> None:
    """Does what a worker does, with fewer replicas than requested."""
    _, shares = train(replace(run.request, replicas=8), folder)
    assert runs.store.claim_next(time.time(), offered=run.id) is not None
    assert runs.store.add_batch(run.id, 1, Batch(1, 400, "{}"), time.time())
    assert runs.store.add_batch(run.id, 1, Batch(2, 600, "{}", shares[-1][1]), time.time())
    assert runs.store.finish_run(run.id, 1, "done", time.time(), sentence="4 of 4")


def test_evidence_goes_with_the_claims_that_it_was_made_for_and_with_no_others(
    folder: Path, content: Path, runs: RunService
):
    library = Library(content)
    verifications = Verifications(runs=runs, library=library)
    page = folder / "fitted-line.md"
    text = page.read_text()
    dry_run = library.dry_run(PAGE, text)
    run = verifications.request_verification(dry_run, text, "ann").run
    assert isinstance(run.request, VerificationRequest)
    assert run.request.overlay == {PAGE: text}
    finish(runs, run, folder)
    page.write_text(swapped_key(folder))
    library.refresh()
    verifications.record_published_evidence("fitted")
    assert not (folder / "evidence.json").exists(), "other claims than those that were trained"
    page.write_text(text.replace("twenty points", "20 points"))
    library.refresh()
    verifications.record_published_evidence("fitted")
    recorded = record.read_evidence(folder)
    assert recorded is not None
    assert recorded.stale_reason(library.snapshot().topics["fitted"]) is None
    assert (
        verifications.request_verification(library.dry_run(PAGE, text), text, "bob").how == "found"
    )


def test_a_verification_is_found_by_its_claims_while_it_goes_on_and_when_it_is_done(
    folder: Path, content: Path, runs: RunService
):
    library = Library(content)
    verifications = Verifications(runs=runs, library=library)
    text = (folder / "fitted-line.md").read_text()

    def find_run(text: str) -> Run | None:
        return verifications.find_matching(library.dry_run(PAGE, text), text)

    assert find_run(text) is None
    run = verifications.request_verification(library.dry_run(PAGE, text), text, "ann").run
    run_found = find_run(text.replace("twenty points", "20 points"))
    assert run_found is not None
    assert (run_found.id, run_found.active) == (run.id, True)
    finish(runs, run, folder)
    run_found = find_run(text)
    assert run_found is not None
    assert (run_found.id, run_found.active) == (run.id, False)
    assert find_run(swapped_key(folder)) is None, "other claims"
    assert find_run(text.replace("[x]", "[ ]")) is None, "no page"
    assert find_run("# A page\n\n- [x] Without\n- [ ] claims\n") is None


def test_a_page_that_could_not_be_served_is_not_verified(
    content: Path, folder: Path, runs: RunService
):
    library = Library(content)
    text = (folder / "fitted-line.md").read_text().replace("[x]", "[ ]")
    with pytest.raises(RunRefusedError, match="Fix"):
        Verifications(runs=runs, library=library).request_verification(
            library.dry_run(PAGE, text), text, "ann"
        )


def buffer_of(run: Run, *shares: int, evidence: bytes = b"") -> RunBuffer:
    """The shares as they come from a training process, the evidence with the last of them."""
    buffer = create_buffer(run)
    for share in shares:
        message = ShareMessage(share, evidence if share == PARTS else b"")
        buffer.add_bytes(encode_message(message))
    return buffer


def claimed_run(runs: RunService, folder: Path) -> Run:
    run_request = request_for(folder, (folder / "fitted-line.md").read_text())
    run = runs.store.submit_request(run_request, "ann", 1.0, waiting_max=9, per_visitor=9).run
    claimed = runs.store.claim_next(2.0, offered=run.id)
    assert claimed is not None
    return claimed


def test_a_verification_that_lost_its_worker_goes_on_where_it_was(runs: RunService, folder: Path):
    run = claimed_run(runs, folder)
    first = buffer_of(run, 100, 250)
    batch = first.next_batch(0.0)
    assert (batch.seq, batch.count, first.has_pending) == (1, 250, False)
    assert runs.store.add_batch(run.id, 1, batch, 3.0)
    assert runs.store.release_run(run.id, 1)
    reclaimed = runs.store.claim_next(4.0, offered=run.id)
    assert reclaimed is not None
    second = buffer_of(reclaimed, 100, 200)
    assert not second.has_pending, "nothing is counted twice"
    second = buffer_of(reclaimed, 100, 1000, evidence=b"all")
    batch = second.next_batch(0.0)
    assert (batch.seq, batch.count, batch.data) == (2, 750, b"all")
    assert runs.store.add_batch(run.id, reclaimed.attempt, batch, 5.0)
    stored = runs.store.get_run(run.id)
    assert stored is not None
    assert stored.points_done == stored.points_total == PARTS


@pytest.mark.parametrize("header", [{}, {"done": 1001}, {"done": -1}, {"done": "9"}])
def test_shares_that_can_not_be_end_the_verification(
    header: dict[str, object], runs: RunService, folder: Path
):
    buffer = create_buffer(claimed_run(runs, folder))
    buffer.add_bytes(encode_frame(b"S", header))
    assert buffer.problem is not None


def test_the_fingerprint_is_of_claims_and_simulations_alone(folder: Path):
    topic = topic_on_disk(folder)
    assert topic is not None
    (folder / "lesson.md").write_text("# A lesson\n")
    later = topic_on_disk(folder)
    assert later is not None
    assert claims_fingerprint(later) == claims_fingerprint(topic)
