"""Runs in the computed store: who may move them, who joins them, what is deleted."""

from __future__ import annotations

import sqlite3
import threading
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from quizserver.db import computed
from quizserver.db.computed import open_computed
from quizserver.runs.model import Heartbeat, Run, RunRefusedError
from quizserver.runs.store import RunStore
from tests.runs.conftest import Submit
from tests.runs.examples import (
    curve_request,
    expected_batch,
    map_request,
    plan_request,
    verification_request,
)


def run_state(store: RunStore, run_id: str) -> str:
    run = store.get_run(run_id)
    assert run is not None
    return run.state


def finish_run(store: RunStore, run: Run, how: str = "done", now: float = 1002.0) -> None:
    error = "It broke." if how == "failed" else None
    assert store.finish_run(run.id, run.attempt, how, now, error=error)  # type: ignore[arg-type]


def test_a_new_run_is_queued_and_keeps_its_request(submit: Submit) -> None:
    submission = submit(curve_request(rate=0.3))
    assert (submission.how, submission.run.state, submission.run.points_done) == (
        "new",
        "queued",
        0,
    )
    assert submission.run.request == curve_request(rate=0.3)


def test_the_same_request_joins_a_queued_or_running_run(store: RunStore, submit: Submit) -> None:
    first = submit().run
    assert (submit(visitor="bob").how, submit(visitor="bob").run.id) == ("joined", first.id)
    store.claim_next(1001.0, offered=first.id)
    assert (submit(visitor="cem").how, submit(visitor="cem").run.id) == ("joined", first.id)


def test_a_finished_run_is_found_and_a_failed_or_stopped_one_is_run_again(
    store: RunStore, submit: Submit, claimed_run: Run
) -> None:
    finish_run(store, claimed_run)
    assert (submit().how, submit().run.id) == ("found", claimed_run.id)
    broken = store.claim_next(1001.0, offered=submit(curve_request(seed=1)).run.id)
    assert broken is not None
    finish_run(store, broken, "failed")
    again = submit(curve_request(seed=1))
    assert again.how == "new"
    assert store.leave_run(again.run.id, "ann", 1003.0).state == "stopped"  # type: ignore[union-attr]
    assert submit(curve_request(seed=1)).how == "new"


def test_a_changed_simulation_never_gets_the_results_of_the_old_one(
    store: RunStore, submit: Submit, claimed_run: Run
) -> None:
    finish_run(store, claimed_run)
    assert submit(replace(curve_request(), fingerprint="changed")).how == "new"


