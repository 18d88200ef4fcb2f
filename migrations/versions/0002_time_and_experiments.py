"""How long an answer took, and when somebody ran an experiment.

Revision ID: 0002
Revises: 0001
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    with op.batch_alter_table("attempt") as table:
        table.add_column(sa.Column("seconds", sa.Float))
        table.create_check_constraint(
            op.f("ck_attempt_seconds_not_negative"), "seconds IS NULL OR seconds >= 0"
        )
    op.create_table(
        "experiment",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("person_id", sa.Integer, nullable=False),
        sa.Column("topic", sa.String(128), nullable=False),
        sa.Column("simulation", sa.String(128), nullable=False),
        sa.Column("started_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_experiment"),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name="fk_experiment_person_id", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_experiment_person_id_topic", "experiment", ["person_id", "topic"])


def downgrade() -> None:
    op.drop_table("experiment")
    with op.batch_alter_table("attempt") as table:
        table.drop_constraint(op.f("ck_attempt_seconds_not_negative"), type_="check")
        table.drop_column("seconds")
