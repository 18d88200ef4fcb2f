"""Tries of passwords and addresses, counted in the database for all web processes.

Revision ID: 0012
Revises: 0011
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "access_try",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("account_key", sa.String(32), nullable=False),
        sa.Column("source_key", sa.String(32), nullable=False),
        sa.Column("is_stranger", sa.Boolean, nullable=False),
        sa.Column("is_wrong", sa.Boolean, nullable=False),
        sa.Column("tried_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_access_try"),
        sqlite_autoincrement=True,
    )
    for columns in (["account_key", "tried_at"], ["source_key", "tried_at"], ["tried_at"]):
        op.create_index(f"ix_access_try_{'_'.join(columns)}", "access_try", columns)


def downgrade() -> None:
    op.drop_table("access_try")
