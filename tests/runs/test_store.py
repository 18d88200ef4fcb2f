"""Runs in the computed store: who may move them, who joins them, what is forgotten."""

from __future__ import annotations

import sqlite3
import threading
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from quizserver.db import computed
from quizserver.db.computed import open_computed
from quizserver.runs.model import Run, RunRefusedError
from quizserver.runs.store import Heartbeat, RunStore

from .conftest import Ask, batch
from .fakes import map_order, order


def state(store: RunStore, run_id: str) -> str:
    run = store.get_run(run_id)
    assert run is not None
    return run.state


def finish(store: RunStore, run: Run, how: str = "done", now: float = 1002.0) -> None:
    error = "It broke." if how == "failed" else None
    assert store.finish_run(run.id, run.attempt, how, now, error=error)  # type: ignore[arg-type]


def test_a_new_run_waits_and_remembers_its_order(ask: Ask) -> None:
    asked = ask(order(rate=0.3))
    assert (asked.how, asked.run.state, asked.run.points_done) == ("new", "queued", 0)
    assert asked.run.request == order(rate=0.3)


def test_the_same_order_joins_a_waiting_or_running_run(store: RunStore, ask: Ask) -> None:
    first = ask().run
    assert (ask(visitor="bob").how, ask(visitor="bob").run.id) == ("joined", first.id)
    store.claim_run(first.id, 1001.0)
    assert (ask(visitor="cem").how, ask(visitor="cem").run.id) == ("joined", first.id)


def test_a_finished_run_is_found_and_a_failed_or_stopped_one_is_run_again(
    store: RunStore, ask: Ask, running: Run
) -> None:
    finish(store, running)
    assert (ask().how, ask().run.id) == ("found", running.id)
    broken = store.claim_run(ask(order(seed=1)).run.id, 1001.0)
    assert broken is not None
    finish(store, broken, "failed")
    again = ask(order(seed=1))
    assert again.how == "new"
    assert store.leave_run(again.run.id, "ann", 1003.0).state == "stopped"  # type: ignore[union-attr]
    assert ask(order(seed=1)).how == "new"


def test_a_changed_simulation_never_gets_the_results_of_the_old_one(
    store: RunStore, ask: Ask, running: Run
) -> None:
    finish(store, running)
    assert ask(replace(order(), fingerprint="changed")).how == "new"


def test_many_threads_that_ask_at_once_get_one_run(runs_url: str, store: RunStore) -> None:
    databases = [open_computed(runs_url) for _ in range(3)]
    got: list[tuple[str, str]] = []
    start = threading.Barrier(24)

    def one(number: int) -> None:
        mine = RunStore(databases[number % 3])
        start.wait()
        asked = mine.submit(order(), f"v{number}", 1000.0, waiting_max=9, per_visitor=9)
        got.append((asked.run.id, asked.how))

    threads = [threading.Thread(target=one, args=(n,)) for n in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for database in databases:
        database.dispose()
    assert len({run_id for run_id, _ in got}) == 1
    assert sorted(how for _, how in got) == ["joined"] * 23 + ["new"]


def test_the_database_itself_allows_one_living_run_a_key(store: RunStore, ask: Ask) -> None:
    ask()
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
    store: RunStore, ask: Ask, values: dict[str, object], name: str
) -> None:
    ask()
    with store._database.write() as session, pytest.raises(sa.exc.IntegrityError, match=name):
        session.execute(computed.run.update().values(values))


def test_one_visitor_may_have_a_bounded_number_of_active_runs(store: RunStore, ask: Ask) -> None:
    ask(order(seed=1), per_visitor=2)
    second = ask(order(seed=2), per_visitor=2)
    with pytest.raises(RunRefusedError, match="2 runs going") as caught:
        ask(order(seed=3), per_visitor=2)
    assert (caught.value.status, caught.value.retry_after) == (429, 5)
    assert ask(order(seed=2), per_visitor=2).how == "joined"  # joining costs nothing
    assert ask(order(seed=3), visitor="bob", per_visitor=2).how == "new"
    store.leave_run(second.run.id, "ann", 1001.0)
    assert ask(order(seed=4), per_visitor=2).how == "new"


