"""Run by Alembic with the connection that ``optimails.directory.migrate`` hands over."""

from alembic import context

from optimails.directory.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,  # the caller's transaction covers everything, on SQLite too
    render_as_batch=True,
)
context.run_migrations()
