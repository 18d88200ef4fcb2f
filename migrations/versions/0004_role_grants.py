"""Who granted whom which role.

Revision ID: 0004
Revises: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "role_grant",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("person_id", sa.Integer),
        sa.Column("email", sa.String(254), nullable=False),
        sa.Column("before", sa.String(16), nullable=False),
        sa.Column("after", sa.String(16), nullable=False),
        sa.Column("granted_by", sa.Integer),
        sa.Column("granted_by_email", sa.String(254)),
        sa.Column("granted_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_role_grant"),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name="fk_role_grant_person_id", ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["granted_by"], ["person.id"], name="fk_role_grant_granted_by", ondelete="SET NULL"
        ),
        sa.CheckConstraint("before <> after", name=op.f("ck_role_grant_changes_something")),
    )


def downgrade() -> None:
    op.drop_table("role_grant")
