"""Rows of calendars, address books and task lists, one SQLite file per account. Unlike the mail index, the record."""
