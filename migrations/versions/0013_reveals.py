"""When the answer to a question was shown to a person; marks are of what was answered before.

Until now every answer showed it. What was answered so far gets this migration's moment, so that no
mark changes.

Revision ID: 0013
Revises: 0012
"""

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
MARKS = ("first_mark", "best_mark", "latest_mark")
# Of an attempt that another machine's clock put after this moment, that one.
INSERT_REVEALS = """
INSERT INTO reveal (person_id, question, revealed_at, why)
SELECT person_id, question, CASE WHEN max(answered_at) > :now THEN max(answered_at) ELSE :now END,
    'rule'
FROM attempt GROUP BY person_id, question
"""
# The marks of all attempts again, whose numbers are their order in time.
SUM_UP_ALL_ATTEMPTS = """
UPDATE standing SET
    first_mark = (SELECT mark FROM attempt WHERE attempt.person_id = standing.person_id
        AND attempt.question = standing.question ORDER BY number LIMIT 1),
    best_mark = (SELECT max(mark) FROM attempt WHERE attempt.person_id = standing.person_id
        AND attempt.question = standing.question),
    latest_mark = (SELECT mark FROM attempt WHERE attempt.person_id = standing.person_id
        AND attempt.question = standing.question ORDER BY number DESC LIMIT 1)
"""


def upgrade() -> None:
    op.create_table(
        "reveal",
        sa.Column("person_id", sa.Integer, nullable=False),
        sa.Column("question", sa.String(128), nullable=False),
        sa.Column("revealed_at", MOMENT, nullable=False),
        sa.Column("why", sa.String(8), nullable=False),
        sa.PrimaryKeyConstraint("person_id", "question", name="pk_reveal"),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name="fk_reveal_person_id", ondelete="CASCADE"
        ),
        sa.CheckConstraint(
            "why IN ('right', 'asked', 'rule')", name=op.f("ck_reveal_known_reason")
        ),
        sqlite_with_rowid=False,
    )
    now = datetime.now(UTC)
    if op.get_bind().dialect.name == "sqlite":  # which stores no time zone
        now = now.replace(tzinfo=None)
    insert = sa.text(INSERT_REVEALS).bindparams(sa.bindparam("now", now, MOMENT))
    op.get_bind().execute(insert)
    with op.batch_alter_table("standing", table_kwargs={"sqlite_with_rowid": False}) as table:
        for name in MARKS:
            table.alter_column(name, existing_type=sa.Float, nullable=True)
        table.create_check_constraint(
            op.f("ck_standing_marks_together"),
            "(first_mark IS NULL) = (best_mark IS NULL)"
            " AND (latest_mark IS NULL) = (best_mark IS NULL)",
        )
    with op.batch_alter_table("class", table_kwargs={"sqlite_autoincrement": True}) as table:
        table.add_column(sa.Column("reveal", sa.String(8)))
        table.create_check_constraint(
            op.f("ck_class_known_reveal"), "reveal IN ('tried', 'at-once')"
        )


def downgrade() -> None:
    """Every attempt counts again, as it did."""
    op.execute(SUM_UP_ALL_ATTEMPTS)
    with op.batch_alter_table("class", table_kwargs={"sqlite_autoincrement": True}) as table:
        table.drop_constraint(op.f("ck_class_known_reveal"), type_="check")
        table.drop_column("reveal")
    with op.batch_alter_table("standing", table_kwargs={"sqlite_with_rowid": False}) as table:
        table.drop_constraint(op.f("ck_standing_marks_together"), type_="check")
        for name in MARKS:
            table.alter_column(name, existing_type=sa.Float, nullable=False)
    op.drop_table("reveal")
