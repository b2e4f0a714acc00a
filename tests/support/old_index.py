"""An index file as the first version of the program had it."""

import re
import sqlite3

from optimails.index.schema import UPGRADES


def make_old(connection: sqlite3.Connection) -> None:
    """Take away what later versions added."""
    for statements in UPGRADES.values():
        for statement in statements():
            added = re.match(r"\s*CREATE TABLE (\w+)", statement)
            if added:
                connection.execute(f"DROP TABLE {added[1]}")
    connection.execute("PRAGMA user_version = 1")
