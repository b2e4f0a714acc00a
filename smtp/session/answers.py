"""The one place where outcomes and errors become replies."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from optimails.delivery.api import DELIVERED, Delivered, Failed, Outcome
from optimails.door.sessions import Ending
from optimails.model.address import EmailAddress
from optimails.model.errors import BadSyntax, MailError, Reason, Refused
from smtp.wire.replies import SHUTTING_DOWN, BadCommand, basic_code, reply

FAREWELLS = {
    Ending.GOING_DOWN: SHUTTING_DOWN,
    Ending.NOT_ACTIVE: reply(421, "4.7.0", "This account is not available"),
    Ending.CREDENTIALS: reply(421, "4.7.0", "The password has changed, log in again"),
}
NOTHING_LOST_LATER = Failed(permanent=False, status="4.3.0", text="Not all recipients have it yet, try again later")


def of_failure(failed: Failed) -> bytes:
    """The reply for one recipient."""
    return reply(basic_code(failed.status), failed.status, failed.text)


def of_error(error: MailError) -> bytes:
    """The reply to a command that raised one of the errors a client may see."""
    match error:
        case BadCommand():
            return error.reply
        case BadSyntax():
            return reply(501, "5.5.2", str(error))
        case Refused():
            return reply(550, "5.7.1", str(error))
        case _:
            return reply(451, "4.3.0", str(error))


def of_login_error(error: MailError) -> bytes:
    """The reply to AUTH (RFC 4954 §6)."""
    match error:
        case BadSyntax():
            return reply(501, "5.5.2", str(error))
        case Refused(reason=Reason.CANNOT):
            return reply(504, "5.5.4", "Unknown authentication mechanism")
        case Refused(reason=Reason.LIMIT):
            return reply(454, "4.7.0", str(error))
        case Refused():
            return reply(535, "5.7.8", "Authentication failed")
        case _:
            return reply(454, "4.7.0", "Temporary authentication failure")


def of_bug(identifier: str) -> bytes:
    """All that is shown of an error of ours."""
    return reply(451, "4.3.0", f"Internal error {identifier}, try again later")


@dataclass(frozen=True, slots=True)
class Verdict:
    """The one answer of SMTP for all recipients: ``failed`` None is 250."""

    failed: Failed | None
    bounce: Mapping[EmailAddress, Failed]  # whom the sender must be told of, because the answer does not


def verdict(
    recipients: Sequence[EmailAddress], outcomes: Mapping[EmailAddress, Outcome], *, can_bounce: bool
) -> Verdict:
    """What to answer so that nothing is lost.

    250 takes responsibility for every recipient, so it is given when all have the message, or when we can tell the
    sender ourselves about those who never will. While one may still get it, 4xx. When nobody got it and nobody will,
    5xx tells the sender all.
    """
    failed = {address: what for address in recipients if isinstance(what := outcomes[address], Failed)}
    if not failed:
        return Verdict(None, {})
    for temporary in failed.values():
        if not temporary.permanent:
            return Verdict(
                temporary if all(what == temporary for what in outcomes.values()) else NOTHING_LOST_LATER, {}
            )
    if len(failed) == len(outcomes):
        return Verdict(next(iter(failed.values())), {})
    if can_bounce:
        return Verdict(None, failed)
    # A stranger cannot be told who of several failed; when it comes again, RCPT refuses those.
    return Verdict(NOTHING_LOST_LATER, {})


def for_each(
    recipients: Sequence[EmailAddress], outcomes: Mapping[EmailAddress, Outcome]
) -> dict[EmailAddress, Outcome]:
    """The answers of LMTP. Whom a filter added has none of his own, so all who are answered hear of his trouble.

    While he may still get the message, the client keeps it for everybody; when a recipient was taken off the list and
    nobody whom the filter put in his place takes it, that is the recipient's answer.
    """
    named = set(recipients)
    added = [what for who, what in outcomes.items() if who not in named]
    failed = [what for what in added if isinstance(what, Failed)]
    instead: Outcome = failed[0] if failed and len(failed) == len(added) else DELIVERED
    found = {who: outcomes.get(who, instead) for who in recipients}
    if any(not what.permanent for what in failed):
        return {who: what if isinstance(what, Failed) else NOTHING_LOST_LATER for who, what in found.items()}
    return found


def deferred(outcomes: Mapping[EmailAddress, Outcome]) -> list[EmailAddress]:
    """The recipients that a client of LMTP will send the message to again."""
    return [address for address, what in outcomes.items() if not isinstance(what, Delivered) and not what.permanent]
