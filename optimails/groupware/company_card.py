"""An entry of a domain's address book as a vCard 3.0 (RFC 2426), which every program reads."""

import base64

from optimails.groupware.text import fold
from optimails.model.company import CompanyEntry, EntryKind
from optimails.model.photo import Photo

_KINDS = {EntryKind.ROOM: "location", EntryKind.EQUIPMENT: "device"}


def card_text(uid: str, entry: CompanyEntry, photo: Photo | None = None, manager: str = "") -> str:
    """The card; ``manager`` is the name of somebody."""
    first, _, last = entry.name.rpartition(" ") if entry.kind is EntryKind.PERSON else ("", "", entry.name)
    known = entry.contact
    given, family = (known.given_name, known.family_name) if known.given_name or known.family_name else (first, last)
    lines = [
        "BEGIN:VCARD",
        "VERSION:3.0",
        f"UID:{uid}",
        f"FN:{_escaped(entry.name)}",
        f"N:{_escaped(family)};{_escaped(given)};;;",
    ]
    lines += [
        f"EMAIL;TYPE=INTERNET{',PREF' if not at else ''}:{_escaped(address)}"
        for at, address in enumerate(entry.addresses)
    ]
    numbers = (("WORK,VOICE", known.phone), ("CELL", known.mobile), ("WORK,FAX", known.fax))
    lines += [f"TEL;TYPE={kind}:{_escaped(number)}" for kind, number in numbers if number]
    if known.title:
        lines.append(f"TITLE:{_escaped(known.title)}")
    if known.company or known.department:
        lines.append(f"ORG:{_escaped(known.company)}" + (f";{_escaped(known.department)}" if known.department else ""))
    if known.office or known.location:
        lines.append(f"ADR;TYPE=WORK:;{_escaped(known.office)};;{_escaped(known.location)};;;")
    if manager:  # version 3 has no word for it; these are Apple's and Evolution's
        lines += [f"manager.X-ABRELATEDNAMES:{_escaped(manager)}", "manager.X-ABLABEL:_$!<Manager>!$_"]
        lines.append(f"X-EVOLUTION-MANAGER:{_escaped(manager)}")
    if photo is not None:
        lines.append(f"PHOTO;ENCODING=b;TYPE={photo.kind}:{base64.b64encode(photo.data).decode()}")
    if entry.kind in _KINDS:
        lines.append(f"X-ADDRESSBOOKSERVER-KIND:{_KINDS[entry.kind]}")  # KIND of version 4 (RFC 6350 §6.1.4, RFC 6869)
    if entry.capacity is not None:
        lines.append(f"X-CAPACITY:{entry.capacity}")
    if entry.note:
        lines.append(f"NOTE:{_escaped(entry.note)}")
    return "".join(map(fold, [*lines, "END:VCARD"]))


def _escaped(value: str) -> str:
    """As a text within a line, whatever is in it (RFC 2426 §5)."""
    for mark in "\\;,":
        value = value.replace(mark, "\\" + mark)
    return "".join(one if one.isprintable() else "\\n" if one == "\n" else " " for one in value)
