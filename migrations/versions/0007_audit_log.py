"""One log of everything that is done to others, in place of the log of roles alone.

Revision ID: 0007
Revises: 0006
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
# Roles are plain words, so this is JSON.
DETAIL = """'{"before": "' || before || '", "after": "' || after || '"}'"""


def upgrade() -> None:
    op.create_table(
        "audit_event",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("action", sa.String(32), nullable=False),
        sa.Column("source", sa.String(8), nullable=False),
        sa.Column("actor_id", sa.Integer),
        sa.Column("actor_email", sa.String(254)),
        sa.Column("subject_id", sa.Integer),
        sa.Column("subject_email", sa.String(254)),
        sa.Column("about", sa.String(512)),
        sa.Column("detail", sa.JSON, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit_event"),
        sa.ForeignKeyConstraint(
            ["actor_id"], ["person.id"], name="fk_audit_event_actor_id", ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["subject_id"], ["person.id"], name="fk_audit_event_subject_id", ondelete="SET NULL"
        ),
        sa.CheckConstraint("action <> ''", name=op.f("ck_audit_event_has_an_action")),
        sa.CheckConstraint(
            "source IN ('web', 'cli', 'server')", name=op.f("ck_audit_event_known_source")
        ),
    )
    for column in ("actor_id", "subject_id", "at"):
        op.create_index(f"ix_audit_event_{column}", "audit_event", [column])
    is_postgresql = op.get_bind().dialect.name == "postgresql"
    detail = f"CAST({DETAIL} AS JSON)" if is_postgresql else DETAIL
    op.execute(
        "INSERT INTO audit_event (at, action, source, actor_id, actor_email, subject_id,"
        " subject_email, detail)"
        " SELECT granted_at, 'role-granted',"
        " CASE WHEN granted_by_email IS NULL THEN 'cli' ELSE 'web' END, granted_by,"
        f" granted_by_email, person_id, email, {detail} FROM role_grant ORDER BY id"
    )
    op.drop_table("role_grant")


def downgrade() -> None:
    """The grants of roles go back; an older version knows no other event, and they are lost."""
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
    is_postgresql = op.get_bind().dialect.name == "postgresql"
    before, after = (
        f"detail->>'{name}'" if is_postgresql else f"json_extract(detail, '$.{name}')"
        for name in ("before", "after")
    )
    op.execute(
        "INSERT INTO role_grant (person_id, email, before, after, granted_by, granted_by_email,"
        " granted_at)"
        f" SELECT subject_id, subject_email, {before}, {after}, actor_id, actor_email, at"
        " FROM audit_event WHERE action = 'role-granted' ORDER BY id"
    )
    op.drop_table("audit_event")
