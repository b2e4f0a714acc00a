"""Where an account keeps its working hours: one text of its own, and VAVAILABILITY items in calendars (RFC 7953 §6).

The text is what programs set as ``calendar-availability`` of the scheduling inbox; it stands with the account, because
it says of the person, not of one calendar, when he may be asked.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, time

from optimails.groupware.account import AccountGroupware
from optimails.groupware.api import Collection, Rule, Unfit
from optimails.groupware.text import parse
from optimails.groupware.zones import named
from optimails.index.database import storage_errors
from optimails.index.groupware import collections, items, search
from optimails.model.errors import BadSyntax, Reason

PROPERTY = "calendar-availability"
COMPONENT = "VAVAILABILITY"
MAX_SIZE = 65_536  # characters
DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")


@storage_errors
def availability(account: AccountGroupware) -> str:
    """The account's own text; empty without one."""
    with account.database.read() as connection:
        return collections.properties(connection, collections.OF_ACCOUNT).get(PROPERTY, "")


@storage_errors
def set_availability(account: AccountGroupware, text: str) -> None:
    """An empty one takes it away. Raises ``Unfit``."""
    if text:
        check(text)
    with account.database.write(durable=True) as connection:
        collections.set_property(connection, collections.OF_ACCOUNT, PROPERTY, text or None)


def check(text: str) -> None:
    """Whether it is a calendar that says when somebody is to be had, and nothing else. Raises ``Unfit``."""
    if len(text) > MAX_SIZE:
        raise Unfit(Rule.MAX_SIZE, "The text is too large", reason=Reason.TOO_BIG)
    try:
        top = parse(text)
    except BadSyntax as wrong:
        raise Unfit(Rule.VALID_DATA, str(wrong)) from wrong
    names = {child.name for child in top[0].children} if len(top) == 1 and top[0].name == "VCALENDAR" else set()
    if COMPONENT not in names or names - {COMPONENT, "VTIMEZONE"}:
        raise Unfit(Rule.VALID_OBJECT, "A VCALENDAR with VAVAILABILITY is wanted")


@storage_errors
def hours_of(account: AccountGroupware, calendars: Sequence[Collection], *, own: bool = True) -> list[str]:
    """The texts that say when somebody is to be had: the account's ``own``, and those in these calendars."""
    found = [availability(account)] if own else []
    with account.database.read() as connection:
        for one in calendars:
            if COMPONENT in one.components:
                wanted = search.of_component(connection, one.id, COMPONENT)
                found += [text.decode("utf-8", "replace") for *_, text in items.texts(connection, sorted(wanted))]
    return [text for text in found if text]


def working_hours(zone: str, week: Sequence[tuple[str, Sequence[tuple[time, time]]]]) -> str:
    """The text that says: on these days (as ``DAYS``) within these times, elsewhere not. Raises ``BadSyntax``."""
    if named(zone) is None:
        raise BadSyntax(f"There is no time zone {zone[:60]}")
    first = datetime(2020, 1, 6, tzinfo=UTC)  # a Monday
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Optimails//EN", *_definition(zone), f"BEGIN:{COMPONENT}"]
    lines += ["UID:working-hours", "DTSTAMP:20200106T000000Z", "BUSYTYPE:BUSY-UNAVAILABLE", "PRIORITY:5"]
    for day, spans in week:
        date = f"{first.replace(day=6 + DAYS.index(day)):%Y%m%d}"
        for number, (start, end) in enumerate(spans):
            last = f"{date}T{end:%H%M%S}" if end > start else f"{first.replace(day=7 + DAYS.index(day)):%Y%m%d}T000000"
            lines += [
                "BEGIN:AVAILABLE", f"UID:working-hours-{day}-{number}", "DTSTAMP:20200106T000000Z",
                f"DTSTART;TZID={zone}:{date}T{start:%H%M%S}", f"DTEND;TZID={zone}:{last}",
                f"RRULE:FREQ=WEEKLY;BYDAY={day}", "END:AVAILABLE",
            ]  # fmt: skip
    return "\r\n".join([*lines, f"END:{COMPONENT}", "END:VCALENDAR", ""])


def _definition(zone: str) -> list[str]:
    """The VTIMEZONE that goes with a name (RFC 5545 §3.2.19)."""
    from icalendar import Timezone  # noqa: PLC0415 - slow to import, rarely needed

    text: str = Timezone.from_tzid(zone).to_ical().decode()
    return text.splitlines()
