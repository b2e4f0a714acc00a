"""What a change of a calendar object leads to, before anybody is asked where the recipients are."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from optimails.groupware.scheduling import editing
from optimails.groupware.scheduling.api import Method
from optimails.groupware.scheduling.messages import sequence_of
from optimails.groupware.scheduling.objects import Key, Scheduled, message_text, stamp
from optimails.groupware.text import Component, Property
from optimails.model.errors import Reason, Refused

OWN_PARAMS = ("SCHEDULE-AGENT", "SCHEDULE-STATUS", "SCHEDULE-FORCE-SEND")
"""Between a program and its server, never in a message (RFC 6638 §7)."""
ANSWERED = "X-OPTIMAILS-DTSTAMP"
"""On ATTENDEE in the organizer's copy: of which moment the answer is that stands there."""
_OWN_PROPERTIES = (
    "X-MOZ-LASTACK", "X-MOZ-SNOOZE-TIME", "X-MOZ-GENERATION", "X-LIC-ERROR", "X-MOZ-SEND-INVITATIONS",
    "X-MOZ-SEND-INVITATIONS-UNDISCLOSED", "X-MOZ-INVITED-ATTENDEE",
)  # fmt: skip


MAX_TEXTS = 64 * 2**20  # bytes of the messages of one change


@dataclass(frozen=True, slots=True)
class Draft:
    """One message, to several who get the same text."""

    method: Method
    recipients: tuple[str, ...]  # users, as ``people.user_of`` gives them
    text: bytes
    sequence: int
    quiet: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """``text`` is to be stored; ``consequential``: programs must not write over it unseen (Schedule-Tag)."""

    text: bytes
    drafts: tuple[Draft, ...] = ()
    consequential: bool = True


def check_size(drafts: Sequence[Draft]) -> None:
    """Raises ``Refused(LIMIT)``."""
    if sum(len(one.text) for one in drafts) > MAX_TEXTS:
        raise Refused(Reason.LIMIT, "Those are too many and too large messages")


def draft(  # noqa: PLR0913, PLR0917 - what a message is made of
    method: Method, of: Scheduled, parts: Iterable[Component], recipients: Iterable[str], now: int, sent_by: str = ""
) -> Draft:
    """The components as they are told to others; copies of them are made."""
    told = [_told(part, now, sent_by if method.of_organizer else "") for part in parts]
    text = message_text(method.value, of, told)
    return Draft(method, tuple(recipients), text, max(map(sequence_of, told)))


def _told(part: Component, now: int, sent_by: str) -> Component:
    """Without what is between the owner and his programs: alarms, and how messages are sent."""
    made = editing.copied(part)
    made.children = [child for child in made.children if child.name != "VALARM"]
    editing.drop(made, _OWN_PROPERTIES)
    unsaid: dict[str, str | None] = dict.fromkeys((*OWN_PARAMS, ANSWERED))

    def clean(found: Property, line: str) -> str:
        if found.name not in ("ATTENDEE", "ORGANIZER"):
            return line
        own = dict(unsaid)
        if found.name == "ORGANIZER" and sent_by:
            own["SENT-BY"] = f"mailto:{sent_by}"
        return editing.with_params(line, own) if any(found.param(name) is not None for name in own) or sent_by else line

    editing.edit(made, clean)
    editing.put(made, stamp(now))
    return made


def keyed(of: Scheduled, keys: Iterable[Key]) -> list[Component]:
    """Components in an order that does not depend on the program that wrote them."""
    return [of.parts[key] for key in sorted(keys, key=lambda key: (key is not None, key or 0))]
