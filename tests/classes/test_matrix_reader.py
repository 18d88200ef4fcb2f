"""The matrix reader: rows, order and filters of a page, in a fixed number of statements."""

from __future__ import annotations

import csv
import io
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from quizserver.attempts import store as attempt_store
from quizserver.attempts.standings_store import rebuild_standings
from quizserver.classes import join_store
from quizserver.classes import members_store as members
from quizserver.classes.matrix import store
from quizserver.classes.matrix.export import matrix_csv
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
from quizserver.db.tables import person, question_version, reveal, standing
from tests.classes.matrix_setup import NOW, MatrixClass, create_account, question_columns
from tests.statements import recorded_statements

COLUMNS = question_columns("even", "sides", "prime")


@pytest.fixture
def matrix_class(database: Database) -> MatrixClass:
    """Ana has solved everything, Bo is stuck at sides, Cy has begun, Di has done nothing."""
    matrix_class = MatrixClass.create(database)
    for name in ("Di", "bo", "Ana", "Cy"):
        matrix_class.add_learner(name)
    matrix_class.add_answers("Ana", "even", False, True)
    matrix_class.add_answers("Ana", "sides", True)
    matrix_class.add_answers("Ana", "prime", True, False, after=50)
    matrix_class.add_answers("bo", "even", True, after=5)
    matrix_class.add_answers("bo", "sides", False, False, False, after=100)
    matrix_class.add_answers("Cy", "sides", False, after=20)
    return matrix_class


def read_page(
    matrix_class: MatrixClass,
    reader: MatrixReader | None = None,
    class_columns: Any = COLUMNS,
    **arguments: Any,
) -> MatrixPage:
    shown_learners = arguments.pop("shown_learners", None)
    with matrix_class.database.read() as session:
        query = parse_matrix_query(
            {name: str(value) for name, value in arguments.items()}, class_columns
        )
        return (reader or create_reader(matrix_class)).read_page(
            session, matrix_class.class_.id, class_columns, query, shown_learners
        )


def create_reader(matrix_class: MatrixClass) -> MatrixReader:
    return MatrixReader(TotalsCache(matrix_class.database.read, ThreadPoolExecutor(1)))


def read_cells(matrix_class: MatrixClass, page: MatrixPage) -> CellsByLearner:
    with matrix_class.database.read() as session:
        return create_reader(matrix_class).read_cells(session, page)


def row_labels(page: MatrixPage) -> list[str]:
    return [learner.label for learner in page.rows]


def test_a_cell_has_first_best_latest_and_how_many(matrix_class: MatrixClass):
    page = read_page(matrix_class)
    cells = read_cells(matrix_class, page)
    assert cells[matrix_class.ids["Ana"]] == {
        "even": MatrixCell(2, 0, 1, 1),
        "sides": MatrixCell(1, 1, 1, 1),
        "prime": MatrixCell(2, 1, 1, 0),
    }
    assert cells[matrix_class.ids["Di"]] == {}
    assert page.totals[matrix_class.ids["Ana"]] == LearnerTotals(
        3, 5, 2, 3, 2, 0, NOW + timedelta(minutes=52)
    )
    assert page.totals[matrix_class.ids["bo"]][:-1] == (2, 4, 1, 1, 1, 1)


def test_an_answer_after_the_answer_was_shown_has_no_mark_and_is_neither_right_nor_wrong(
    matrix_class: MatrixClass,
):
    """Di was shown the answer to "even" before she answered it, rightly."""
    matrix_class.add_answers("Di", "even", True)
    matrix_class.add_answers("Di", "sides", False)
    di = matrix_class.ids["Di"]
    with matrix_class.database.write() as session:
        values = {"person_id": di, "question": "even", "revealed_at": NOW, "why": "rule"}
        session.execute(sa.insert(reveal).values(**values))
        rebuild_standings(session, [di])
    page = read_page(matrix_class)
    assert read_cells(matrix_class, page)[di] == {
        "even": MatrixCell(1, None, None, None),
        "sides": MatrixCell(1, 0, 0, 0),
    }
    assert page.totals[di][:-1] == (2, 2, 0, 0, 0, 0)
    ordered = row_labels(read_page(matrix_class, sort="question:even", show="best"))
    assert ordered[:2] == ["Cy", "Di"], "after no answer, before those with a mark"
    with matrix_class.database.read() as session:
        learners = store.matrix_learners(session, matrix_class.class_.id)
        text = "".join(matrix_csv(session, learners, COLUMNS, "best")).removeprefix("\ufeff")
    line = next(row for row in csv.DictReader(io.StringIO(text)) if row["name"] == "Di")
    assert (line["even best"], line["even attempts"]) == ("", "1")
    assert (line["sides best"], line["sides attempts"]) == ("0", "1")