def test_many_threads_that_submit_at_once_get_one_run(runs_url: str, store: RunStore) -> None:
    databases = [open_computed(runs_url) for _ in range(3)]
    submissions: list[tuple[str, str]] = []
    start = threading.Barrier(24)

    def submit_once(number: int) -> None:
        own_store = RunStore(databases[number % 3])
        start.wait()
        submission = own_store.submit_request(
            curve_request(), f"v{number}", 1000.0, waiting_max=9, per_visitor=9
        )
        submissions.append((submission.run.id, submission.how))

    threads = [threading.Thread(target=submit_once, args=(n,)) for n in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for database in databases:
        database.dispose()
    assert len({run_id for run_id, _ in submissions}) == 1
    assert sorted(how for _, how in submissions) == ["joined"] * 23 + ["new"]


def test_the_database_itself_allows_one_living_run_a_key(store: RunStore, submit: Submit) -> None:
    submit()
    one_a_key = pytest.raises(sa.exc.IntegrityError, match=r"run\.key|uq_run_key_alive")
    with one_a_key, store._database.write() as session:
        row = dict(session.execute(sa.select(computed.run)).one()._mapping)
        session.execute(computed.run.insert().values(row | {"id": "another"}))


@pytest.mark.parametrize(
    ("values", "name"),
    [
        ({"state": "asleep"}, "ck_run_known_state"),
        ({"state": "failed", "finished_at": 1.0}, "ck_run_failed_says_why"),
        ({"state": "done"}, "ck_run_finished_when_ended"),
        ({"first_seed": -1}, "ck_run_has_seeds"),
    ],
)
def test_the_database_itself_refuses_a_run_that_makes_no_sense(
    store: RunStore, submit: Submit, values: dict[str, object], name: str
) -> None:
    submit()
    with store._database.write() as session, pytest.raises(sa.exc.IntegrityError, match=name):
        session.execute(computed.run.update().values(values))


def test_one_visitor_may_have_a_bounded_number_of_active_runs(
    store: RunStore, submit: Submit
) -> None:
    submit(curve_request(seed=1), per_visitor=2)
    second = submit(curve_request(seed=2), per_visitor=2)
    with pytest.raises(RunRefusedError, match="2 runs going") as caught:
        submit(curve_request(seed=3), per_visitor=2)
    assert (caught.value.status, caught.value.retry_after) == (429, 5)
    assert submit(curve_request(seed=2), per_visitor=2).how == "joined"  # joining costs nothing
    assert submit(curve_request(seed=3), visitor="bob", per_visitor=2).how == "new"
    store.leave_run(second.run.id, "ann", 1001.0)
    assert submit(curve_request(seed=4), per_visitor=2).how == "new"


def test_a_bounded_number_of_runs_is_queued(store: RunStore, submit: Submit) -> None:
    first = submit(curve_request(seed=1), waiting_max=1)
    with pytest.raises(RunRefusedError) as caught:
        submit(curve_request(seed=2), visitor="bob", waiting_max=1)
    assert caught.value.status == 503
    store.claim_next(1001.0, offered=first.run.id)
    assert submit(curve_request(seed=2), visitor="bob", waiting_max=1).how == "new"


def test_only_one_worker_claims_a_run(store: RunStore, submit: Submit) -> None:
    run_id = submit().run.id
    claimed = store.claim_next(1001.0, offered=run_id)
    assert claimed is not None
    assert (claimed.state, claimed.attempt, claimed.started_at) == ("running", 1, 1001.0)
    assert store.claim_next(1002.0, offered=run_id) is None


def test_points_are_added_in_order_and_once(store: RunStore, claimed_run: Run) -> None:
    one, two = (
        expected_batch(claimed_run.request, 1, 0, 1),
        expected_batch(claimed_run.request, 2, 1, 5),
    )
    assert store.add_batch(claimed_run.id, 1, one, 1002.0)
    assert not store.add_batch(claimed_run.id, 1, one, 1002.0)
    assert store.add_batch(claimed_run.id, 1, two, 1003.0)
    run = store.get_run(claimed_run.id)
    assert run is not None
    assert (run.points_done, run.last_seq) == (5, 2)
    assert list(store.read_batches(claimed_run.id)) == [one, two]


def test_a_stopped_run_refuses_its_worker(store: RunStore, claimed_run: Run) -> None:
    store.leave_run(claimed_run.id, "ann", 1002.0)
    assert run_state(store, claimed_run.id) == "stopped"
    assert not store.owns_run(claimed_run.id, 1)
    assert not store.add_batch(
        claimed_run.id, 1, expected_batch(claimed_run.request, 1, 0, 1), 1003.0
    )
    assert not store.update_heartbeat(claimed_run.id, 1, 1003.0)
    assert not store.finish_run(claimed_run.id, 1, "done", 1003.0)
    assert run_state(store, claimed_run.id) == "stopped"


def test_a_run_that_others_watch_goes_on_until_the_last_one_leaves_it(
    store: RunStore, submit: Submit, claimed_run: Run
) -> None:
    submit(visitor="bob")
    assert store.leave_run(claimed_run.id, "ann", 1002.0).state == "running"  # type: ignore[union-attr]
    assert store.leave_run(claimed_run.id, "ann", 1002.0).state == "running"  # type: ignore[union-attr]
    assert store.leave_run(claimed_run.id, "eve", 1002.0).state == "running"  # type: ignore[union-attr]
    assert store.leave_run(claimed_run.id, "bob", 1002.0).state == "stopped"  # type: ignore[union-attr]


def test_an_ended_run_can_not_be_stopped_and_an_unknown_one_is_none(
    store: RunStore, claimed_run: Run
) -> None:
    finish_run(store, claimed_run)
    assert store.leave_run(claimed_run.id, "ann", 1003.0).state == "done"  # type: ignore[union-attr]
    assert store.leave_run("nobody", "ann", 1003.0) is None


def test_a_released_run_is_queued_again_as_if_never_claimed(
    store: RunStore, claimed_run: Run
) -> None:
    assert store.release_run(claimed_run.id, 1)
    assert store.queued_ids() == [claimed_run.id]
    assert store.get_run(claimed_run.id).started_at is None  # type: ignore[union-attr]
    again = store.claim_next(1005.0, offered=claimed_run.id)
    assert again is not None
    assert (again.attempt, again.started_at) == (1, 1005.0)


def test_a_run_with_a_silent_worker_is_queued_once_more_then_fails(
    store: RunStore, claimed_run: Run
) -> None:
    def reclaim(heartbeat: Heartbeat) -> str | None:
        return store.reclaim_run(claimed_run.id, heartbeat, 1012.0, attempts=2, error="Lost.")

    before = store.read_heartbeats()[claimed_run.id]
    store.add_batch(claimed_run.id, 1, expected_batch(claimed_run.request, 1, 0, 4), 1002.0)
    assert reclaim(before) is None, "it sent a heartbeat since"
    assert reclaim(store.read_heartbeats()[claimed_run.id]) == "queued"
    assert store.read_heartbeats() == {}
    again = store.claim_next(1013.0, offered=claimed_run.id)
    assert again is not None
    assert (again.attempt, again.points_done, again.last_seq) == (2, 4, 1)
    assert not store.add_batch(
        claimed_run.id, 1, expected_batch(claimed_run.request, 2, 4, 5), 1013.0
    ), "the lost worker"
    assert reclaim(Heartbeat(1, 1013.0)) is None, "another worker has it"
    assert reclaim(store.read_heartbeats()[claimed_run.id]) == "failed"
    run = store.get_run(claimed_run.id)
    assert run is not None
    assert (run.state, run.error) == ("failed", "Lost.")


def test_progress_has_only_new_batches_and_how_many_are_queued_before(
    store: RunStore, submit: Submit, claimed_run: Run
) -> None:
    for seq in (1, 2, 3):
        store.add_batch(
            claimed_run.id, 1, expected_batch(claimed_run.request, seq, seq - 1, seq), 1002.0
        )
    second = submit(curve_request(seed=1), now=1003.0).run
    third = submit(curve_request(seed=2), now=1004.0).run
    progress = store.read_progress({claimed_run.id: 1, second.id: 0, third.id: 0, "gone": 0})
    assert [b.seq for b in progress[claimed_run.id].batches] == [2, 3]
    assert (progress[second.id].waiting, progress[third.id].waiting) == (0, 1)
    assert "gone" not in progress
    assert store.read_progress({claimed_run.id: 3})[claimed_run.id].batches == ()


def test_progress_serves_more_runs_than_one_statement_can_name(
    store: RunStore, claimed_run: Run
) -> None:
    store.add_batch(claimed_run.id, 1, expected_batch(claimed_run.request, 1, 0, 1), 1.0)
    ids = [claimed_run.id, *copy_run(store, claimed_run.id, 1009)]
    progress = store.read_progress(dict.fromkeys(ids, 0))
    assert [len(progress[run_id].batches) for run_id in ids] == [1] * 1010


def copy_run(store: RunStore, run_id: str, count: int) -> list[str]:
    """The ids of ``count`` more runs with the same batches, which one by one would take long."""
    ids = [f"copy{number}" for number in range(count)]
    with store._database.write() as session:
        run = session.execute(
            sa.select(computed.run).where(computed.run.c.id == run_id)
        ).one()._asdict()  # fmt: skip
        point = session.execute(
            sa.select(computed.point).where(computed.point.c.run_id == run_id)
        ).one()._asdict()  # fmt: skip
        session.execute(computed.run.insert(), [run | {"id": id, "key": id} for id in ids])
        session.execute(computed.point.insert(), [point | {"run_id": id} for id in ids])
    return ids


def test_the_longest_unused_results_are_deleted_first(store: RunStore, submit: Submit) -> None:
    runs = []
    for seed in range(4):
        run_id = submit(curve_request(seed=seed), now=1000.0 + seed).run.id
        run = store.claim_next(1010.0, offered=run_id)
        assert run is not None
        store.add_batch(run.id, 1, expected_batch(run.request, 1, 0, 10), 1011.0)
        runs.append(run)
    for run in runs[:3]:
        finish_run(store, run)
    submit(curve_request(seed=0), now=2000.0)  # used again: now the freshest
    size = sum(len(b.data) + len(b.summary) for b in store.read_batches(runs[0].id))
    assert store.evict_runs(2 * size + 200, runs_max=99) == 1
    assert [store.get_run(run.id) is not None for run in runs] == [True, False, True, True]
    assert list(store.read_batches(runs[1].id)) == []
    assert store.evict_runs(10**9, runs_max=1) == 1
    assert [store.get_run(run.id) is not None for run in runs] == [True, False, False, True]
    assert store.evict_runs(0, runs_max=0) == 1
    assert store.get_run(runs[3].id) is not None, "a run that is trained is never deleted"


def test_a_store_of_another_version_is_made_again(runs_url: str, submit: Submit) -> None:
    run_id = submit().run.id
    first = open_computed(runs_url)
    assert RunStore(first).get_run(run_id) is not None, "of the same version: kept"
    with first.write() as session:
        session.execute(sa.text("UPDATE runs_version SET number = 0"))
        session.execute(sa.text("ALTER TABLE run DROP COLUMN sentence"))
    first.dispose()
    second = open_computed(runs_url)
    assert RunStore(second).get_run(run_id) is None
    second.dispose()


def test_a_file_that_is_no_database_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "broken.sqlite3"
    path.write_bytes(b"this was never a database" * 200)
    database = open_computed(f"sqlite:///{path}")
    assert RunStore(database).queued_ids() == []
    database.dispose()


def test_processes_that_start_together_make_one_store(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'fresh.sqlite3'}"
    errors: list[BaseException] = []

    def make() -> None:
        try:
            open_computed(url).dispose()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=make) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []


