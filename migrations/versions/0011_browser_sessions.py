"""Sessions with an identity on the server, in place of one key for all sessions of a person.

The cookies of before have no token of their own: an account's has the person's key, a guest's the
visitor's name. Each person gets one session that these cookies open, so that everybody stays signed
in; all browsers of before share it, and signing out in one of them ends it in all.

Revision ID: 0011
Revises: 0010
"""

import hashlib
from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
NAMES = ("token_hash", "person_id", "browser", "created_at", "last_seen_at")


def upgrade() -> None:
    op.create_table(
        "browser_session",
        sa.Column("token_hash", sa.String(64), nullable=False),
        sa.Column("person_id", sa.Integer, nullable=False),
        sa.Column("browser", sa.String(64), nullable=False, server_default=""),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("last_seen_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("token_hash", name="pk_browser_session"),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name="fk_browser_session_person_id", ondelete="CASCADE"
        ),
    )
    _insert_sessions_of_before()
    # After the rows: an index of all of them at once is made faster than one row at a time.
    for column in ("person_id", "last_seen_at"):
        op.create_index(f"ix_browser_session_{column}", "browser_session", [column])
    op.drop_column("person", "session_key")


def downgrade() -> None:
    """Everybody signs in again: an older version can't tell which of the sessions were ended."""
    op.drop_table("browser_session")
    op.add_column("person", sa.Column("session_key", sa.String(32)))
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    random = (
        "lower(hex(randomblob(16)))" if is_sqlite else "replace(gen_random_uuid()::text, '-', '')"
    )
    op.execute(f"UPDATE person SET session_key = {random}")
    # SQLite makes the table anew, and must go on giving no id twice.
    with op.batch_alter_table("person", table_kwargs={"sqlite_autoincrement": True}) as table:
        table.alter_column("session_key", existing_type=sa.String(32), nullable=False)


def _insert_sessions_of_before() -> None:
    """One statement for all people, as there may be a million of them."""
    person = sa.table(
        "person",
        *(sa.column(name) for name in ("id", "visitor", "email", "absorbed_by", "session_key")),
    )
    session = sa.table(
        "browser_session",
        *(sa.column(name) for name in NAMES[:3]),
        *(sa.column(n, MOMENT) for n in NAMES[3:]),
    )
    now = sa.literal(datetime.now(UTC), MOMENT)
    account_token = sa.cast(person.c.id, sa.String) + "." + person.c.session_key
    token = sa.case((person.c.email.is_not(None), account_token), else_=person.c.visitor)
    rows = sa.select(_hash(token), person.c.id, sa.literal(""), now, now)
    op.execute(session.insert().from_select(NAMES, rows.where(person.c.absorbed_by.is_(None))))


def _hash(token: sa.ColumnElement[str]) -> sa.ColumnElement[str]:
    """The SHA-256 of a text, in hex."""
    connection = op.get_bind()
    if connection.dialect.name == "postgresql":
        return sa.func.encode(sa.func.sha256(sa.func.convert_to(token, "UTF8")), "hex")
    connection.connection.create_function(
        "sha256_hex", 1, lambda text: hashlib.sha256(text.encode()).hexdigest(), deterministic=True
    )
    return sa.func.sha256_hex(token)
