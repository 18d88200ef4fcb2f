"""Attempts are numbered in the order of time, and SQLite gives no id twice.

A guest's attempts used to be numbered after those of the account that took them over, whenever
they were made; the standings of these questions called an older answer the latest. And SQLite gave
the id of the newest row, once that was deleted, to the next one. New answers are found by their
ids, so that an index of moments goes.

Revision ID: 0009
Revises: 0008
"""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

TABLES_WITH_ID = ("person", "attempt", "experiment", "class", "audit_event", "file_version")

# The rows whose number is not their place in time. With one of a person's attempts at a question
# that is out of its place, the others there hold each other's places: numbers are only exchanged.
FIND_MISPLACED = """
CREATE TEMPORARY TABLE misplaced AS
SELECT id, person_id, question, place FROM (
    SELECT id, person_id, question, number, row_number() OVER (
        PARTITION BY person_id, question ORDER BY answered_at, number
    ) AS place
    FROM attempt
) AS placed
WHERE number <> place
"""
# Twice, so that no two rows have the same number in between.
RENUMBER = (
    "UPDATE attempt SET number = number + 1000000000 WHERE id IN (SELECT id FROM misplaced)",
    "UPDATE attempt SET number = (SELECT place FROM misplaced WHERE misplaced.id = attempt.id)"
    " WHERE id IN (SELECT id FROM misplaced)",
)
REBUILD_STANDINGS = (
    "DELETE FROM standing"
    " WHERE (person_id, question) IN (SELECT person_id, question FROM misplaced)",
    # The numbers are the order in time now.
    """
    INSERT INTO standing (person_id, question, attempts, first_mark, best_mark, latest_mark,
        first_at, latest_at)
    SELECT person_id, question, count(*),
        max(CASE WHEN number = 1 THEN mark END), max(mark),
        max(CASE WHEN number = total THEN mark END), min(answered_at), max(answered_at)
    FROM (
        SELECT attempt.*, count(*) OVER (PARTITION BY person_id, question) AS total FROM attempt
        WHERE (person_id, question) IN (SELECT person_id, question FROM misplaced)
    ) AS counted
    GROUP BY person_id, question
    """,
)


def upgrade() -> None:
    op.execute(FIND_MISPLACED)
    op.execute("CREATE UNIQUE INDEX ix_misplaced ON misplaced (id)")
    for statement in (*RENUMBER, *REBUILD_STANDINGS, "DROP TABLE misplaced"):
        op.execute(statement)
    op.drop_index("ix_standing_latest_at", "standing")
    _remake_tables(autoincrement=True)


def downgrade() -> None:
    """The numbers stay: in 0008 any order of them is allowed."""
    _remake_tables(autoincrement=False)
    op.create_index("ix_standing_latest_at", "standing", ["latest_at"])


def _remake_tables(*, autoincrement: bool) -> None:
    """SQLite keeps the highest id of a table only if the table was made so; PostgreSQL always."""
    if op.get_bind().dialect.name != "sqlite":
        return
    for name in TABLES_WITH_ID:
        with op.batch_alter_table(
            name, recreate="always", table_kwargs={"sqlite_autoincrement": autoincrement}
        ):
            pass
