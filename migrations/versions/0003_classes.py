"""Classes, their members and their topics.

Revision ID: 0003
Revises: 0002
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "class",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("title", sa.String(200), nullable=False),
        sa.Column("join_code", sa.String(16)),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_class"),
        sa.UniqueConstraint("join_code", name="uq_class_join_code"),
        sa.CheckConstraint("title <> ''", name=op.f("ck_class_has_a_title")),
    )
    op.create_table(
        "member",
        sa.Column("class_id", sa.Integer, nullable=False),
        sa.Column("person_id", sa.Integer, nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("name", sa.String(100), nullable=False, server_default=""),
        sa.Column("state", sa.String(8), nullable=False, server_default="active"),
        sa.Column("joined_at", MOMENT, nullable=False),
        sa.Column("state_since", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("class_id", "person_id", name="pk_member"),
        sa.ForeignKeyConstraint(
            ["class_id"], ["class.id"], name="fk_member_class_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name="fk_member_person_id", ondelete="CASCADE"
        ),
        sa.CheckConstraint("role IN ('learner', 'instructor')", name=op.f("ck_member_known_role")),
        sa.CheckConstraint(
            "state IN ('active', 'left', 'removed')", name=op.f("ck_member_known_state")
        ),
    )
    op.create_index("ix_member_person_id", "member", ["person_id"])
    op.create_table(
        "class_topic",
        sa.Column("class_id", sa.Integer, nullable=False),
        sa.Column("topic", sa.String(128), nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("due_at", MOMENT),
        sa.PrimaryKeyConstraint("class_id", "topic", name="pk_class_topic"),
        sa.ForeignKeyConstraint(
            ["class_id"], ["class.id"], name="fk_class_topic_class_id", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_standing_latest_at", "standing", ["latest_at"])


def downgrade() -> None:
    op.drop_index("ix_standing_latest_at", "standing")
    op.drop_table("class_topic")
    op.drop_table("member")
    op.drop_table("class")