def test_only_learners_who_count_are_rows(matrix_class: MatrixClass):
    matrix_class.add_learner("Writer", role="author")
    matrix_class.add_learner("Gone")
    matrix_class.add_learner("Out")
    for name in ("Writer", "Gone", "Out"):
        matrix_class.add_answers(name, "even", True)
    with matrix_class.database.write() as session:
        members.leave_class(session, matrix_class.class_.id, matrix_class.ids["Gone"], NOW)
        members.remove_learner(session, matrix_class.class_.id, matrix_class.ids["Out"], NOW)
        create_account(session, "elsewhere@example.org", "learner")
    for arguments in ({}, {"sort": "-right"}, {"sort": "question:even"}, {"search": "o"}):
        assert set(row_labels(read_page(matrix_class, **arguments))) <= {"Ana", "bo", "Cy", "Di"}
    assert read_page(matrix_class).learner_count == 4
    shown_learners = [matrix_class.ids[name] for name in ("Gone", "Ana", "Writer", "teacher")]
    assert row_labels(read_page(matrix_class, shown_learners=shown_learners)) == ["Ana"], (
        "an address can't ask for others either"
    )


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
def test_learners_are_sorted_as_the_address_says(matrix_class: MatrixClass, sort: str, order: str):
    assert row_labels(read_page(matrix_class, sort=sort)) == order.split()


def test_the_order_is_by_what_the_cells_show(matrix_class: MatrixClass):
    assert row_labels(read_page(matrix_class, sort="-question:prime", show="latest"))[0] == "Ana"
    matrix_class.add_answers("Cy", "prime", True)
    assert row_labels(read_page(matrix_class, sort="-question:prime", show="latest"))[0] == "Cy"
    assert row_labels(read_page(matrix_class, sort="-question:prime", show="best"))[0] == "Cy"


def test_equal_learners_stay_in_the_order_of_their_names_both_ways(matrix_class: MatrixClass):
    matrix_class.add_learner("Eve")
    for sort in ("right", "-right", "question:prime", "-question:prime"):
        order = row_labels(read_page(matrix_class, sort=sort))
        assert order.index("Di") < order.index("Eve"), sort


