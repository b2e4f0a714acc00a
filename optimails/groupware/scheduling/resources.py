"""Rooms and equipment answer invitations in the transaction in which these come (``api.Automatic``).

The answer stands in the room's own calendar, as if somebody there had given it, and goes to the organizer as any other:
once for each message, and worked out anew when somebody else was faster.
"""

import time
from collections.abc import Callable
from typing import Protocol

from optimails.groupware.account import AccountGroupware
from optimails.groupware.api import Kind, Unfit
from optimails.groupware.colleagues import busy_of, users_of
from optimails.groupware.filters import TimeRange
from optimails.groupware.freebusy import Person
from optimails.groupware.scheduling import editing
from optimails.groupware.scheduling.api import ItipMessage
from optimails.groupware.scheduling.booking import Answer, Span, Wish, decide, refusal, wish_of
from optimails.groupware.scheduling.objects import Scheduled, instance, read_scheduled
from optimails.groupware.scheduling.people import attendees_of, partstat, user_of
from optimails.groupware.text import Component, Property
from optimails.model.account import Account
from optimails.model.errors import BadSyntax
from optimails.model.resource import Booking
from optimails.texts import text as text_of


class Bookers(Protocol):
    """The directory, asked from a thread."""

    def may_book(self, sender: str, resource: Account) -> bool:
        """Whether who sends from this address is among those who may book it. Raises ``Unavailable``."""


class Resources:
    """Thread-safe, blocking."""

    def __init__(self, bookers: Bookers, clock: Callable[[], float] = time.time) -> None:
        self._bookers = bookers
        self._clock = clock

    def answer(self, account: Account, groupware: AccountGroupware, message: ItipMessage, text: bytes) -> bytes | None:
        """See ``api.Automatic``. People, and what managers decide, are left alone."""
        policy = account.resource
        if policy is None or policy.booking is Booking.MANUAL:
            return None
        try:
            asked = read_scheduled(text)
        except (BadSyntax, Unfit):
            return None
        own = frozenset({str(account.address).lower(), user_of(message.recipient)})
        if asked.component != "VEVENT" or _said_no(asked, own):
            return None
        wish = wish_of(asked, policy, int(self._clock()))
        if not wish.found:  # it is over
            return None
        answer = refusal(policy, wish, may_book=self._bookers.may_book(message.sender, account))
        if answer is None:
            answer = decide(policy, wish, _taken(account, groupware, wish, asked.uid))
        return _answered(asked, answer, own, account.language)


def _said_no(asked: Scheduled, own: frozenset[str]) -> bool:
    """A manager declined it, and it has not been moved since: then the organizer's change asks nothing new."""
    said = {partstat(line) for part in asked.parts.values() for user, line in attendees_of(part).items() if user in own}
    return said == {"DECLINED"}


def _taken(account: Account, groupware: AccountGroupware, wish: Wish, uid: str) -> list[Span]:
    calendars = [one for one in groupware.collections() if one.kind is Kind.CALENDAR and not one.transparent]
    person = Person(users_of([account.address]), frozenset({uid}))
    spans: list[Span] = []
    for start, end, _ in busy_of(groupware, calendars, TimeRange(*wish.span), person):
        if spans and start <= spans[-1][1]:
            spans[-1] = spans[-1][0], max(spans[-1][1], end)
        else:
            spans.append((start, end))
    return spans


def _answered(asked: Scheduled, answer: Answer, own: frozenset[str], language: str) -> bytes:
    why = text_of(f"groupware.booking.{answer.why}", language, **answer.values) if answer.why else ""
    for key in answer.declined:
        made = instance(asked, key) if key not in asked.parts else None
        if made is not None:
            asked.parts[key] = made
    taken = text_of("groupware.booking.taken_once", language)
    for which, part in asked.parts.items():
        if which is not None and which in answer.declined:
            _say(part, own, "DECLINED", taken)
        else:
            _say(part, own, answer.partstat, why)
    return asked.text()


def _say(part: Component, own: frozenset[str], answer: str, why: str) -> None:
    def said(found: Property, line: str) -> str:
        if found.name == "ATTENDEE" and user_of(found.value) in own:
            return editing.with_params(line, {"PARTSTAT": answer, "RSVP": None})
        return line

    editing.edit(part, said)
    if answer != "DECLINED":  # a room is taken, whatever the organizer does meanwhile
        editing.put(part, "TRANSP:OPAQUE")
    if why:
        editing.put(part, "COMMENT:" + why.replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,"))
