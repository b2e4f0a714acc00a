"""What comes in from strangers on port 25 is checked before it is accepted: SPF, DKIM, DMARC, ARC.

One call, ``look``, does it all: the checks, the field that says what they found, the removal of fields that pretend to
be ours, and the decision. Mail of one's own relays and of this machine is taken as it is: they have checked it, or it
comes from here. What a user submits may not bring such fields either, and must be written in his own name
(``smtp.session.authors``).
"""

import asyncio
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from prometheus_client import Counter

from optimails.authentication import Authentication, Policy, header
from optimails.authentication.authenticator import Authenticator, Origin
from optimails.config import Config, Protocol
from optimails.config.authentication import AuthenticationSettings, DmarcAction
from optimails.door.guard import normal_address
from optimails.model.address import EmailAddress
from smtp.session import authors
from smtp.session.transaction import Transaction
from smtp.wire import replies

if TYPE_CHECKING:
    from smtp.session.session import Session

log = logging.getLogger(__name__)

_DISOWNED = replies.reply(550, "5.7.1", "The domain in From does not stand behind this message (DMARC)")
_HEADER_TOO_LARGE = replies.reply(552, "5.3.4", "The header of the message is larger than this server takes")

_CHECKS = Counter("optimails_authentication_total", "Checks of mail from strangers, by result.", ["check", "result"])


@dataclass(frozen=True, slots=True)
class Authenticity:
    """What a listener needs to check mail, and to tell its own findings from others'."""

    settings: AuthenticationSettings
    name: str  # of this service in the findings
    authenticator: Authenticator | None = None  # None: nothing is checked here

    @classmethod
    def of(cls, config: Config, authenticator: Authenticator | None) -> "Authenticity":
        settings = config.authentication
        return cls(settings, settings.name or config.server.hostname, authenticator if settings.check else None)


@dataclass(frozen=True, slots=True)
class Look:
    """Fields to put on top, or the answer to a message that is not wanted."""

    header: bytes = b""
    refusal: bytes | None = None


_NOTHING = Look()


async def look(session: "Session", transaction: Transaction) -> Look:
    """Check the message, and note in the transaction what was found and for whom it is junk.

    The content may be another afterwards: without fields that claim to be ours.
    """
    authenticity = session.door.authenticity
    spool = transaction.spool
    if authenticity is None or session.door.lmtp or spool is None or _trusted(session, authenticity.settings):
        return _NOTHING
    top = await spool.header_beside()
    if top is None:
        return Look(refusal=_HEADER_TOO_LARGE)
    fields, start = top
    found = await _check(session, transaction, fields, start)
    kept = header.without_claims(fields, authenticity.name)
    if session.door.submission:
        refusal = await authors.refusal(session, fields)
        if refusal is not None:
            return Look(refusal=refusal)
        kept = authors.without_private(kept)
    if kept != fields:
        transaction.spool = await asyncio.to_thread(spool.with_header, kept + b"\r\n", start)
        spool.close()
    if found is None:
        return _NOTHING
    transaction.authentication = found
    if _disowned(transaction, authenticity.settings, found.wish):
        return Look(refusal=_DISOWNED)
    return Look(header.render(authenticity.name, found))


def _trusted(session: "Session", settings: AuthenticationSettings) -> bool:
    """Whether it comes from a relay of our own. A user is not one: what pretends to be ours is taken away."""
    if session.door.protocol is not Protocol.SMTP:
        return False
    text = (session.forwarded or session.peer).address
    address = normal_address(text)
    return not text or (address is not None and any(address in network for network in settings.trusted_networks))


async def _check(session: "Session", transaction: Transaction, fields: bytes, start: int) -> Authentication | None:
    authenticity, spool = session.door.authenticity, transaction.spool
    assert authenticity is not None
    assert spool is not None
    authenticator = authenticity.authenticator
    if authenticator is None or session.door.protocol is not Protocol.SMTP or session.account is not None:
        return None
    peer, mail = session.origin, transaction.mail
    origin = Origin(peer.address, peer.hello, mail.sender)
    found = await authenticator.check(origin, fields, lambda: spool.body(start), spool.size)
    _count(found)
    if log.isEnabledFor(logging.INFO):
        log.info("authentication", extra={"fields": {"session": session.id, **_summary(found)}})
    return found


def _disowned(transaction: Transaction, settings: AuthenticationSettings, wish: Policy) -> bool:
    """Whether nobody here takes the message; for whom it is junk is noted."""
    if wish is Policy.NONE:
        return False
    actions = {who: _action(settings, who) for who in transaction.recipients}
    if wish is Policy.REJECT and set(actions.values()) == {DmarcAction.REJECT}:
        return True
    # One answer is for all: where somebody takes it, those who would have refused it find it among their junk.
    transaction.disowned = frozenset(who for who, action in actions.items() if action is not DmarcAction.MARK)
    return False


def _action(settings: AuthenticationSettings, recipient: EmailAddress) -> DmarcAction:
    return settings.dmarc_domains.get(recipient.domain, settings.dmarc)


def _count(found: Authentication) -> None:
    _CHECKS.labels("spf", found.mailfrom.result.value).inc()
    for one in found.dkim:
        _CHECKS.labels("dkim", one.result.value).inc()
    _CHECKS.labels("dmarc", found.dmarc.result.value).inc()
    _CHECKS.labels("arc", found.arc.result.value).inc()


def _summary(found: Authentication) -> dict[str, object]:
    return {
        "remote": found.remote,
        "spf": found.mailfrom.result.value,
        "dkim": [f"{one.result.value} {one.domain}".rstrip() for one in found.dkim],
        "dmarc": found.dmarc.result.value,
        "from": found.dmarc.domain,
        "policy": found.dmarc.disposition.value,
        "arc": found.arc.result.value,
    }
