"""When old data was last deleted, and indexes for deleting people.

Without them, each person's deletion reads these tables whole, to find who refers to them.

Revision ID: 0010
Revises: 0009
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

INDEXES = (
    ("person", "absorbed_by"),
    ("draft", "person_id"),
    ("file_version", "person_id"),
    ("content_release", "person_id"),
)


def upgrade() -> None:
    op.create_table(
        "maintenance",
        sa.Column("task", sa.String(32), nullable=False),
        sa.Column("claimed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("task", name="pk_maintenance"),
    )
    for table, column in INDEXES:
        op.create_index(f"ix_{table}_{column}", table, [column])


def downgrade() -> None:
    for table, column in INDEXES:
        op.drop_index(f"ix_{table}_{column}", table)
    op.drop_table("maintenance")
