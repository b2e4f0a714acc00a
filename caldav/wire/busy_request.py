"""The VFREEBUSY REQUEST that programs post to a scheduling outbox (RFC 6638 §5, RFC 5546 §3.3.2) → a value."""

from dataclasses import dataclass

from caldav.wire.filters import Unsupported
from optimails.groupware.colleagues import MAX_ASKED, MAX_WINDOW
from optimails.groupware.filters import TimeRange
from optimails.groupware.moments import moment
from optimails.groupware.text import Component, decode, parse
from optimails.groupware.zones import Zones
from optimails.model.errors import BadSyntax

MASK = "X-CALENDARSERVER-MASK-UID"
MAX_UID = 1_000  # characters


@dataclass(frozen=True, slots=True)
class BusyRequest:
    """Calendar users are as they were written; ``lines`` are theirs, unfolded, to stand in the answers."""

    uid: str
    organizer: str
    organizer_line: str
    attendees: dict[str, str]  # calendar user → line
    asked: TimeRange
    masked: frozenset[str]


def read_busy_request(body: bytes) -> BusyRequest:
    """Raises ``Unsupported``."""
    try:
        top = parse(decode(body))
    except BadSyntax as wrong:
        raise Unsupported("valid-calendar-data") from wrong
    if len(top) != 1 or top[0].name != "VCALENDAR":
        raise Unsupported("valid-calendar-data")
    parts = [child for child in top[0].children if child.name != "VTIMEZONE"]
    if top[0].value("METHOD").upper() != "REQUEST" or len(parts) != 1 or parts[0].name != "VFREEBUSY":
        raise Unsupported("valid-scheduling-message")
    part = parts[0]
    organizer, uid = _people(part, "ORGANIZER"), part.value("UID")
    attendees = _people(part, "ATTENDEE")
    if len(organizer) != 1 or not attendees or not uid or len(uid) > MAX_UID:
        raise Unsupported("valid-scheduling-message")
    if len(attendees) > MAX_ASKED:
        raise Unsupported("max-attendees-per-instance")
    ((who, line),) = organizer.items()
    zones = Zones([child for child in top[0].children if child.name == "VTIMEZONE"])
    masked = frozenset(found.text.strip() for found in part.every(MASK))
    return BusyRequest(uid, who, line, attendees, _window(part, zones), masked)


def _people(part: Component, name: str) -> dict[str, str]:
    return {
        found.text.strip(): line
        for found, line in zip(part.properties, part.lines, strict=True)
        if found.name == name and found.value.strip()
    }


def _window(part: Component, zones: Zones) -> TimeRange:
    begin, end = part.get("DTSTART"), part.get("DTEND")
    if begin is None or end is None:
        raise Unsupported("valid-scheduling-message")
    try:
        asked = TimeRange(moment(begin, zones).seconds, moment(end, zones).seconds)
    except BadSyntax as wrong:
        raise Unsupported("valid-calendar-data") from wrong
    if not 0 < asked.end - asked.start <= MAX_WINDOW:
        raise Unsupported("valid-scheduling-message")
    return asked