def test_a_bounded_number_of_runs_waits(store: RunStore, ask: Ask) -> None:
    first = ask(order(seed=1), waiting_max=1)
    with pytest.raises(RunRefusedError) as caught:
        ask(order(seed=2), visitor="bob", waiting_max=1)
    assert caught.value.status == 503
    store.claim_run(first.run.id, 1001.0)
    assert ask(order(seed=2), visitor="bob", waiting_max=1).how == "new"


def test_only_one_worker_gets_a_run(store: RunStore, ask: Ask) -> None:
    run_id = ask().run.id
    taken = store.claim_run(run_id, 1001.0)
    assert taken is not None
    assert (taken.state, taken.attempt, taken.started_at) == ("running", 1, 1001.0)
    assert store.claim_run(run_id, 1002.0) is None


def test_points_are_added_in_order_and_once(store: RunStore, running: Run) -> None:
    one, two = batch(running.request, 1, 0, 1), batch(running.request, 2, 1, 5)
    assert store.add_batch(running.id, 1, one, 1002.0)
    assert not store.add_batch(running.id, 1, one, 1002.0)
    assert store.add_batch(running.id, 1, two, 1003.0)
    run = store.get_run(running.id)
    assert run is not None
    assert (run.points_done, run.last_seq) == (5, 2)
    assert list(store.read_batches(running.id)) == [one, two]


def test_a_stopped_run_refuses_its_worker(store: RunStore, running: Run) -> None:
    store.leave_run(running.id, "ann", 1002.0)
    assert state(store, running.id) == "stopped"
    assert not store.owns_run(running.id, 1)
    assert not store.add_batch(running.id, 1, batch(running.request, 1, 0, 1), 1003.0)
    assert not store.update_heartbeat(running.id, 1, 1003.0)
    assert not store.finish_run(running.id, 1, "done", 1003.0)
    assert state(store, running.id) == "stopped"


def test_a_run_that_others_watch_is_left_and_the_last_one_stops_it(
    store: RunStore, ask: Ask, running: Run
) -> None:
    ask(visitor="bob")
    assert store.leave_run(running.id, "ann", 1002.0).state == "running"  # type: ignore[union-attr]
    assert store.leave_run(running.id, "ann", 1002.0).state == "running"  # type: ignore[union-attr]
    assert store.leave_run(running.id, "eve", 1002.0).state == "running"  # type: ignore[union-attr]
    assert store.leave_run(running.id, "bob", 1002.0).state == "stopped"  # type: ignore[union-attr]


def test_an_ended_run_can_not_be_stopped_and_an_unknown_one_is_none(
    store: RunStore, running: Run
) -> None:
    finish(store, running)
    assert store.leave_run(running.id, "ann", 1003.0).state == "done"  # type: ignore[union-attr]
    assert store.leave_run("nobody", "ann", 1003.0) is None


def test_a_run_given_back_waits_again_as_if_never_taken(store: RunStore, running: Run) -> None:
    assert store.release_run(running.id, 1)
    assert store.waiting_ids() == [running.id]
    assert store.get_run(running.id).started_at is None  # type: ignore[union-attr]
    again = store.claim_run(running.id, 1005.0)
    assert again is not None
    assert (again.attempt, again.started_at) == (1, 1005.0)


def test_a_run_with_a_silent_worker_waits_once_more_then_fails(
    store: RunStore, running: Run
) -> None:
    def take_away(last: Heartbeat) -> str | None:
        return store.reclaim_run(running.id, last, 1012.0, attempts=2, error="Lost.")

    before = store.read_heartbeats()[running.id]
    store.add_batch(running.id, 1, batch(running.request, 1, 0, 4), 1002.0)
    assert take_away(before) is None, "it gave a sign of life since"
    assert take_away(store.read_heartbeats()[running.id]) == "queued"
    assert store.read_heartbeats() == {}
    again = store.claim_run(running.id, 1013.0)
    assert again is not None
    assert (again.attempt, again.points_done, again.last_seq) == (2, 4, 1)
    assert not store.add_batch(running.id, 1, batch(running.request, 2, 4, 5), 1013.0), (
        "the lost worker"
    )
    assert take_away(Heartbeat(1, 1013.0)) is None, "another worker has it"
    assert take_away(store.read_heartbeats()[running.id]) == "failed"
    run = store.get_run(running.id)
    assert run is not None
    assert (run.state, run.error) == ("failed", "Lost.")


