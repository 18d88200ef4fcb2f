"""Alembic's entry: runs the migrations on the connection that quizserver.db.migrate hands over."""

from alembic import context

from quizserver.db.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
