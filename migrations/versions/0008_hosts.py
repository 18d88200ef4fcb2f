"""Which processes serve the site, and which files of the content folder are current.

Revision ID: 0008
Revises: 0007
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "host_process",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("machine", sa.String(64), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("version", sa.String(32), nullable=False),
        sa.Column("key_fingerprint", sa.String(64), nullable=False),
        sa.Column("content_digest", sa.String(64)),
        sa.Column("differing_count", sa.Integer, nullable=False, server_default="0"),
        sa.Column("differing_paths", sa.JSON, nullable=False),
        sa.Column("started_at", MOMENT, nullable=False),
        sa.Column("seen_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_host_process"),
    )
    op.create_table(
        "content_release",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("origin", sa.String(8), nullable=False),
        sa.Column("host_name", sa.String(255), nullable=False),
        sa.Column("person_id", sa.Integer),
        sa.Column("files_changed", sa.Integer, nullable=False),
        sa.Column("released_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_content_release"),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name="fk_content_release_person_id", ondelete="SET NULL"
        ),
        sa.CheckConstraint(
            "origin IN ('browser', 'disk', 'command')", name=op.f("ck_content_release_known_origin")
        ),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "content_file",
        sa.Column("path", sa.String(512), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("release_id", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("path", name="pk_content_file"),
        sa.ForeignKeyConstraint(
            ["release_id"], ["content_release.id"], name="fk_content_file_release_id"
        ),
    )


def downgrade() -> None:
    for table in ("content_file", "content_release", "host_process"):
        op.drop_table(table)