def test_progress_tells_only_what_is_new_and_who_waits_ahead(
    store: RunStore, ask: Ask, running: Run
) -> None:
    for seq in (1, 2, 3):
        store.add_batch(running.id, 1, batch(running.request, seq, seq - 1, seq), 1002.0)
    second = ask(order(seed=1), now=1003.0).run
    third = ask(order(seed=2), now=1004.0).run
    told = store.read_progress({running.id: 1, second.id: 0, third.id: 0, "gone": 0})
    assert [b.seq for b in told[running.id].batches] == [2, 3]
    assert (told[second.id].waiting, told[third.id].waiting) == (0, 1)
    assert "gone" not in told
    assert store.read_progress({running.id: 3})[running.id].batches == ()


def test_progress_serves_more_runs_than_one_statement_can_name(store: RunStore, ask: Ask) -> None:
    ids = []
    for seed in range(210):
        run = store.claim_run(ask(order(seed=seed), waiting_max=999, per_visitor=999).run.id, 1.0)
        assert run is not None
        store.add_batch(run.id, 1, batch(run.request, 1, 0, 1), 1.0)
        ids.append(run.id)
    told = store.read_progress(dict.fromkeys(ids, 0))
    assert [len(told[run_id].batches) for run_id in ids] == [1] * 210


def test_the_longest_unused_results_are_forgotten_first(store: RunStore, ask: Ask) -> None:
    runs = []
    for seed in range(4):
        run = store.claim_run(ask(order(seed=seed), now=1000.0 + seed).run.id, 1010.0)
        assert run is not None
        store.add_batch(run.id, 1, batch(run.request, 1, 0, 10), 1011.0)
        runs.append(run)
    for run in runs[:3]:
        finish(store, run)
    ask(order(seed=0), now=2000.0)  # used again: now the freshest
    size = sum(len(b.data) + len(b.summary) for b in store.read_batches(runs[0].id))
    assert store.evict_runs(2 * size + 200, runs_max=99) == 1
    assert [store.get_run(run.id) is not None for run in runs] == [True, False, True, True]
    assert list(store.read_batches(runs[1].id)) == []
    assert store.evict_runs(10**9, runs_max=1) == 1
    assert [store.get_run(run.id) is not None for run in runs] == [True, False, False, True]
    assert store.evict_runs(0, runs_max=0) == 1
    assert store.get_run(runs[3].id) is not None, "a run at work is never forgotten"


def test_a_store_of_another_version_is_made_anew(runs_url: str, ask: Ask) -> None:
    run_id = ask().run.id
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
    assert RunStore(database).waiting_ids() == []
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
    assert store.waiting_ids() == []


def test_only_a_curve_that_has_waited_passes_longer_runs(store: RunStore, ask: Ask) -> None:
    verification = replace(order(seed=5), overlay={"a.md": "text"})
    ask(map_order(), now=900.0)
    ask(verification, now=901.0)
    late = ask(order(seed=2), now=1000.0).run
    early = ask(order(seed=1), now=999.0).run
    assert store.claim_curve(999.2, patience=0.25) is None
    found = store.claim_curve(2000.0, patience=0.25)
    assert found is not None
    assert (found.id, found.state, found.attempt) == (early.id, "running", 1)
    assert store.claim_run(early.id, 2000.0) is None, "its message finds it taken"
    found = store.claim_curve(2000.0, patience=0.25)
    assert found is not None
    assert found.id == late.id
    assert store.claim_curve(2000.0, patience=0.25) is None
