"""Alembic scripts of the directory."""
