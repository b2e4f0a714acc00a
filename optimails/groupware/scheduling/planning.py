"""What storing or deleting an object leads to: who the owner is in it, and what follows (RFC 6638 §3.1, §3.2.4)."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from optimails.groupware.api import Rule, Unfit
from optimails.groupware.moments import DAY
from optimails.groupware.scheduling import attendee, organizer
from optimails.groupware.scheduling.api import ItipMessage, new_id
from optimails.groupware.scheduling.drafts import Draft, check_size
from optimails.groupware.scheduling.messages import summary_of
from optimails.groupware.scheduling.objects import Scheduled, ended, read_scheduled
from optimails.groupware.scheduling.organizer import Change
from optimails.groupware.scheduling.users import User
from optimails.model.account import Account
from optimails.model.errors import BadSyntax, Reason, Refused


class Role(Enum):
    """Of an account in an object."""

    NONE = 0
    ORGANIZER = 1
    ATTENDEE = 2


@dataclass(frozen=True, slots=True)
class Writer:
    """Whose calendar it is, and who writes to it."""

    owner: Account
    sent_by: str = ""  # the delegate's address, where recipients are to see it
    may_send: bool = True  # whether messages may go out in the owner's name


@dataclass(frozen=True, slots=True)
class Planned:
    """What is to be written, in one transaction; without ``role`` it is no matter of scheduling."""

    role: Role
    text: bytes
    messages: tuple[ItipMessage, ...] = ()
    consequential: bool = True


def might_be_scheduled(text: bytes | None) -> bool:
    """False: nobody organizes it, and nothing else need be asked."""
    return text is not None and b"ORGANIZER" in text.upper()


def read_or_none(text: bytes | None) -> Scheduled | None:
    """What cannot be read is refused, or told, by whoever stores it."""
    try:
        return read_scheduled(text) if text is not None else None
    except (BadSyntax, Unfit):
        return None


def own_users(users: Mapping[str, User], owner: Account) -> frozenset[str]:
    """The addresses under which the owner stands in the texts."""
    return frozenset(name for name, one in users.items() if one.account is not None and one.account.id == owner.id)


def role_in(of: Scheduled | None, own: frozenset[str]) -> Role:
    if of is None or not of.scheduled:
        return Role.NONE
    if of.organizer in own:
        return Role.ORGANIZER
    return Role.ATTENDEE if own & of.attendees.keys() else Role.NONE


def change_of(writer: Writer, users: Mapping[str, User], now: int, *, keep_answers: bool = False) -> Change:
    statuses = {name: one.status for name, one in users.items()}
    return Change(own_users(users, writer.owner), now, statuses, writer.sent_by, keep_answers)


def stored(data: bytes, old: Scheduled | None, new: Scheduled, writer: Writer, change: Change) -> Planned:
    """Raises ``Unfit``, ``Refused(NO_PERMISSION)``: the delegate may not send in the owner's name."""
    if len(new.organizers) > 1:
        raise Unfit(Rule.SAME_ORGANIZER, "All recurrences have one organizer")
    was, role = role_in(old, change.own), role_in(new, change.own)
    if was is Role.ORGANIZER and new.organizer and new.organizer not in change.own:
        raise Unfit(Rule.ORGANIZER_CHANGE, "Another organizer needs another object")
    if was is Role.NONE and role is Role.NONE:
        return Planned(Role.NONE, data)
    if ended(new, change.now - DAY) and (old is None or ended(old, change.now - DAY)):
        return Planned(role, data)  # of what is over nobody is told: calendars are tidied up, and filled from elsewhere
    if was is Role.ORGANIZER or (was is Role.NONE and role is Role.ORGANIZER):
        sender = old.organizer if was is Role.ORGANIZER and old is not None else new.organizer
        plan = organizer.changed(data, old, new, change)
    else:
        known = old if was is Role.ATTENDEE else None
        plan = attendee.changed(data, known, new, change)
        sender = _attendee(new, change.own)
    messages = messages_of(plan.drafts, new, sender, change)
    check_may_send(writer, messages)
    return Planned(role, plan.text, messages, plan.consequential)


def deleted(old: Scheduled, writer: Writer, change: Change, *, reply: bool = True) -> Planned:
    """``reply`` False: the organizer is not to hear of it (Schedule-Reply, RFC 6638 §8.1). Raises ``Refused``."""
    role = role_in(old, change.own)
    drafts: list[Draft] = []
    sender = ""
    if role is not Role.NONE and not ended(old, change.now - DAY):
        if role is Role.ORGANIZER:
            drafts, sender = organizer.removed(old, change), old.organizer
        elif reply:
            drafts, sender = attendee.left(old, change), _attendee(old, change.own)
    messages = messages_of(drafts, old, sender, change)
    check_may_send(writer, messages)
    return Planned(role, b"", messages)


def messages_of(
    drafts: list[Draft] | tuple[Draft, ...], of: Scheduled, sender: str, change: Change
) -> tuple[ItipMessage, ...]:
    """One for each recipient. Raises ``Refused(LIMIT)``."""
    check_size(drafts)
    summary = summary_of(list(of.parts.values()))
    return tuple(
        ItipMessage(
            id=new_id(),
            method=one.method,
            sender=sender,
            recipient=recipient,
            uid=of.uid,
            component=of.component,
            text=one.text,
            summary=summary,
            sequence=one.sequence,
            sent_by=change.sent_by,
            created=change.now,
            quiet=one.quiet,
        )
        for one in drafts
        for recipient in one.recipients
    )


def _attendee(of: Scheduled, own: frozenset[str]) -> str:
    return next((user for user in of.attendees if user in own), "")


def check_may_send(writer: Writer, messages: tuple[ItipMessage, ...]) -> None:
    if messages and not writer.may_send:
        raise Refused(Reason.NO_PERMISSION, "Nobody may send in the owner's name without his permission")
