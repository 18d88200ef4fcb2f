"""The tables of the precious database: people, attempts, reports, classes, the log, texts, hosts.

They are durable and changed only through migrations. Invariants are named constraints of the
database, so that no code path can break them. No id is ever given twice, also by SQLite: caches and
addresses remember ids of rows that were deleted.
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

FORMER_TABLES = ("role_grant",)
"""Tables that earlier revisions had: a backup of such a database holds them."""

PROCESS_TABLES = ("host_process",)
"""What processes say of themselves while they run: a backup has none of their rows."""

HOST_TABLES = ("host_process", "content_release", "content_file", "maintenance", "access_try")
"""What servers write without anybody's work: a database with rows there alone is still empty."""


class Instant(sa.TypeDecorator[datetime]):
    """A moment in UTC. SQLite stores no time zone: it is removed on writing, added on reading."""

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


# A guest is a person without an email address; signing up adds one and changes nothing else.
person = sa.Table(
    "person",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("visitor", sa.String(64), nullable=False, unique=True),
    sa.Column("email", sa.String(254), unique=True),
    sa.Column("password_hash", sa.String(255)),
    sa.Column("role", sa.String(16), nullable=False, server_default="learner"),
    # The account into which a guest's attempts were merged. The guest's row stays, so that an
    # answer that still comes with the guest's cookie makes no new guest.
    sa.Column("absorbed_by", sa.ForeignKey("person.id", ondelete="CASCADE")),
    sa.Column("created_at", Instant, nullable=False),
    # The database looks here whenever a person is deleted; so in the other tables of people below.
    sa.Index("ix_person_absorbed_by", "absorbed_by"),
    sa.CheckConstraint(
        "(email IS NULL) = (password_hash IS NULL)", name="address_and_password_together"
    ),
    sa.CheckConstraint("absorbed_by IS NULL OR email IS NULL", name="only_guests_are_absorbed"),
    sa.CheckConstraint("role IN ('learner', 'author', 'instructor', 'admin')", name="known_role"),
    sqlite_autoincrement=True,
)

# What one browser and one person have until it is ended. The key is the SHA-256 of the token in the
# browser's cookie: whoever reads the database can't make a cookie of it.
browser_session = sa.Table(
    "browser_session",
    metadata,
    sa.Column("token_hash", sa.String(64), primary_key=True),
    sa.Column("person_id", sa.ForeignKey("person.id", ondelete="CASCADE"), nullable=False),
    # In a few words, such as "Firefox on Linux".
    sa.Column("browser", sa.String(64), nullable=False, server_default=""),
    sa.Column("created_at", Instant, nullable=False),
    # Written at most once in some minutes.
    sa.Column("last_seen_at", Instant, nullable=False),
    sa.Index("ix_browser_session_person_id", "person_id"),
    sa.Index("ix_browser_session_last_seen_at", "last_seen_at"),
)

# Passwords and addresses that were tried within the last hour or so, to count them for all web
# processes. The keys are digests that only the server's key makes. What is tried is counted before
# it is looked at, as wrong.
access_try = sa.Table(
    "access_try",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("account_key", sa.String(32), nullable=False),
    # A client's address, or a browser in which somebody signed in to the account before.
    sa.Column("source_key", sa.String(32), nullable=False),
    sa.Column("is_stranger", sa.Boolean, nullable=False),
    sa.Column("is_wrong", sa.Boolean, nullable=False),
    sa.Column("tried_at", Instant, nullable=False),
    sa.Index("ix_access_try_account_key_tried_at", "account_key", "tried_at"),
    sa.Index("ix_access_try_source_key_tried_at", "source_key", "tried_at"),
    sa.Index("ix_access_try_tried_at", "tried_at"),
    sqlite_autoincrement=True,
)

# The text under which each attempt was answered, never deleted: fixing a typo changes no history.
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
    # The attempts of a person at a question are numbered from 1 in the order of their moments; with
    # the person and the question the number is the idempotency key of the submission.
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("shown", sa.JSON, nullable=False),
    sa.Column("chosen", sa.JSON, nullable=False),
    sa.Column("right", sa.Boolean, nullable=False),
    sa.Column("mark", sa.Float, nullable=False),
    sa.Column("hints_seen", sa.Integer, nullable=False, server_default="0"),
    sa.Column("answered_at", Instant, nullable=False),
    # Since the question was first shown for this attempt; NULL for a form without a valid seal.
    sa.Column("seconds", sa.Float),
    sa.UniqueConstraint("person_id", "question", "number"),
    sa.ForeignKeyConstraint(
        ["question", "version"], ["question_version.question", "question_version.version"]
    ),
    sa.CheckConstraint("number >= 1", name="number_from_one"),
    sa.CheckConstraint("mark >= 0 AND mark <= 1", name="mark_is_a_fraction"),
    sa.CheckConstraint("hints_seen >= 0", name="hints_not_negative"),
    sa.CheckConstraint("seconds IS NULL OR seconds >= 0", name="seconds_not_negative"),
    sqlite_autoincrement=True,
)

