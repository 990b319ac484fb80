"""Alembic's way into the store: the connection comes from `Store`, the tables from `schema`."""

from alembic import context

from windtunnel.emr.schema import Base

context.configure(
    connection=context.config.attributes["connection"], target_metadata=Base.metadata, render_as_batch=True
)
with context.begin_transaction():
    context.run_migrations()
