"""What is read under a secret address: when an account is busy, or one of its calendars.

Whoever has the address is a stranger. He hears periods and their kind; of a calendar published with its details, what
its owner has not marked private.
"""

import re
import time
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime

from optimails.groupware.account import AccountGroupware
from optimails.groupware.api import Collection, Kind
from optimails.groupware.calendar import BUSY, TENTATIVE
from optimails.groupware.colleagues import Colleagues, busy_of, users_of
from optimails.groupware.filters import TimeRange
from optimails.groupware.freebusy import Period, Person, free_busy_text
from optimails.groupware.moments import DAY, duration, utc_text
from optimails.groupware.service import LocalGroupware
from optimails.groupware.text import fold
from optimails.groupware.transfer import export_text
from optimails.model.account import Account
from optimails.model.errors import BadSyntax, Reason, Refused
from optimails.model.published import Published
from optimails.texts import text

USUAL = 62 * DAY  # that is told when nothing else is asked
MOST = 366 * DAY
PAST, FUTURE = 31 * DAY, 366 * DAY  # of a calendar that shows when it says busy alone
_DAY = re.compile(r"(\d{4})-?(\d\d)-?(\d\d)$", re.ASCII)


def window(asked: Mapping[str, str], now: float) -> TimeRange:
    """``start``, ``end`` and ``period`` as addresses have them: days, times of ISO 8601 or iCalendar, a duration.

    From today on unless something else is said. Raises ``BadSyntax``.
    """
    start = _instant(asked["start"]) if asked.get("start") else int(now) // DAY * DAY
    if asked.get("end"):
        end = _instant(asked["end"])
    else:
        end = start + (duration(asked["period"]) if asked.get("period") else USUAL)
    if not 0 < end - start <= MOST:
        raise BadSyntax("Not a time range that is answered")
    return TimeRange(start, end)


def _instant(value: str) -> int:
    try:
        if found := _DAY.fullmatch(value):
            moment = datetime(int(found[1]), int(found[2]), int(found[3]), tzinfo=UTC)
        else:
            moment = datetime.fromisoformat(value.replace(" ", "+"))  # a plus sign that was not written as %2B
        return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())
    except (ValueError, OverflowError) as wrong:
        raise BadSyntax("Not a time") from wrong


def busy_text(groupware: LocalGroupware, owner: Account, asked: TimeRange) -> str:
    """A VFREEBUSY of the whole account. Raises ``Unavailable``."""
    periods = Colleagues(groupware).busy(None, owner, asked)
    lines = [f"ORGANIZER:mailto:{owner.address}"]
    return free_busy_text(periods, asked, int(time.time()), str(uuid.uuid4()), method="PUBLISH", lines=lines)


def calendar_text(groupware: LocalGroupware, what: Published, known: str = "") -> tuple[str, str | None]:
    """The etag of a published calendar, and its text, None when ``known`` is that etag.

    Raises ``Refused(NON_EXISTENT)``, ``Unavailable``.
    """
    if not groupware.exists(what.account.id):
        raise Refused(Reason.NON_EXISTENT)
    with groupware.open(what.account) as account:
        found = next((one for one in account.collections() if one.object_id == what.object_id), None)
        if found is None or found.kind is not Kind.CALENDAR:
            raise Refused(Reason.NON_EXISTENT)
        today = int(time.time()) // DAY
        etag = f"{found.object_id[:12]}-{found.change}-{'all' if what.details else today}"
        if known == etag:
            return etag, None
        if what.details:
            return etag, export_text(account, found, account.private(found))
        return etag, _busy_events(account, found, what.account, TimeRange(today * DAY - PAST, today * DAY + FUTURE))


def _busy_events(account: AccountGroupware, calendar: Collection, owner: Account, asked: TimeRange) -> str:
    """Programs that subscribe to a calendar read events, and no VFREEBUSY."""
    person = Person(users_of([owner.address]))
    name = text("groupware.published", owner.language, name=owner.name or str(owner.address))
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Optimails//EN", "METHOD:PUBLISH", f"X-WR-CALNAME:{name}"]
    for one in busy_of(account, [calendar], asked, person, own=False):
        lines += _event(one, calendar, owner.language)
    return "".join(map(fold, [*lines, "END:VCALENDAR"]))


def _event(period: Period, calendar: Collection, language: str) -> list[str]:
    begin = utc_text(period.start)
    word = "busy" if period.kind == BUSY else "tentative" if period.kind == TENTATIVE else "unavailable"
    return [
        "BEGIN:VEVENT", f"UID:{calendar.object_id}-{begin}-{period.end}-{period.kind}", f"DTSTAMP:{begin}",
        f"DTSTART:{begin}", f"DTEND:{utc_text(period.end)}", f"SUMMARY:{text(f'groupware.{word}', language)}",
        *(["STATUS:TENTATIVE"] if period.kind == TENTATIVE else []), "END:VEVENT",
    ]  # fmt: skip
