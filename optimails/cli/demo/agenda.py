"""What the people of the demo company have in their calendars, task lists and address books: the weeks around today."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from optimails.cli.app import App
from optimails.cli.groupware import groupware_of
from optimails.cli.mail import account_of

if TYPE_CHECKING:
    from optimails.directory.admin import AccountInfo

_DAY, _TIME = "%Y%m%d", "%Y%m%dT%H%M%S"


@dataclass(frozen=True, slots=True)
class Event:
    """``day`` counts from Monday of this week; without an hour it lasts the whole day."""

    summary: str
    day: int
    hour: float | None = None
    hours: float = 1
    rule: str = ""
    location: str = ""


EVENTS = {
    "claire": (
        Event("Point du lundi", 0, 9.5, rule="FREQ=WEEKLY;BYDAY=MO", location="Salle Lumière"),
        Event("Déjeuner avec Maître Dupont", 2, 12.5, 1.5, location="Café de la Gare"),
        Event("Visite du chantier", 3, 14, 2.5, location="12 rue des Tilleuls"),
        Event("Congés", 11),
    ),
    "james": (
        Event("Team meeting", 0, 9.5, rule="FREQ=WEEKLY;BYDAY=MO", location="Salle Lumière"),
        Event("Call with the supplier", 1, 16, 0.5),
    ),
    "sophie": (
        Event("Point du lundi", 0, 9.5, rule="FREQ=WEEKLY;BYDAY=MO", location="Salle Lumière"),
        Event("Clôture du mois", 4, 17, rule="FREQ=MONTHLY;BYDAY=-1FR"),
        Event("Dentiste", 8, 8.5),
    ),
}
TASKS = {
    "claire": ("Relancer le devis des Tilleuls", "Commander les échantillons de bois"),
    "james": ("Update the price list",),
    "sophie": ("Envoyer la déclaration de TVA",),
}
CONTACTS = (
    ("Dupont", "Hélène", "Dupont & Fils", "helene.dupont@example.com", "+33 1 99 00 12 34"),
    ("Garnier", "Paul", "Menuiserie Garnier", "paul@example.net", "+33 4 65 71 00 22"),
    ("Hughes", "Emma", "Northwood Supplies", "emma.hughes@example.org", "+44 20 7946 0123"),
)


def calendar(who: str, now: datetime) -> bytes:
    """The events of one of them, as iCalendar."""
    monday = now.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None) - timedelta(days=now.weekday())
    lines = []
    for event in EVENTS[who]:
        start = monday + timedelta(days=event.day, hours=event.hour or 0)
        lines += [f"BEGIN:VEVENT\r\nUID:{who}-{event.day}-{event.hour or 'day'}@demo.test", _stamp(now)]
        lines.append(f"SUMMARY:{_escaped(event.summary)}")
        if event.hour is None:
            lines += [f"DTSTART;VALUE=DATE:{start:{_DAY}}", f"DTEND;VALUE=DATE:{start + timedelta(days=5):{_DAY}}"]
        else:
            lines += [f"DTSTART:{start:{_TIME}}", f"DTEND:{start + timedelta(hours=event.hours):{_TIME}}"]
        lines += [f"RRULE:{event.rule}"] if event.rule else []
        lines += [f"LOCATION:{_escaped(event.location)}"] if event.location else []
        lines.append("END:VEVENT")
    return _calendar(lines)


def tasks(who: str, now: datetime) -> bytes:
    """What one of them has to do, as iCalendar."""
    lines = []
    for number, summary in enumerate(TASKS[who]):
        due = now + timedelta(days=2 + 5 * number)
        lines += [f"BEGIN:VTODO\r\nUID:{who}-task-{number}@demo.test", _stamp(now), f"SUMMARY:{_escaped(summary)}"]
        lines += [f"DUE;VALUE=DATE:{due:{_DAY}}", "STATUS:NEEDS-ACTION", "END:VTODO"]
    return _calendar(lines)


def contacts() -> bytes:
    """People outside whom everybody knows, as vCards."""
    cards = [
        f"BEGIN:VCARD\r\nVERSION:3.0\r\nUID:contact-{number}@demo.test\r\nN:{last};{first};;;\r\nFN:{first} {last}\r\n"
        f"ORG:{_escaped(company)}\r\nEMAIL;TYPE=work:{mail}\r\nTEL;TYPE=work:{phone}\r\nEND:VCARD\r\n"
        for number, (last, first, company, mail, phone) in enumerate(CONTACTS)
    ]
    return "".join(cards).encode()


def fill(app: App, accounts: Sequence[tuple[str, "AccountInfo"]], now: datetime) -> None:
    """Put it into collections that are still empty; accounts with the short names of their owners."""
    from optimails.groupware.transfer import import_text  # noqa: PLC0415 - when needed

    groupware = groupware_of(app)
    try:
        for who, info in accounts:
            with groupware.open(account_of(info)) as account:
                for name, data in (
                    ("calendar", calendar(who, now)),
                    ("tasks", tasks(who, now)),
                    ("contacts", contacts()),
                ):
                    collection = account.collection(name)
                    if collection is not None and not collection.items:
                        import_text(account, collection, data)
    finally:
        groupware.close()


def _calendar(lines: Sequence[str]) -> bytes:
    whole = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Optimails//Demo//EN", *lines, "END:VCALENDAR"]
    return "".join(f"{line}\r\n" for line in whole).encode()


def _stamp(now: datetime) -> str:
    return f"DTSTAMP:{now:{_TIME}}Z"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,")