@pytest.mark.parametrize(
    ("arguments", "expected"),
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
def test_learners_are_filtered_as_the_address_says(
    matrix_class: MatrixClass, arguments: Any, expected: list[str]
):
    assert row_labels(read_page(matrix_class, **arguments)) == expected


def test_a_topic_narrows_columns_totals_and_states(matrix_class: MatrixClass):
    class_columns = question_columns("even") + question_columns("sides", topic="shapes")
    assert row_labels(
        read_page(matrix_class, class_columns=class_columns, topic="numbers", state="done")
    ) == ["Ana", "bo"]
    page = read_page(matrix_class, class_columns=class_columns, topic="shapes")
    assert [column.question for column in page.columns] == ["sides"]
    assert page.totals[matrix_class.ids["bo"]].attempts == 3
    assert (
        read_page(matrix_class, class_columns=class_columns, topic="no such topic").query.topic
        == ""
    )


def test_both_sides_are_paged_and_a_page_beyond_is_the_last(matrix_class: MatrixClass):
    for number in range(ROWS_PER_PAGE + 1):
        matrix_class.add_learner(f"Learner {number:03}")
    class_columns = question_columns(*(f"q-{number}" for number in range(COLUMNS_PER_PAGE + 3)))
    first = read_page(matrix_class, class_columns=class_columns)
    assert (len(first.rows), len(first.columns)) == (ROWS_PER_PAGE, COLUMNS_PER_PAGE)
    beyond = read_page(matrix_class, class_columns=class_columns, page=99, columns=99)
    assert (beyond.query.page, beyond.query.columns) == (2, 2)
    assert (len(beyond.rows), len(beyond.columns)) == (5, 3)
    assert not set(row_labels(first)) & set(row_labels(beyond))


@pytest.mark.parametrize(
    "argument", ["page=0", "page=-1", "page=x", "page=²", "sort=--", "show=all"]
)
def test_invalid_arguments_count_as_their_defaults(argument: str):
    name, _, value = argument.partition("=")
    assert parse_matrix_query({name: value}, COLUMNS) == MatrixQuery()


def test_a_query_gives_the_arguments_that_it_was_parsed_from():
    arguments = {"show": "first", "sort": "-question:even", "search": "a b", "state": "stuck"}
    arguments |= {"topic": "numbers", "page": "3", "columns": "2"}
    query = parse_matrix_query(arguments, COLUMNS)
    assert {name: str(value) for name, value in query.url_arguments().items()} == arguments
    assert MatrixQuery().url_arguments() == {}
    assert query.url_arguments(search="other").keys().isdisjoint({"page"}), (
        "another filter begins on the first page"
    )
    assert query.url_arguments(show="best")["page"] == 3


def test_the_etag_changes_with_every_answer_and_only_then(matrix_class: MatrixClass):
    before = read_page(matrix_class)
    assert read_page(matrix_class).etag == before.etag
    matrix_class.add_answers("Cy", "sides", False, after=21)
    after = read_page(matrix_class)
    assert after.etag != before.etag
    matrix_class.add_answers("Ana", "another", True)
    assert read_page(matrix_class).etag == after.etag, "a question of no topic of the class"
    assert read_page(matrix_class, show="first").etag != after.etag
    with matrix_class.database.write() as session:
        members.change_member_name(session, matrix_class.class_.id, matrix_class.ids["Cy"], "Cyrus")
    assert read_page(matrix_class).etag != after.etag


def test_a_page_keeps_its_learners_and_says_that_the_order_changed(matrix_class: MatrixClass):
    reader = create_reader(matrix_class)
    shown_learners = [
        learner.person_id for learner in read_page(matrix_class, reader, sort="-attempts").rows
    ]
    assert not read_page(
        matrix_class, reader, sort="-attempts", shown_learners=shown_learners
    ).moved
    matrix_class.add_answers("Di", "even", *[False] * 9, after=200)
    page = read_page(matrix_class, reader, sort="-attempts", shown_learners=shown_learners)
    assert page.moved
    assert [learner.person_id for learner in page.rows] == shown_learners
    rows = page_data(page, read_cells(matrix_class, page))["rows"]
    assert rows[-1]["cells"] == [(0, 9), None, None]


def test_sorting_follows_new_answers_new_learners_and_those_who_go(matrix_class: MatrixClass):
    reader = create_reader(matrix_class)
    assert row_labels(read_page(matrix_class, reader, sort="-attempts")) == [
        "Ana",
        "bo",
        "Cy",
        "Di",
    ]
    matrix_class.add_answers("Cy", "even", *[False] * 9, after=200)
    assert row_labels(read_page(matrix_class, reader, sort="-attempts"))[0] == "Cy"
    matrix_class.add_learner("Eve")
    assert row_labels(read_page(matrix_class, reader, sort="-attempts"))[-1] == "Eve"
    matrix_class.add_answers("Eve", "even", *[False] * 20, after=300)
    assert row_labels(read_page(matrix_class, reader, sort="-attempts"))[0] == "Eve"
    with matrix_class.database.write() as session:
        members.leave_class(session, matrix_class.class_.id, matrix_class.ids["Eve"], NOW)
        join_store.join_class(
            session, matrix_class.class_.id, create_account(session, "f@x.org", "learner"), "F", NOW
        )
    assert "Eve" not in row_labels(read_page(matrix_class, reader, sort="-attempts"))


def test_attempts_merged_from_a_guest_change_the_order_at_once(matrix_class: MatrixClass):
    reader = create_reader(matrix_class)
    assert row_labels(read_page(matrix_class, reader, sort="-attempts"))[-1] == "Di"
    matrix_class.add_answers("teacher", "even", *[True] * 9, after=-9)  # as if a guest's
    with matrix_class.database.write() as session:
        attempt_store.merge_guest_attempts(
            session, matrix_class.ids["teacher"], matrix_class.ids["Di"]
        )
    assert row_labels(read_page(matrix_class, reader, sort="-attempts"))[0] == "Di"


def test_a_refresh_that_fails_leaves_the_old_totals_and_is_tried_again(
    matrix_class: MatrixClass, caplog: pytest.LogCaptureFixture
):
    now, attempted = 0.0, threading.Semaphore(0)

    @contextmanager
    def fail_to_open() -> Iterator[sa.orm.Session]:
        attempted.release()
        raise OSError("no connection left")
        yield

    executor = ThreadPoolExecutor(1)
    reader = MatrixReader(TotalsCache(fail_to_open, executor, clock=lambda: now))
    for turn in (0, 1, 2):
        now = turn * (REFRESH_SECONDS + 1)
        assert row_labels(read_page(matrix_class, reader, sort="-attempts"))[0] == "Ana"
        assert turn == 0 or attempted.acquire(timeout=10)
        executor.submit(int).result(10)  # after the refresh
    assert "the old ones serve" in caplog.text


def test_answers_that_come_during_a_refresh_are_not_lost(matrix_class: MatrixClass):
    now = 0.0
    summing, go_on = threading.Event(), threading.Event()

    @contextmanager
    def open_slowly() -> Iterator[sa.orm.Session]:
        with matrix_class.database.read() as session:
            session.execute(sa.select(sa.func.count()).select_from(standing))  # its moment
            summing.set()
            assert go_on.wait(10)
            yield session

    executor = ThreadPoolExecutor(1)
    reader = MatrixReader(TotalsCache(open_slowly, executor, clock=lambda: now))
    read_page(matrix_class, reader, sort="-attempts")
    now = REFRESH_SECONDS + 1
    read_page(matrix_class, reader, sort="-attempts")
    assert summing.wait(10)
    matrix_class.add_answers("Di", "even", *[False] * 9, after=500)
    go_on.set()
    executor.submit(int).result(10)  # after the refresh
    assert row_labels(read_page(matrix_class, reader, sort="-attempts"))[0] == "Di"


@pytest.mark.parametrize("arguments", [{}, {"sort": "-right"}, {"sort": "question:even"}])
def test_the_number_of_statements_does_not_grow_with_the_class(
    database: Database, matrix_class: MatrixClass, arguments: Any
):
    """The second time as well, when the totals are cached."""
    reader = create_reader(matrix_class)
    small = [count_statements(matrix_class, reader, COLUMNS, arguments) for _ in range(2)]
    class_columns = question_columns(*(f"q-{number}" for number in range(30)), "even")
    with database.write() as session:
        accounts = [{"visitor": f"v{n}", "email": f"{n}@x.org"} for n in range(300)]
        common_fields = {
            "password_hash": "x",
            "role": "learner",
            "created_at": NOW,
        }
        session.execute(sa.insert(person), [fields | common_fields for fields in accounts])
        emails = [fields["email"] for fields in accounts]
        person_ids = list(session.scalars(sa.select(person.c.id).where(person.c.email.in_(emails))))
        for person_id in person_ids:
            join_store.join_class(session, matrix_class.class_.id, person_id, "", NOW)
        moments = {"first_at": NOW, "latest_at": NOW}
        marks = {"attempts": 1, "first_mark": 1, "best_mark": 1, "latest_mark": 1}
        session.execute(
            sa.insert(standing),
            [
                {"person_id": person_id, "question": column.question} | marks | moments
                for person_id in person_ids
                for column in class_columns
            ],
        )
        # PostgreSQL may have noted in this moment that the tables are empty, and plan for that.
        session.execute(sa.text("ANALYZE"))
    reader = create_reader(matrix_class)
    assert [
        count_statements(matrix_class, reader, class_columns, arguments) for _ in range(2)
    ] == small
    assert max(small) <= 6


def count_statements(
    matrix_class: MatrixClass, reader: MatrixReader, class_columns: Any, arguments: Any
) -> int:
    with (
        recorded_statements("SELECT") as statements,
        matrix_class.database.read() as session,
    ):
        page = reader.read_page(
            session,
            matrix_class.class_.id,
            class_columns,
            parse_matrix_query(arguments, class_columns),
        )
        reader.read_cells(session, page)
    return len(statements)


def test_experiments_and_versions_are_read_for_one_question_alone(matrix_class: MatrixClass):
    with matrix_class.database.write() as session:
        session.execute(
            sa.insert(question_version).values(
                question="even", version="v2", source="LATER", first_answered_at=NOW
            )
        )
    with matrix_class.database.read() as session:
        sources = store.version_sources(session, "even", ["v1", "v3"])
        assert sources == {"v1": "SOURCE"}
        assert (
            store.experiment_moments(session, matrix_class.ids["Ana"], "numbers", "simulation")
            == []
        )
