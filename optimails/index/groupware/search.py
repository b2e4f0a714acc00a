"""Questions that the tables beside the texts answer."""

import sqlite3
from collections.abc import Iterable, Sequence

from optimails.index.groupware.items import BATCH

Window = tuple[int, int]


def touching(
    connection: sqlite3.Connection, collection: int, window: Window, floating: Window, component: str
) -> set[int]:
    """Items with an occurrence in the window; ``floating`` is the window as wall clocks show it."""
    rows = connection.execute(
        "SELECT DISTINCT o.item FROM occurrence o JOIN item i ON i.id = o.item WHERE o.collection = ? AND"
        ' o.start < max(?, ?) AND ((o.floating = 0 AND o.start < ? AND o."end" > ?) OR'
        ' (o.floating = 1 AND o.start < ? AND o."end" > ?)) AND i.component = ?',
        (collection, window[1], floating[1], window[1], window[0], floating[1], floating[0], component),
    )
    return {item for (item,) in rows}


def partly_kept(connection: sqlite3.Connection, collection: int, window: Window) -> list[int]:
    """Items whose occurrences in the window are not all kept."""
    rows = connection.execute(
        "SELECT id FROM item WHERE collection = ? AND kept_to IS NOT NULL AND (kept_to < ? OR kept_from > ?)",
        (collection, window[1], window[0]),
    )
    return [item for (item,) in rows]


def busy(
    connection: sqlite3.Connection, collections: Sequence[int], window: Window, floating: Window
) -> list[tuple[int, int, int, int, int, int]]:
    """Item, component, start, end, floating and kind of what blocks time."""
    marks = ",".join("?" * len(collections))
    return connection.execute(
        'SELECT item, part, start, "end", floating, busy FROM occurrence'  # noqa: S608 - marks
        f" WHERE collection IN ({marks}) AND start < max(?, ?) AND busy > 0"
        ' AND ((floating = 0 AND start < ? AND "end" > ?) OR (floating = 1 AND start < ? AND "end" > ?))',
        (*collections, window[1], floating[1], window[1], window[0], floating[1], floating[0]),
    ).fetchall()


def with_uids(connection: sqlite3.Connection, collections: Sequence[int], uids: Sequence[str]) -> set[int]:
    """Items with these UIDs."""
    places, wanted = ",".join("?" * len(collections)), ",".join("?" * len(uids))
    rows = connection.execute(
        f"SELECT id FROM item WHERE collection IN ({places}) AND uid IN ({wanted})",  # noqa: S608 - marks
        (*collections, *uids),
    )
    return {item for (item,) in rows}


def attended(connection: sqlite3.Connection, identities: Iterable[int], addresses: Sequence[str]) -> list[int]:
    """Those of these items to which one of the folded addresses is invited."""
    found: list[int] = []
    wanted, people = sorted(identities), ",".join("?" * len(addresses))
    for start in range(0, len(wanted), BATCH):
        batch = wanted[start : start + BATCH]
        marks = ",".join("?" * len(batch))
        rows = connection.execute(
            f"SELECT DISTINCT item FROM property WHERE item IN ({marks}) AND name = 'ATTENDEE'"  # noqa: S608 - marks
            f" AND folded IN ({people})",
            (*batch, *addresses),
        )
        found += [item for (item,) in rows]
    return found


def of_component(connection: sqlite3.Connection, collection: int, component: str | None) -> set[int]:
    if component is None:
        rows = connection.execute("SELECT id FROM item WHERE collection = ?", (collection,))
    else:
        rows = connection.execute("SELECT id FROM item WHERE collection = ? AND component = ?", (collection, component))
    return {item for (item,) in rows}


def only(connection: sqlite3.Connection, identities: Iterable[int], component: str) -> set[int]:
    """Those of these items that are of the component."""
    found: set[int] = set()
    wanted = list(identities)
    for start in range(0, len(wanted), BATCH):
        batch = wanted[start : start + BATCH]
        marks = ",".join("?" * len(batch))
        rows = connection.execute(
            f"SELECT id FROM item WHERE id IN ({marks}) AND component = ?",  # noqa: S608 - marks
            (*batch, component),
        )
        found.update(item for (item,) in rows)
    return found


def not_whole(connection: sqlite3.Connection, collection: int) -> set[int]:
    """Items of which the tables do not hold every value."""
    rows = connection.execute("SELECT id FROM item WHERE collection = ? AND whole = 0", (collection,))
    return {item for (item,) in rows}


_MATCH = {
    "contains": "instr(folded, ?) > 0",
    "equals": "folded = ?",
    "starts-with": "substr(folded, 1, length(?1)) = ?1",
    "ends-with": "substr(folded, -length(?1)) = ?1",
}


def with_text(
    connection: sqlite3.Connection, collection: int, name: str, needle: str, match: str
) -> list[tuple[int, int, str]]:
    """Item, component and value of the properties of that name with that folded text in them."""
    if match in ("contains", "equals"):
        condition, values = _MATCH[match], (collection, name, needle)
        where = f"collection = ? AND name = ? AND {condition}"
    else:
        values = (needle, collection, name)  # type: ignore[assignment]  # numbered marks come first
        where = f"{_MATCH[match]} AND collection = ?2 AND name = ?3"
    return connection.execute(
        f"SELECT item, part, ifnull(value, folded) FROM property WHERE {where}",  # noqa: S608 - our own text
        values,
    ).fetchall()


def having(connection: sqlite3.Connection, collection: int, name: str) -> set[int]:
    """Items with such a property."""
    rows = connection.execute(
        "SELECT DISTINCT item FROM property WHERE collection = ? AND name = ?", (collection, name)
    )
    return {item for (item,) in rows}


def private(connection: sqlite3.Connection, collection: int) -> set[str]:
    """Names of the items with a CLASS other than PUBLIC (RFC 5545 §3.8.1.3)."""
    rows = connection.execute(
        "SELECT i.name FROM property p JOIN item i ON i.id = p.item"
        " WHERE p.collection = ? AND p.name = 'CLASS' AND p.folded <> 'public'",
        (collection,),
    )
    return {name for (name,) in rows}
