"""What a message does to the object of its UID, if it may. Pure: a text and a message in, a text out."""

from optimails.groupware.api import Unfit
from optimails.groupware.scheduling.answers import refreshed, replied
from optimails.groupware.scheduling.api import ItipMessage, Method, Result
from optimails.groupware.scheduling.invited import Arrival, cancelled, refused, requested
from optimails.groupware.scheduling.objects import Scheduled, read_scheduled
from optimails.groupware.scheduling.people import user_of
from optimails.model.errors import BadSyntax


def users_in(*texts: bytes | None) -> set[str]:
    """Everybody whom the texts name, so that the directory can be asked who they are. Unreadable ones name nobody."""
    found: set[str] = set()
    for text in texts:
        if text is None:
            continue
        try:
            read = read_scheduled(text, message=True)
        except (BadSyntax, Unfit):
            continue
        found |= read.attendees.keys() | read.organizers
        for line in read.attendees.values():
            found |= {user for name in ("DELEGATED-TO", "DELEGATED-FROM") if (user := user_of(line.param(name) or ""))}
    return found


def apply(message: ItipMessage, text: bytes | None, own: frozenset[str], now: int) -> Arrival:
    """``text``: the object as it is stored, None without one; ``own``: the users that are the account. Never raises."""
    try:
        told = read_scheduled(message.text, message=True)
        stored = read_scheduled(text) if text is not None else None
    except (BadSyntax, Unfit) as wrong:
        return refused(str(wrong))
    if len(told.organizers) > 1:
        return refused("it has several organizers")
    wrong_sender = _of_organizer(message, told, stored, own) if message.method.of_organizer else _of_attendee(
        message, told, stored, own
    )  # fmt: skip
    if wrong_sender is not None:
        return wrong_sender
    if message.method in (Method.REQUEST, Method.ADD):
        return _storable(requested(message, told, stored, own))
    if message.method is Method.CANCEL:
        return _storable(cancelled(told, stored))
    if message.method is Method.REPLY:
        assert stored is not None
        return _storable(replied(message, told, stored))
    if message.method is Method.REFRESH:
        assert stored is not None
        return refreshed(message, stored, own, now)
    return Arrival(Result.KEPT)  # COUNTER, DECLINECOUNTER: people decide


def _of_organizer(
    message: ItipMessage, told: Scheduled, stored: Scheduled | None, own: frozenset[str]
) -> Arrival | None:
    """None: the sender may say such things."""
    organizer, sender = told.organizer, user_of(message.sender)
    if not organizer:
        return refused("it has no organizer")
    if organizer in own:
        return refused("the organizer is the recipient")
    if stored is not None and stored.organizer != organizer:
        return refused("somebody else organizes what is here")
    if sender != organizer and (stored is not None or not _handed_on(message, told, sender, own)):
        return refused("the sender is not the organizer")
    return None


def _handed_on(message: ItipMessage, told: Scheduled, sender: str, own: frozenset[str]) -> bool:
    """An attendee sends the invitation to whom he delegates it (RFC 5546 §3.2.2.3)."""
    if message.method is not Method.REQUEST:
        return False
    return any(
        user in own and user_of(line.param("DELEGATED-FROM") or "") == sender for user, line in told.attendees.items()
    )


def _of_attendee(
    message: ItipMessage, told: Scheduled, stored: Scheduled | None, own: frozenset[str]
) -> Arrival | None:
    if stored is None:
        return refused("nothing of that kind is here")
    if stored.organizer not in own:
        return refused("the recipient does not organize it")
    if message.method is Method.REFRESH:
        return None
    if user_of(message.sender) not in told.attendees:
        return refused("the sender is not the attendee who speaks")
    return None


def _storable(found: Arrival) -> Arrival:
    """What a stranger sent must be as good as what programs store."""
    if found.text is not None:
        try:
            read_scheduled(found.text)
        except (BadSyntax, Unfit) as wrong:
            return refused(str(wrong))
    return found
