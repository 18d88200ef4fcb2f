"""People, the versions of questions, attempts and standings.

Revision ID: 0001
Revises:
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "person",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("visitor", sa.String(64), nullable=False),
        sa.Column("email", sa.String(254)),
        sa.Column("password_hash", sa.String(255)),
        sa.Column("role", sa.String(16), nullable=False, server_default="learner"),
        sa.Column("session_key", sa.String(32), nullable=False),
        sa.Column("absorbed_by", sa.Integer),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_person"),
        sa.UniqueConstraint("visitor", name="uq_person_visitor"),
        sa.UniqueConstraint("email", name="uq_person_email"),
        sa.ForeignKeyConstraint(
            ["absorbed_by"], ["person.id"], name="fk_person_absorbed_by", ondelete="CASCADE"
        ),
        sa.CheckConstraint(
            "absorbed_by IS NULL OR email IS NULL",
            name=op.f("ck_person_only_guests_are_absorbed"),
        ),
        sa.CheckConstraint(
            "(email IS NULL) = (password_hash IS NULL)",
            name=op.f("ck_person_address_and_password_together"),
        ),
        sa.CheckConstraint(
            "role IN ('learner', 'author', 'instructor', 'admin')",
            name=op.f("ck_person_known_role"),
        ),
    )
    op.create_table(
        "question_version",
        sa.Column("question", sa.String(128), nullable=False),
        sa.Column("version", sa.String(16), nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("first_answered_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("question", "version", name="pk_question_version"),
    )
    op.create_table(
        "attempt",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("person_id", sa.Integer, nullable=False),
        sa.Column("question", sa.String(128), nullable=False),
        sa.Column("version", sa.String(16), nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("shown", sa.JSON, nullable=False),
        sa.Column("chosen", sa.JSON, nullable=False),
        sa.Column("right", sa.Boolean, nullable=False),
        sa.Column("mark", sa.Float, nullable=False),
        sa.Column("hints_seen", sa.Integer, nullable=False, server_default="0"),
        sa.Column("answered_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_attempt"),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name="fk_attempt_person_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["question", "version"],
            ["question_version.question", "question_version.version"],
            name="fk_attempt_question_version",
        ),
        sa.UniqueConstraint(
            "person_id", "question", "number", name="uq_attempt_person_id_question_number"
        ),
        sa.CheckConstraint("number >= 1", name=op.f("ck_attempt_number_from_one")),
        sa.CheckConstraint("mark >= 0 AND mark <= 1", name=op.f("ck_attempt_mark_is_a_fraction")),
        sa.CheckConstraint("hints_seen >= 0", name=op.f("ck_attempt_hints_not_negative")),
    )
    op.create_table(
        "standing",
        sa.Column("person_id", sa.Integer, nullable=False),
        sa.Column("question", sa.String(128), nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("first_mark", sa.Float, nullable=False),
        sa.Column("best_mark", sa.Float, nullable=False),
        sa.Column("latest_mark", sa.Float, nullable=False),
        sa.Column("first_at", MOMENT, nullable=False),
        sa.Column("latest_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("person_id", "question", name="pk_standing"),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name="fk_standing_person_id", ondelete="CASCADE"
        ),
        sa.CheckConstraint("attempts >= 1", name=op.f("ck_standing_at_least_one_attempt")),
        sa.CheckConstraint(
            "best_mark >= first_mark AND best_mark >= latest_mark",
            name=op.f("ck_standing_best_is_the_best"),
        ),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    op.drop_table("standing")
    op.drop_table("attempt")
    op.drop_table("question_version")
    op.drop_table("person")
