"""Rows about messages, one SQLite file per account, rebuildable from the files."""
