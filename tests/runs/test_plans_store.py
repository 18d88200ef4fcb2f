"""Plans in the store: one for all settings that have it, given to some, damaged by none."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Iterator
from dataclasses import replace

import pytest
import sqlalchemy as sa

from quizserver.db.computed import open_computed, plan, point, run
from quizserver.db.session import Database
from quizserver.runs.model import Batch
from quizserver.runs.plans import PlanScope, PlanSummary, StoredPlan
from quizserver.runs.plans_store import PlanStore
from quizserver.runs.requests import PlanRequest
from quizserver.runs.store import RunStore
from tests.runs.conftest import Submit
from tests.runs.examples import curve_request, plan_request

IMAGE = gzip.compress(b"a plan", mtime=0)
OF_FAULT = PlanSummary(PlanScope(("fault",)), hashlib.sha256(IMAGE).hexdigest(), "k")
NEVER = PlanSummary(PlanScope((), seeds=False), refusal="Not here.", detail="no step")


@pytest.fixture
def database(runs_url: str) -> Iterator[Database]:
    database = open_computed(runs_url)
    yield database
    database.dispose()


@pytest.fixture
def plans(database: Database) -> PlanStore:
    return PlanStore(database)


def make_plan(
    store: RunStore,
    plans: PlanStore,
    submit: Submit,
    request: PlanRequest,
    summary: PlanSummary = OF_FAULT,
    image: bytes = IMAGE,
) -> StoredPlan:
    """What a worker and the web process do when a plan was asked for."""
    made = store.claim_next(1001.0, offered=submit(request).run.id)
    assert made is not None
    assert plans.file_plan(request, made.id) is None, "it is not there yet"
    assert store.add_batch(made.id, 1, Batch(1, 1, summary.to_json(), image), 1002.0)
    assert store.finish_run(made.id, 1, "done", 1003.0, sentence="A plan.")
    filed = plans.file_plan(request, made.id)
    assert filed is not None
    return filed


def test_a_plan_is_found_for_every_setting_that_has_it_and_for_no_other(
    store: RunStore, plans: PlanStore, submit: Submit
) -> None:
    made = make_plan(store, plans, submit, plan_request(rate=0.1))
    assert (made.image, made.summary, made.is_whole) == (IMAGE, OF_FAULT, True)
    assert plans.find_plan(plan_request(rate=0.7), 1004.0) == made
    other_topic = replace(plan_request(), simulation="other")
    saved = replace(plan_request(), fingerprint="e" * 64)
    more = replace(plan_request(), replicas=6)
    for other in (plan_request(fault="hang"), plan_request(seed=1), more, saved, other_topic):
        assert plans.find_plan(other, 1004.0) is None


def test_what_no_plan_can_hold_is_refused_for_every_setting_and_all_seeds(
    store: RunStore, plans: PlanStore, submit: Submit
) -> None:
    make_plan(store, plans, submit, plan_request(), NEVER, b"")
    found = plans.find_plan(replace(plan_request(fault="hang", seed=9), replicas=2), 1004.0)
    assert found is not None
    assert (found.summary.refusal, found.is_whole) == ("Not here.", True)


def test_a_plan_counts_more_than_a_refusal_that_is_about_its_setting_as_well(
    store: RunStore, plans: PlanStore, submit: Submit
) -> None:
    make_plan(store, plans, submit, plan_request(rate=0.1), NEVER, b"")
    made = make_plan(store, plans, submit, plan_request(rate=0.2))
    make_plan(store, plans, submit, plan_request(rate=0.3), NEVER, b"")
    assert plans.find_plan(plan_request(rate=0.4), 1004.0) == made


def test_a_plan_may_depend_on_more_knobs_than_an_index_takes(
    store: RunStore, plans: PlanStore, submit: Submit
) -> None:
    names = [f"{number:02}{'n' * 120}" for number in range(64)]
    request = replace(plan_request(), knobs=dict.fromkeys(names, 0.5))
    scope = PlanScope(tuple(names))
    made = make_plan(store, plans, submit, request, replace(OF_FAULT, scope=scope))
    assert plans.find_plan(request, 1004.0) == made


def test_the_code_that_makes_plans_is_part_of_their_key(
    store: RunStore, plans: PlanStore, submit: Submit, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_plan(store, plans, submit, plan_request())
    monkeypatch.setattr("quizserver.runs.plans.planner_version", lambda: "another")
    assert plans.find_plan(plan_request(), 1004.0) is None


def test_two_first_settings_of_one_plan_leave_one_that_is_found(
    store: RunStore, plans: PlanStore, submit: Submit, database: Database
) -> None:
    """Before a plan was made, nobody knows that they have the same."""
    first = make_plan(store, plans, submit, plan_request(rate=0.1))
    second = make_plan(store, plans, submit, plan_request(rate=0.2))
    assert first.key == second.key
    with database.read() as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(plan)) == 1
    found = plans.find_plan(plan_request(rate=0.2), 1004.0)
    assert found == first


def test_a_damaged_image_is_noticed(
    store: RunStore, plans: PlanStore, submit: Submit, database: Database
) -> None:
    made = make_plan(store, plans, submit, plan_request())
    with database.write() as session:
        session.execute(point.update().values(data=IMAGE[:-1] + b"x"))
    found = plans.find_plan(plan_request(), 1004.0)
    assert found is not None
    assert not found.is_whole
    plans.delete_plan(made.run_id)
    assert plans.find_plan(plan_request(), 1004.0) is None
    assert make_plan(store, plans, submit, plan_request()).is_whole


def test_whom_a_plan_was_given_is_kept_as_long_as_the_plan(
    store: RunStore, plans: PlanStore, submit: Submit
) -> None:
    made = make_plan(store, plans, submit, plan_request())
    for _ in range(2):
        plans.note_given(made.run_id, "ann")
    assert plans.was_given("numbers", "simulation", "ann")
    assert not plans.was_given("numbers", "simulation", "bob")
    assert not plans.was_given("numbers", "other", "ann")
    plans.delete_plan(made.run_id)
    assert not plans.was_given("numbers", "simulation", "ann")
    plans.note_given(made.run_id, "ann")  # it was deleted meanwhile


def test_what_is_used_is_deleted_last(
    store: RunStore, plans: PlanStore, submit: Submit, database: Database
) -> None:
    used = make_plan(store, plans, submit, plan_request())
    unused = make_plan(store, plans, submit, plan_request(seed=1))
    assert plans.find_plan(plan_request(), 1050.0) is not None
    with database.read() as session:
        moments = dict(session.execute(sa.select(run.c.id, run.c.used_at)).all())  # type: ignore[arg-type]
    assert moments == {used.run_id: 1000.0, unused.run_id: 1000.0}, "not written at every use"
    assert plans.find_plan(plan_request(), 1100.0) is not None
    assert store.evict_runs(len(IMAGE) + 600, runs_max=1) == 1
    assert plans.find_plan(plan_request(), 1100.0) == used
    assert plans.find_plan(plan_request(seed=1), 1100.0) is None


def test_a_run_of_curves_is_no_plan(store: RunStore, plans: PlanStore, submit: Submit) -> None:
    submit(curve_request())
    assert plans.find_plan(plan_request(), 1000.0) is None
