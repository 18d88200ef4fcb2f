"""The tables of what people did: precious, durable, and changed only through migrations.

Invariants are named constraints of the database, so that no code path can break them.
"""

from __future__ import annotations

from datetime import UTC, datetime

import sqlalchemy as sa

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

ROLES = ("learner", "author", "instructor", "admin")


class Instant(sa.TypeDecorator[datetime]):
    """A moment in UTC. SQLite keeps no time zone, so it is taken off on the way in and put back."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a stored moment needs a time zone")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


# A guest is a person without an address; signing up adds one and changes nothing else.
person = sa.Table(
    "person",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("visitor", sa.String(64), nullable=False, unique=True),
    sa.Column("email", sa.String(254), unique=True),
    sa.Column("password_hash", sa.String(255)),
    sa.Column("role", sa.String(16), nullable=False, server_default="learner"),
    # Random, and part of every session: a new one ends the old sessions, and a row that takes the
    # number of a deleted one can't be entered with the old one's cookie.
    sa.Column("session_key", sa.String(32), nullable=False),
    # A guest who signed in to an account stays as a row that only says so: an answer that is still
    # on its way under the guest's token must not make a new guest whom nobody will find.
    sa.Column("absorbed_by", sa.ForeignKey("person.id", ondelete="CASCADE")),
    sa.Column("created_at", Instant, nullable=False),
    sa.CheckConstraint(
        "(email IS NULL) = (password_hash IS NULL)", name="address_and_password_together"
    ),
    sa.CheckConstraint("absorbed_by IS NULL OR email IS NULL", name="only_guests_are_absorbed"),
    sa.CheckConstraint("role IN ('learner', 'author', 'instructor', 'admin')", name="known_role"),
)

# The text each attempt was answered under, kept for good: mending a typo never rewrites history.
question_version = sa.Table(
    "question_version",
    metadata,
    sa.Column("question", sa.String(128), primary_key=True),
    sa.Column("version", sa.String(16), primary_key=True),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("first_answered_at", Instant, nullable=False),
)

attempt = sa.Table(
    "attempt",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("person_id", sa.ForeignKey("person.id", ondelete="CASCADE"), nullable=False),
    sa.Column("question", sa.String(128), nullable=False),
    sa.Column("version", sa.String(16), nullable=False),
    # The how-manieth attempt of this person at this question; with the person and the question it
    # is the idempotency key of the submission.
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("shown", sa.JSON, nullable=False),
    sa.Column("chosen", sa.JSON, nullable=False),
    sa.Column("right", sa.Boolean, nullable=False),
    sa.Column("mark", sa.Float, nullable=False),
    sa.Column("hints_seen", sa.Integer, nullable=False, server_default="0"),
    sa.Column("answered_at", Instant, nullable=False),
    sa.UniqueConstraint("person_id", "question", "number"),
    sa.ForeignKeyConstraint(
        ["question", "version"], ["question_version.question", "question_version.version"]
    ),
    sa.CheckConstraint("number >= 1", name="number_from_one"),
    sa.CheckConstraint("mark >= 0 AND mark <= 1", name="mark_is_a_fraction"),
    sa.CheckConstraint("hints_seen >= 0", name="hints_not_negative"),
)

# A summary of the attempts, written in the same transaction; it can be rebuilt from them.
standing = sa.Table(
    "standing",
    metadata,
    sa.Column("person_id", sa.ForeignKey("person.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("question", sa.String(128), primary_key=True),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("first_mark", sa.Float, nullable=False),
    sa.Column("best_mark", sa.Float, nullable=False),
    sa.Column("latest_mark", sa.Float, nullable=False),
    sa.Column("first_at", Instant, nullable=False),
    sa.Column("latest_at", Instant, nullable=False),
    sa.CheckConstraint("attempts >= 1", name="at_least_one_attempt"),
    sa.CheckConstraint(
        "best_mark >= first_mark AND best_mark >= latest_mark", name="best_is_the_best"
    ),
)
