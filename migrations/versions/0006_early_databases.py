"""What a database lacks that was made before its revision had its final form.

In the project's first hours 0001 and 0003 were changed after servers had run them. Whoever has such
a database gets the columns and the index that are missing; every other one stays as it is.

Revision ID: 0006
Revises: 0005
"""

import secrets

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    found = sa.inspect(op.get_bind())
    columns = {column["name"] for column in found.get_columns("person")}
    if "session_key" not in columns:
        _complete_person()
    indexes = {index["name"] for index in found.get_indexes("standing")}
    if "ix_standing_latest_at" not in indexes:
        op.create_index("ix_standing_latest_at", "standing", ["latest_at"])


def downgrade() -> None:
    """Nothing is taken away: 0005 as it is now has all of it."""


def _complete_person() -> None:
    with op.batch_alter_table("person") as table:
        table.add_column(sa.Column("session_key", sa.String(32)))
        table.add_column(sa.Column("absorbed_by", sa.Integer))
        table.drop_column("session_version")
    # Everybody signs in once more: the sessions of that time can't be told apart safely.
    person = sa.table("person", sa.column("id"), sa.column("session_key"))
    connection = op.get_bind()
    for (number,) in connection.execute(sa.select(person.c.id)).all():
        connection.execute(
            sa.update(person)
            .where(person.c.id == number)
            .values(session_key=secrets.token_urlsafe(18))
        )
    with op.batch_alter_table("person") as table:
        table.alter_column("session_key", existing_type=sa.String(32), nullable=False)
        table.create_foreign_key(
            "fk_person_absorbed_by", "person", ["absorbed_by"], ["id"], ondelete="CASCADE"
        )
        table.create_check_constraint(
            op.f("ck_person_only_guests_are_absorbed"), "absorbed_by IS NULL OR email IS NULL"
        )
