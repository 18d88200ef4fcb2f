"""Drafts of authors, and the versions of the files that they published.

Revision ID: 0005
Revises: 0004
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "draft",
        sa.Column("path", sa.String(512), nullable=False),
        sa.Column("person_id", sa.Integer, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("base", sa.String(64)),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("path", "person_id", name="pk_draft"),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name="fk_draft_person_id", ondelete="CASCADE"
        ),
    )
    op.create_table(
        "file_version",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("path", sa.String(512), nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("origin", sa.String(8), nullable=False),
        sa.Column("person_id", sa.Integer),
        sa.Column("email", sa.String(254)),
        sa.Column("saved_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_file_version"),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name="fk_file_version_person_id", ondelete="SET NULL"
        ),
        sa.CheckConstraint(
            "origin IN ('browser', 'disk')", name=op.f("ck_file_version_known_origin")
        ),
    )
    op.create_index("ix_file_version_path_id", "file_version", ["path", "id"])


def downgrade() -> None:
    op.drop_table("file_version")
    op.drop_table("draft")
