"""What learners say is wrong with a question, for its authors.

Revision ID: 0014
Revises: 0013
"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "question_report",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("person_id", sa.Integer, nullable=False),
        sa.Column("question", sa.String(128), nullable=False),
        sa.Column("version", sa.String(16)),
        sa.Column("stage", sa.String(8), nullable=False),
        sa.Column("text", sa.String(1000), nullable=False),
        sa.Column("reported_at", MOMENT, nullable=False),
        sa.Column("closed_at", MOMENT),
        sa.Column("closed_by", sa.Integer),
        sa.PrimaryKeyConstraint("id", name="pk_question_report"),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name="fk_question_report_person_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["closed_by"], ["person.id"], name="fk_question_report_closed_by", ondelete="SET NULL"
        ),
        sa.CheckConstraint(
            "stage IN ('open', 'tried', 'revealed')", name=op.f("ck_question_report_known_stage")
        ),
        sa.CheckConstraint("text <> ''", name=op.f("ck_question_report_has_a_text")),
        sa.CheckConstraint(
            "closed_by IS NULL OR closed_at IS NOT NULL",
            name=op.f("ck_question_report_closed_by_whoever_closed_it"),
        ),
        sqlite_autoincrement=True,
    )
    for columns in (("person_id", "question"), ("question", "id"), ("closed_by",)):
        name = f"ix_question_report_{'_'.join(columns)}"
        op.create_index(name, "question_report", list(columns))


def downgrade() -> None:
    """The reports are lost: an older version has no place for them."""
    op.drop_table("question_report")
