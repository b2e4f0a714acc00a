"""Whole collections in and out: iCalendar and vCard files, and the folders of a Radicale server."""

import hashlib
import json
import uuid
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from pathlib import Path

from optimails.groupware.account import AccountGroupware
from optimails.groupware.api import COMPONENTS, Collection, Kind, NewCollection
from optimails.groupware.text import Component, decode, fold, parse, write
from optimails.model.errors import BadSyntax

BATCH = 500
_HEAD = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Optimails//EN\r\n"


@dataclass(slots=True)
class Report:
    """What an import did."""

    stored: int = 0
    refused: list[tuple[str, str]] = field(default_factory=list)  # name or UID, reason


def export_text(account: AccountGroupware, collection: Collection, hidden: AbstractSet[str] = frozenset()) -> str:
    """Everything in one text: one VCALENDAR with each time zone once, or vCards one after the other."""
    with account.all_texts(collection) as rows:
        texts = [text.decode("utf-8", "replace") for _, name, text in rows if name not in hidden]
    if collection.kind is Kind.BOOK:
        return "".join(text if text.endswith("\n") else text + "\r\n" for text in texts)
    zones: dict[str, str] = {}
    parts: list[str] = []
    for text in texts:
        for root in parse(text):
            for child in root.children:
                if child.name == "VTIMEZONE":
                    zones.setdefault(child.value("TZID"), write(child))
                else:
                    parts.append(write(child))
    name = fold(f"X-WR-CALNAME:{_escaped(collection.display_name)}") if collection.display_name else ""
    return f"{_HEAD}{name}{''.join(zones.values())}{''.join(parts)}END:VCALENDAR\r\n"


def _escaped(text: str) -> str:
    for character in "\\;,":
        text = text.replace(character, "\\" + character)
    return text.replace("\n", "\\n")


def import_text(account: AccountGroupware, collection: Collection, data: bytes) -> Report:
    """Store what a file holds; items with a known UID are replaced. Raises ``BadSyntax``, ``Refused``."""
    report = Report()
    batch: list[tuple[str, bytes]] = []
    for name, text in split(decode(data), collection.kind):
        batch.append((name, text.encode()))
        if len(batch) >= BATCH:
            _store(account, collection, batch, report)
            batch = []
    _store(account, collection, batch, report)
    return report


def _store(
    account: AccountGroupware, collection: Collection, batch: Sequence[tuple[str, bytes]], report: Report
) -> None:
    if batch:
        stored, refused = account.put_all(collection, batch)
        report.stored += stored
        report.refused += refused


def split(text: str, kind: Kind) -> Iterator[tuple[str, str]]:
    """Name and text of each item in a file; those without a UID get one. Raises ``BadSyntax``."""
    top = parse(text, whole_file=True)
    if kind is Kind.BOOK:
        for component in top:
            if component.name == "VCARD":
                uid = _identified(component)
                yield _name(uid, "vcf"), write(component)
        return
    for root in top:
        if root.name == "VCALENDAR":
            yield from _objects(root)


def _objects(root: Component) -> Iterator[tuple[str, str]]:
    zones = {child.value("TZID"): child for child in root.children if child.name == "VTIMEZONE"}
    objects: dict[tuple[str, str], list[Component]] = {}
    for child in root.children:
        if child.name in COMPONENTS:
            objects.setdefault((_identified(child), child.name), []).append(child)
    lines = [line for line in root.lines if line.upper().startswith(("VERSION", "PRODID", "CALSCALE"))]
    head = "".join(map(fold, lines)) or "VERSION:2.0\r\nPRODID:-//Optimails//EN\r\n"
    for (uid, _), parts in objects.items():
        texts = [write(part) for part in parts]
        used = "".join(write(zone) for tzid, zone in zones.items() if any(tzid in text for text in texts))
        yield _name(uid, "ics"), f"BEGIN:VCALENDAR\r\n{head}{used}{''.join(texts)}END:VCALENDAR\r\n"


def _identified(component: Component) -> str:
    uid = component.value("UID")
    if not uid:
        uid = str(uuid.uuid5(uuid.NAMESPACE_OID, write(component)))  # the same again when it is imported again
        component.lines.insert(0, f"UID:{uid}")
    return uid


def _name(uid: str, ending: str) -> str:
    """A name in addresses that any program can handle."""
    plain = uid if uid.isascii() and len(uid) <= 100 and all(one.isalnum() or one in "-_.@" for one in uid) else ""
    return f"{plain or hashlib.sha256(uid.encode('utf-8', 'replace')).hexdigest()[:40]}.{ending}"


# -- Radicale ----------------------------------------------------------------------------------------------------------


def import_radicale(account: AccountGroupware, folder: Path) -> list[tuple[str, Report]]:
    """Store the collections of one user of a Radicale server: the folder of that user below ``collection-root``.

    Names, colours and descriptions come with them. Raises ``BadSyntax`` when it is no such folder, ``Refused``.
    """
    done = []
    found = [path for path in sorted(folder.iterdir()) if path.is_dir() and (path / ".Radicale.props").exists()]
    if not found:
        raise BadSyntax(f"{folder} has no collections of Radicale")
    for path in found:
        new = _radicale_collection(path)
        if new is None:
            continue
        collection = account.collection(path.name)
        if collection is None:
            collection = account.create(path.name, new)
        report = Report()
        files = [one for one in sorted(path.iterdir()) if one.is_file() and not one.name.startswith(".")]
        for start in range(0, len(files), BATCH):
            batch = [(one.name, one.read_bytes()) for one in files[start : start + BATCH]]
            _store(account, collection, batch, report)
        done.append((path.name, report))
    return done


def _radicale_collection(path: Path) -> NewCollection | None:
    """None for a collection of neither kind."""
    try:
        props = json.loads((path / ".Radicale.props").read_text("utf-8"))
        kind = {"VCALENDAR": Kind.CALENDAR, "VADDRESSBOOK": Kind.BOOK}[props["tag"]]
    except (OSError, ValueError, KeyError, TypeError):
        return None

    def text(*names: str) -> str:
        return next((value for name in names if isinstance(value := props.get(name), str)), "")

    components = text("C:supported-calendar-component-set").upper().split(",")
    known = tuple(one for one in components if one in COMPONENTS) or ("VEVENT", "VTODO", "VJOURNAL")
    order = text("ICAL:calendar-order")
    return NewCollection(
        kind,
        known if kind is Kind.CALENDAR else (),
        text("D:displayname"),
        text("C:calendar-description", "CR:addressbook-description"),
        text("ICAL:calendar-color", "{http://inf-it.com/ns/ab/}addressbook-color"),
        int(order) if order.lstrip("-").isdigit() else None,
    )