# When the answer to a question was shown to a person, and what caused it: a right answer, their own
# wish, or a rule (of the question or a class; the migration that made this table; perhaps without
# any attempt). Written in the transaction that caused it; what was answered later has no mark.
reveal = sa.Table(
    "reveal",
    metadata,
    sa.Column("person_id", sa.ForeignKey("person.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("question", sa.String(128), primary_key=True),
    sa.Column("revealed_at", Instant, nullable=False),
    sa.Column("why", sa.String(8), nullable=False),
    sa.CheckConstraint("why IN ('right', 'asked', 'rule')", name="known_reason"),
    sqlite_with_rowid=False,
)

# A summary of the attempts and the reveal, written in the same transaction; it can be rebuilt from
# them. First and latest are meant in time. The marks are of the attempts that were made before the
# answer was shown, NULL where there is none; the number and the moments are of all attempts.
standing = sa.Table(
    "standing",
    metadata,
    sa.Column("person_id", sa.ForeignKey("person.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("question", sa.String(128), primary_key=True),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("first_mark", sa.Float),
    sa.Column("best_mark", sa.Float),
    sa.Column("latest_mark", sa.Float),
    sa.Column("first_at", Instant, nullable=False),
    sa.Column("latest_at", Instant, nullable=False),
    sa.CheckConstraint("attempts >= 1", name="at_least_one_attempt"),
    sa.CheckConstraint(
        "best_mark >= first_mark AND best_mark >= latest_mark", name="best_is_the_best"
    ),
    sa.CheckConstraint(
        "(first_mark IS NULL) = (best_mark IS NULL)"
        " AND (latest_mark IS NULL) = (best_mark IS NULL)",
        name="marks_together",
    ),
    # SQLite then stores the rows of a learner together: the totals of a class of 5,000 are computed
    # 12 times as fast as from rows in the order of the answers.
    sqlite_with_rowid=False,
)

# When a person ran a simulation. The curves can be computed again and are in
# the computed store.
experiment = sa.Table(
    "experiment",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("person_id", sa.ForeignKey("person.id", ondelete="CASCADE"), nullable=False),
    sa.Column("topic", sa.String(128), nullable=False),
    sa.Column("simulation", sa.String(128), nullable=False),
    sa.Column("started_at", Instant, nullable=False),
    sa.Index("ix_experiment_person_id_topic", "person_id", "topic"),
    sqlite_autoincrement=True,
)

# What a learner says is wrong with a question, for its authors. ``stage`` is the state that the
# question was in for them. ``version`` is the text that they had before them, NULL where that had
# been edited meanwhile. A report is open until somebody closes it.
question_report = sa.Table(
    "question_report",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("person_id", sa.ForeignKey("person.id", ondelete="CASCADE"), nullable=False),
    sa.Column("question", sa.String(128), nullable=False),
    sa.Column("version", sa.String(16)),
    sa.Column("stage", sa.String(8), nullable=False),
    sa.Column("text", sa.String(1000), nullable=False),
    sa.Column("reported_at", Instant, nullable=False),
    sa.Column("closed_at", Instant),
    sa.Column("closed_by", sa.ForeignKey("person.id", ondelete="SET NULL")),
    sa.CheckConstraint("stage IN ('open', 'tried', 'revealed')", name="known_stage"),
    sa.CheckConstraint("text <> ''", name="has_a_text"),
    sa.CheckConstraint(
        "closed_by IS NULL OR closed_at IS NOT NULL", name="closed_by_whoever_closed_it"
    ),
    sa.Index("ix_question_report_person_id_question", "person_id", "question"),
    sa.Index("ix_question_report_question_id", "question", "id"),
    sa.Index("ix_question_report_closed_by", "closed_by"),
    sqlite_autoincrement=True,
)

# A class whose code is NULL is closed: nobody can join it. ``reveal`` says when its learners are
# shown the answers to its topics' questions; where it is NULL, each question does.
class_ = sa.Table(
    "class",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("title", sa.String(200), nullable=False),
    sa.Column("join_code", sa.String(16), unique=True),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("reveal", sa.String(8)),
    sa.CheckConstraint("title <> ''", name="has_a_title"),
    sa.CheckConstraint("reveal IN ('tried', 'at-once')", name="known_reveal"),
    sqlite_autoincrement=True,
)

# The row of a learner who left or was removed stays, and the work with it, so that joining again
# brings everything back.
member = sa.Table(
    "member",
    metadata,
    sa.Column("class_id", sa.ForeignKey("class.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("person_id", sa.ForeignKey("person.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("role", sa.String(16), nullable=False),
    # The name in the class, chosen on joining; empty means the email address.
    sa.Column("name", sa.String(100), nullable=False, server_default=""),
    sa.Column("state", sa.String(8), nullable=False, server_default="active"),
    sa.Column("joined_at", Instant, nullable=False),
    sa.Column("state_since", Instant, nullable=False),
    sa.CheckConstraint("role IN ('learner', 'instructor')", name="known_role"),
    sa.CheckConstraint("state IN ('active', 'left', 'removed')", name="known_state"),
    sa.Index("ix_member_person_id", "person_id"),
)

class_topic = sa.Table(
    "class_topic",
    metadata,
    sa.Column("class_id", sa.ForeignKey("class.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("topic", sa.String(128), primary_key=True),
    sa.Column("position", sa.Integer, nullable=False),
    sa.Column("due_at", Instant),
)

# The audit log. It has email addresses too, as it outlives the accounts; what the server or its
# command line did has no person: NULL. Events are only ever added.
audit_event = sa.Table(
    "audit_event",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("at", Instant, nullable=False),
    sa.Column("action", sa.String(32), nullable=False),
    sa.Column("source", sa.String(8), nullable=False),
    sa.Column("actor_id", sa.ForeignKey("person.id", ondelete="SET NULL")),
    sa.Column("actor_email", sa.String(254)),
    sa.Column("subject_id", sa.ForeignKey("person.id", ondelete="SET NULL")),
    sa.Column("subject_email", sa.String(254)),
    # The thing it was done to: the path of a page, the title of a class.
    sa.Column("about", sa.String(512)),
    sa.Column("detail", sa.JSON, nullable=False),
    sa.CheckConstraint("action <> ''", name="has_an_action"),
    sa.CheckConstraint("source IN ('web', 'cli', 'server')", name="known_source"),
    sa.Index("ix_audit_event_actor_id", "actor_id"),
    sa.Index("ix_audit_event_subject_id", "subject_id"),
    sa.Index("ix_audit_event_at", "at"),
    sqlite_autoincrement=True,
)

# Unpublished text, at most one for each author and file. ``base`` is the digest of the file that it
# was begun from (NULL: there was none), so that a change that another author publishes meanwhile is
# noticed.
draft = sa.Table(
    "draft",
    metadata,
    sa.Column("path", sa.String(512), primary_key=True),
    sa.Column("person_id", sa.ForeignKey("person.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("base", sa.String(64)),
    sa.Column("updated_at", Instant, nullable=False),
    sa.Index("ix_draft_person_id", "person_id"),
)

# Every text of a file of the content folder that was published in the browser, and every text on
# the disk that a draft was begun from or that was replaced.
file_version = sa.Table(
    "file_version",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("path", sa.String(512), nullable=False),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("digest", sa.String(64), nullable=False),
    sa.Column("origin", sa.String(8), nullable=False),
    sa.Column("person_id", sa.ForeignKey("person.id", ondelete="SET NULL")),
    sa.Column("email", sa.String(254)),
    sa.Column("saved_at", Instant, nullable=False),
    sa.CheckConstraint("origin IN ('browser', 'disk')", name="known_origin"),
    sa.Index("ix_file_version_path_id", "path", "id"),
    sa.Index("ix_file_version_person_id", "person_id"),
    sqlite_autoincrement=True,
)

# One web process, as it states itself: a row from its start to its end. ``machine`` is a digest
# that all processes of one host and data folder share. ``content_digest`` is of all that it serves,
# NULL until it has read that; ``differing_…`` say in how many files, and in which first few, that
# is not the current content. The workers state themselves in the store of runs.
host_process = sa.Table(
    "host_process",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("machine", sa.String(64), nullable=False),
    sa.Column("name", sa.String(255), nullable=False),
    sa.Column("version", sa.String(32), nullable=False),
    sa.Column("key_fingerprint", sa.String(64), nullable=False),
    sa.Column("content_digest", sa.String(64)),
    sa.Column("differing_count", sa.Integer, nullable=False, server_default="0"),
    sa.Column("differing_paths", sa.JSON, nullable=False),
    sa.Column("started_at", Instant, nullable=False),
    sa.Column("seen_at", Instant, nullable=False),
)

# Each change of what is current in the content folder: from where and by whom. ``digest`` is of all
# files together, as it was from then on. An id is never used again: the newest has the highest.
content_release = sa.Table(
    "content_release",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("digest", sa.String(64), nullable=False),
    sa.Column("origin", sa.String(8), nullable=False),
    sa.Column("host_name", sa.String(255), nullable=False),
    sa.Column("person_id", sa.ForeignKey("person.id", ondelete="SET NULL")),
    sa.Column("files_changed", sa.Integer, nullable=False),
    sa.Column("released_at", Instant, nullable=False),
    sa.CheckConstraint("origin IN ('browser', 'disk', 'command')", name="known_origin"),
    sa.Index("ix_content_release_person_id", "person_id"),
    sqlite_autoincrement=True,
)

# The files that are current, each with the release that made it so. Of a page, ``digest`` is of the
# text that is served; its first 16 digits are the version that attempts name.
content_file = sa.Table(
    "content_file",
    metadata,
    sa.Column("path", sa.String(512), primary_key=True),
    sa.Column("digest", sa.String(64), nullable=False),
    sa.Column("release_id", sa.ForeignKey("content_release.id"), nullable=False),
)

# Work that one process of a server does now and then, and when one last took it up.
maintenance = sa.Table(
    "maintenance",
    metadata,
    sa.Column("task", sa.String(32), primary_key=True),
    sa.Column("claimed_at", Instant, nullable=False),
)
