"""What an account keeps about collections of others that it sees in its own home: its own name for them, its colour.

The owner's collection is as it is; each viewer shows it in his own way, which is kept in his own file.
"""

from collections.abc import Mapping
from dataclasses import replace

from optimails.groupware.account import AccountGroupware
from optimails.groupware.api import Collection
from optimails.index.database import storage_errors
from optimails.index.groupware import visited
from optimails.index.groupware.collections import SETTABLE
from optimails.model.errors import Reason, Refused

MAX_KEPT = 100  # values for one collection
OWN = tuple(name for name in SETTABLE if name != "components")
"""Columns of a collection of which each viewer has his own."""


@storage_errors
def kept(account: AccountGroupware) -> dict[str, dict[str, str]]:
    """By the collections' object ids: columns of ``OWN`` and, by {namespace}name, what clients keep there."""
    found: dict[str, dict[str, str]] = {}
    with account.database.read() as connection:
        for object_id, name, value in visited.every(connection):
            found.setdefault(object_id, {})[name] = value
    return found


@storage_errors
def keep(account: AccountGroupware, object_id: str, values: Mapping[str, object]) -> None:
    """Set them; None removes. Raises ``Refused(OVER_QUOTA)``."""
    with account.database.write(durable=True) as connection:
        for name, value in values.items():
            text = None if value is None else str(int(value)) if isinstance(value, int) else str(value)
            visited.put(connection, object_id, name, text)
        if visited.count(connection, object_id) > MAX_KEPT:
            raise Refused(Reason.OVER_QUOTA, "Too much is kept for this collection")


@storage_errors
def forget(account: AccountGroupware, object_id: str) -> None:
    """The collection is not shown any more."""
    with account.database.write() as connection:
        visited.forget(connection, object_id)


def as_shown(collection: Collection, values: Mapping[str, str]) -> Collection:
    """The collection as the viewer has it. Until he says otherwise, others' calendars do not make him busy."""
    own: dict[str, object] = {"transparent": True}
    own.update({name: values[name] for name in OWN if name in values})
    if "position" in values:
        own["position"] = int(values["position"])
    if "transparent" in values:
        own["transparent"] = values["transparent"] == "1"
    return replace(collection, **own)  # type: ignore[arg-type]  # each of its column's type