@pytest.mark.parametrize("runs_url", ["sqlite"], indirect=True)
def test_the_store_does_not_wait_for_the_disk(runs_url: str, store: RunStore) -> None:
    with store._database.read() as session:
        assert session.scalar(sa.text("PRAGMA synchronous")) == 1
        assert session.scalar(sa.text("PRAGMA journal_mode")) == "wal"


@pytest.mark.parametrize("runs_url", ["sqlite"], indirect=True)
def test_the_store_survives_a_writer_that_was_killed(tmp_path: Path, store: RunStore) -> None:
    stray = sqlite3.connect(tmp_path / "runs.sqlite3")
    stray.execute("BEGIN IMMEDIATE")
    stray.close()
    assert store.queued_ids() == []


def test_a_worker_that_looks_for_short_runs_gets_no_other(store: RunStore, submit: Submit) -> None:
    submit(map_request(), now=900.0)
    submit(verification_request(), now=901.0)
    late = submit(curve_request(seed=2), now=1000.0).run
    early = submit(curve_request(seed=1), now=999.0).run
    plan = submit(plan_request(), now=1001.0).run
    for expected in (plan, early, late):
        claimed = store.claim_next(2000.0, kinds={"plan", "curves"})
        assert claimed is not None
        assert (claimed.id, claimed.state, claimed.attempt) == (expected.id, "running", 1)
        assert store.claim_next(2000.0, offered=expected.id) is None, "its message finds it claimed"
    assert store.claim_next(2000.0, kinds={"plan", "curves"}) is None
