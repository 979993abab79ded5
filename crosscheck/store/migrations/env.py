"""Runs the steps on the connection that it is given, with the triggers away meanwhile and made anew afterwards."""

from __future__ import annotations

from alembic import context

from crosscheck.store.tables import Kept
from crosscheck.store.triggers import protect, release

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=Kept.metadata,
    render_as_batch=True,
    compare_type=True,
    transactional_ddl=False,
)
release(connection)
context.run_migrations()
protect(connection)
