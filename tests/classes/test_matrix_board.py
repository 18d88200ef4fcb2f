"""The matrix shows who it should, in the order asked for, in a fixed number of statements."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from quizserver.attempts import store as attempts
from quizserver.classes import join_store as joining
from quizserver.classes import members_store as members
from quizserver.classes.matrix import store
from quizserver.classes.matrix.model import LearnerTotals, MatrixCell
from quizserver.classes.matrix.query import (
    COLUMNS_PER_PAGE,
    ROWS_PER_PAGE,
    MatrixQuery,
    parse_matrix_query,
)
from quizserver.classes.matrix.reader import CellsByLearner, MatrixPage, MatrixReader
from quizserver.classes.matrix.totals_cache import REFRESH_SECONDS, TotalsCache
from quizserver.classes.matrix.views import page_data
from quizserver.db.session import Database
from quizserver.db.tables import person, question_version, standing
from tests.classes.matrix_room import NOW, Room, account, columns

HERE = columns("even", "sides", "prime")


@pytest.fixture
def room(database: Database) -> Room:
    """Ana has solved everything, Bo is stuck at sides, Cy has begun, Di has done nothing."""
    made = Room.new(database)
    for name in ("Di", "bo", "Ana", "Cy"):
        made.joins(name)
    made.answers("Ana", "even", False, True)
    made.answers("Ana", "sides", True)
    made.answers("Ana", "prime", True, False, after=50)
    made.answers("bo", "even", True, after=5)
    made.answers("bo", "sides", False, False, False, after=100)
    made.answers("Cy", "sides", False, after=20)
    return made


def frame_of(
    room: Room, board: MatrixReader | None = None, here: Any = HERE, **asked: Any
) -> MatrixPage:
    kept = asked.pop("kept", None)
    with room.database.read() as session:
        view = parse_matrix_query({name: str(value) for name, value in asked.items()}, here)
        return (board or new_board(room)).read_page(session, room.room.id, here, view, kept)


def new_board(room: Room) -> MatrixReader:
    return MatrixReader(TotalsCache(room.database.read, ThreadPoolExecutor(1)))


def cells_of(room: Room, frame: MatrixPage) -> CellsByLearner:
    with room.database.read() as session:
        return new_board(room).read_cells(session, frame)


def names(frame: MatrixPage) -> list[str]:
    return [learner.label for learner in frame.rows]


def test_a_cell_has_first_best_latest_and_how_many(room: Room):
    frame = frame_of(room)
    cells = cells_of(room, frame)
    assert cells[room.ids["Ana"]] == {
        "even": MatrixCell(2, 0, 1, 1),
        "sides": MatrixCell(1, 1, 1, 1),
        "prime": MatrixCell(2, 1, 1, 0),
    }
    assert cells[room.ids["Di"]] == {}
    assert frame.totals[room.ids["Ana"]] == LearnerTotals(
        3, 5, 2, 3, 2, 0, NOW + timedelta(minutes=52)
    )
    assert frame.totals[room.ids["bo"]][:-1] == (2, 4, 1, 1, 1, 1)


def test_only_learners_who_count_are_rows(room: Room):
    room.joins("Writer", role="author")
    room.joins("Gone")
    room.joins("Out")
    for name in ("Writer", "Gone", "Out"):
        room.answers(name, "even", True)
    with room.database.write() as session:
        members.leave_class(session, room.room.id, room.ids["Gone"], NOW)
        members.remove_learner(session, room.room.id, room.ids["Out"], NOW)
        account(session, "elsewhere@example.org", "learner")
    for asked in ({}, {"sort": "-right"}, {"sort": "question:even"}, {"search": "o"}):
        assert set(names(frame_of(room, **asked))) <= {"Ana", "bo", "Cy", "Di"}
    assert frame_of(room).learner_count == 4
    kept = [room.ids[name] for name in ("Gone", "Ana", "Writer", "teacher")]
    assert names(frame_of(room, kept=kept)) == ["Ana"], "an address can't ask for others either"


@pytest.mark.parametrize(
    ("sort", "order"),
    [
        ("name", "Ana bo Cy Di"),
        ("-name", "Di Cy bo Ana"),
        ("-right", "Ana bo Cy Di"),
        ("right", "Di Cy bo Ana"),
        ("-attempts", "Ana bo Cy Di"),
        ("-latest", "bo Ana Cy Di"),
        ("latest", "Di Cy Ana bo"),
        ("question:sides", "Di bo Cy Ana"),
        ("-question:sides", "Ana Cy bo Di"),
    ],
)
def test_learners_are_sorted_as_the_address_says(room: Room, sort: str, order: str):
    assert names(frame_of(room, sort=sort)) == order.split()


def test_the_order_is_by_what_the_cells_show(room: Room):
    assert names(frame_of(room, sort="-question:prime", show="latest"))[0] == "Ana"
    room.answers("Cy", "prime", True)
    assert names(frame_of(room, sort="-question:prime", show="latest"))[0] == "Cy"
    assert names(frame_of(room, sort="-question:prime", show="best"))[0] == "Cy"


def test_equal_learners_stay_in_the_order_of_their_names_both_ways(room: Room):
    room.joins("Eve")
    for sort in ("right", "-right", "question:prime", "-question:prime"):
        order = names(frame_of(room, sort=sort))
        assert order.index("Di") < order.index("Eve"), sort


@pytest.mark.parametrize(
    ("asked", "left"),
    [
        ({"search": "AN"}, ["Ana"]),
        ({"search": "cy@example"}, ["Cy"]),
        ({"search": "nobody"}, []),
        ({"state": "new"}, ["Di"]),
        ({"state": "stuck"}, ["bo"]),
        ({"state": "done"}, ["Ana"]),
        ({"state": "made up"}, ["Ana", "bo", "Cy", "Di"]),
        ({"state": "stuck", "search": "ana"}, []),
    ],
)
def test_learners_are_chosen_as_the_address_says(room: Room, asked: Any, left: list[str]):
    assert names(frame_of(room, **asked)) == left


def test_a_topic_narrows_columns_totals_and_states(room: Room):
    here = columns("even") + columns("sides", topic="shapes")
    assert names(frame_of(room, here=here, topic="numbers", state="done")) == ["Ana", "bo"]
    frame = frame_of(room, here=here, topic="shapes")
    assert [column.question for column in frame.columns] == ["sides"]
    assert frame.totals[room.ids["bo"]].attempts == 3
    assert frame_of(room, here=here, topic="no such topic").query.topic == ""


def test_both_sides_are_paged_and_a_page_beyond_is_the_last(room: Room):
    for number in range(ROWS_PER_PAGE + 1):
        room.joins(f"Learner {number:03}")
    here = columns(*(f"q-{number}" for number in range(COLUMNS_PER_PAGE + 3)))
    first = frame_of(room, here=here)
    assert (len(first.rows), len(first.columns)) == (ROWS_PER_PAGE, COLUMNS_PER_PAGE)
    beyond = frame_of(room, here=here, page=99, columns=99)
    assert (beyond.query.page, beyond.query.columns) == (2, 2)
    assert (len(beyond.rows), len(beyond.columns)) == (5, 3)
    assert not set(names(first)) & set(names(beyond))


@pytest.mark.parametrize("asked", ["page=0", "page=-1", "page=x", "page=²", "sort=--", "show=all"])
def test_an_address_that_makes_no_sense_shows_what_is_usual(asked: str):
    name, _, value = asked.partition("=")
    assert parse_matrix_query({name: value}, HERE) == MatrixQuery()


def test_an_address_says_its_view_again():
    asked = {"show": "first", "sort": "-question:even", "search": "a b", "state": "stuck"}
    asked |= {"topic": "numbers", "page": "3", "columns": "2"}
    view = parse_matrix_query(asked, HERE)
    assert {k: str(v) for k, v in view.url_arguments().items()} == asked
    assert MatrixQuery().url_arguments() == {}
    assert view.url_arguments(search="other").keys().isdisjoint({"page"}), (
        "a new choice begins anew"
    )
    assert view.url_arguments(show="best")["page"] == 3


def test_the_mark_changes_with_every_answer_and_only_then(room: Room):
    before = frame_of(room)
    assert frame_of(room).etag == before.etag
    room.answers("Cy", "sides", False, after=21)
    after = frame_of(room)
    assert after.etag != before.etag
    room.answers("Ana", "another", True)
    assert frame_of(room).etag == after.etag, "a question of no topic of the class"
    assert frame_of(room, show="first").etag != after.etag
    with room.database.write() as session:
        members.change_member_name(session, room.room.id, room.ids["Cy"], "Cyrus")
    assert frame_of(room).etag != after.etag


def test_a_page_keeps_its_learners_and_is_told_that_the_order_changed(room: Room):
    board = new_board(room)
    shown = [each.person_id for each in frame_of(room, board, sort="-attempts").rows]
    assert not frame_of(room, board, sort="-attempts", kept=shown).moved
    room.answers("Di", "even", *[False] * 9, after=200)
    frame = frame_of(room, board, sort="-attempts", kept=shown)
    assert frame.moved
    assert [each.person_id for each in frame.rows] == shown
    rows = page_data(frame, cells_of(room, frame))["rows"]
    assert rows[-1]["cells"] == [(0, 9), None, None]


def test_sorting_follows_new_answers_new_learners_and_those_who_go(room: Room):
    board = new_board(room)
    assert names(frame_of(room, board, sort="-attempts")) == ["Ana", "bo", "Cy", "Di"]
    room.answers("Cy", "even", *[False] * 9, after=200)
    assert names(frame_of(room, board, sort="-attempts"))[0] == "Cy"
    room.joins("Eve")
    assert names(frame_of(room, board, sort="-attempts"))[-1] == "Eve"
    room.answers("Eve", "even", *[False] * 20, after=300)
    assert names(frame_of(room, board, sort="-attempts"))[0] == "Eve"
    with room.database.write() as session:
        members.leave_class(session, room.room.id, room.ids["Eve"], NOW)
        joining.join_class(session, room.room.id, account(session, "f@x.org", "learner"), "F", NOW)
    assert "Eve" not in names(frame_of(room, board, sort="-attempts"))


def test_what_an_account_took_over_from_a_guest_is_sorted_by_within_a_minute(room: Room):
    now = 0.0
    beside = ThreadPoolExecutor(1)
    board = MatrixReader(TotalsCache(room.database.read, beside, clock=lambda: now))
    assert names(frame_of(room, board, sort="-attempts"))[-1] == "Di"
    room.answers("teacher", "even", *[True] * 9, after=-9)  # they stand in for a guest
    with room.database.write() as session:
        attempts.merge_guest_attempts(session, room.ids["teacher"], room.ids["Di"])
    now = REFRESH_SECONDS + 1
    assert names(frame_of(room, board, sort="-attempts"))[-1] == "Di", "nobody waits for the sum"
    beside.submit(int).result(10)  # behind the sum
    assert names(frame_of(room, board, sort="-attempts"))[0] == "Di"


def test_a_sum_that_fails_beside_the_requests_leaves_the_old_one_and_is_tried_again(
    room: Room, caplog: pytest.LogCaptureFixture
):
    now, tried = 0.0, threading.Semaphore(0)

    @contextmanager
    def reading() -> Iterator[sa.orm.Session]:
        tried.release()
        raise OSError("no connection left")
        yield

    beside = ThreadPoolExecutor(1)
    board = MatrixReader(TotalsCache(reading, beside, clock=lambda: now))
    for turn in (0, 1, 2):
        now = turn * (REFRESH_SECONDS + 1)
        assert names(frame_of(room, board, sort="-attempts"))[0] == "Ana"
        assert turn == 0 or tried.acquire(timeout=10)
        beside.submit(int).result(10)  # behind the sum
    assert "the old ones serve" in caplog.text


def test_answers_that_come_while_the_sum_is_made_anew_are_not_lost(room: Room):
    now = 0.0
    reached, go_on = threading.Event(), threading.Event()

    @contextmanager
    def reading() -> Iterator[sa.orm.Session]:
        with room.database.read() as session:
            session.execute(sa.select(sa.func.count()).select_from(standing))  # its moment
            reached.set()
            assert go_on.wait(10)
            yield session

    beside = ThreadPoolExecutor(1)
    board = MatrixReader(TotalsCache(reading, beside, clock=lambda: now))
    frame_of(room, board, sort="-attempts")
    now = REFRESH_SECONDS + 1
    frame_of(room, board, sort="-attempts")
    assert reached.wait(10)
    room.answers("Di", "even", *[False] * 9, after=500)
    go_on.set()
    beside.submit(int).result(10)  # behind the sum
    assert names(frame_of(room, board, sort="-attempts"))[0] == "Di"


@pytest.mark.parametrize("asked", [{}, {"sort": "-right"}, {"sort": "question:even"}])
def test_the_number_of_statements_does_not_grow_with_the_class(
    database: Database, room: Room, asked: Any
):
    """The second time around as well, when the totals are kept."""
    board = new_board(room)
    small = [statements(room, board, HERE, asked) for _ in range(2)]
    here = columns(*(f"q-{number}" for number in range(30)), "even")
    with database.write() as session:
        ids = [{"visitor": f"v{n}", "email": f"{n}@x.org"} for n in range(300)]
        usual = {"password_hash": "x", "role": "learner", "session_key": "", "created_at": NOW}
        session.execute(sa.insert(person), [each | usual for each in ids])
        emails = [each["email"] for each in ids]
        made = list(session.scalars(sa.select(person.c.id).where(person.c.email.in_(emails))))
        for who in made:
            joining.join_class(session, room.room.id, who, "", NOW)
        moments = {"first_at": NOW, "latest_at": NOW}
        marks = {"attempts": 1, "first_mark": 1, "best_mark": 1, "latest_mark": 1}
        session.execute(
            sa.insert(standing),
            [
                {"person_id": who, "question": column.question} | marks | moments
                for who in made
                for column in here
            ],
        )
    board = new_board(room)
    assert [statements(room, board, here, asked) for _ in range(2)] == small
    assert max(small) <= 6


def statements(room: Room, board: MatrixReader, here: Any, asked: Any) -> int:
    with counted(room.database) as seen, room.database.read() as session:
        frame = board.read_page(session, room.room.id, here, parse_matrix_query(asked, here))
        board.read_cells(session, frame)
    return len(seen)


@contextmanager
def counted(database: Database) -> Iterator[list[str]]:
    seen: list[str] = []

    def note(*event: Any) -> None:
        if event[2].lstrip().upper().startswith("SELECT"):
            seen.append(event[2])

    sa.event.listen(database.engine, "before_cursor_execute", note)
    yield seen
    sa.event.remove(database.engine, "before_cursor_execute", note)


def test_experiments_and_versions_are_read_for_one_question_alone(room: Room):
    with room.database.write() as session:
        session.execute(
            sa.insert(question_version).values(
                question="even", version="v2", source="LATER", first_answered_at=NOW
            )
        )
    with room.database.read() as session:
        found = store.version_sources(session, "even", ["v1", "v3"])
        assert found == {"v1": "SOURCE"}
        assert store.experiment_moments(session, room.ids["Ana"], "numbers", "simulation") == []
