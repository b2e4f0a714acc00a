"""Recipients on other servers: who may be written to, and the way into the queue."""

import re
import time
from collections.abc import Iterable, Mapping
from ipaddress import ip_address
from itertools import chain

from optimails.config import Config
from optimails.delivery import failures
from optimails.delivery.api import Failed, SmtpEnvelope
from optimails.delivery.callouts import Callouts, Prober
from optimails.delivery.relays import Relays
from optimails.delivery.spool import Spool
from optimails.directory.api import Resolution
from optimails.model.account import Account
from optimails.model.address import EmailAddress
from optimails.model.errors import Refused, Unavailable
from optimails.model.ids import AccountId
from optimails.queue.api import Notify, Origin, Outbound, QueuedRecipient
from optimails.queue.control import Choice
from optimails.queue.store import Queue

_SPECIAL = re.compile(r"[^\x21-\x7e]|[+=]")  # what xtext writes as a number (RFC 3461 §4)
QUARANTINED = "A filter put it into quarantine"
_MARK = "@"  # no account's id begins so
ROOM_KEPT = 1.0  # seconds for which an account's room is believed, so that a thousand RCPT ask once


def place(address: EmailAddress) -> AccountId:
    """What stands for another server's recipient where accounts are noted that have a message."""
    return AccountId(f"{_MARK}{address}")


def is_place(account: AccountId) -> bool:
    """Whether it stands for another server's recipient."""
    return account.startswith(_MARK)


class Remote:
    """One per worker."""

    def __init__(self, config: Config, queue: Queue, prober: Prober | None = None) -> None:
        callouts = Callouts(prober, config.server.data / "run" / "callouts.sqlite") if prober else None
        self._relays = Relays(config.relay, callouts)
        self._askers = {relay.domain: relay.etrn_networks for relay in config.relay}
        self._queue = queue
        self._rooms: dict[AccountId, tuple[float, int | None]] = {}

    async def resolve(self, recipient: EmailAddress, *, trusted: bool) -> Failed | Resolution:
        """For a recipient whose domain is not local: whether its mail may pass through us."""
        refused = await self._relays.check(recipient)
        if refused is None:
            return Resolution((), (recipient,))
        if not trusted or refused is not failures.NOT_LOCAL:
            return refused
        # A literal or a name without a dot is a machine of our own network, which no stranger should reach through us.
        if recipient.domain.startswith("[") or "." not in recipient.domain:
            return failures.NO_SUCH_DOMAIN
        return Resolution((), (recipient,))

    def close(self) -> None:
        self._relays.close()

    def may_ask_for(self, address: str, domain: str | None) -> bool:
        """By ETRN: from the networks that the domain's table names."""
        networks = self._askers.get(domain, ()) if domain is not None else chain.from_iterable(self._askers.values())
        return bool(address) and any(ip_address(address) in network for network in networks)

    async def hurry(self, domain: str) -> int:
        """Try now what waits for a domain."""
        return await self._queue.flush(Choice(destination=domain))

    async def room(self, sender: Account) -> Failed | None:
        """Whether the account may write to anybody outside now."""
        known = self._rooms.get(sender.id)
        now = time.monotonic()
        if known is None or now - known[0] > ROOM_KEPT:
            if len(self._rooms) > 10_000:
                self._rooms.clear()
            try:
                known = self._rooms[sender.id] = (now, await self._queue.room(sender.id))
            except Unavailable:
                return failures.QUEUE_AWAY
        return failures.ENOUGH if known[1] == 0 else None

    async def queue(
        self,
        envelope: SmtpEnvelope,
        targets: Mapping[EmailAddress, EmailAddress],
        received: bytes,
        content: Spool,
    ) -> Failed | None:
        """Queue the message for ``targets`` (each with the recipient that led to it); None when it is on disk."""
        account = envelope.account
        forwarded = any(target != recipient for target, recipient in targets.items())
        origin = Origin.FORWARD if forwarded else Origin.RELAY
        if account is not None:
            origin = Origin.SUBMISSION
        elif envelope.trusted:
            origin = Origin.NOTICE if envelope.sender is None else Origin.FORWARD
        outbound = Outbound(
            envelope.sender,
            tuple(_wished(envelope, target, recipient) for target, recipient in targets.items()),
            origin,
            account=account.id if account else "",
            smtputf8=envelope.smtputf8,
            body=envelope.body,
            ret=envelope.ret,
            envid=envelope.envid,
            priority=envelope.priority,
            require_tls=envelope.require_tls,
            deliver_by=envelope.deliver_by,
            tell_at=envelope.tell_at,
            not_before=envelope.not_before,
            hold=envelope.hold or (QUARANTINED if envelope.junk else ""),
        )
        try:
            await self._queue.accept(outbound, _pieces(received, content))
        except Refused:
            if account is not None:
                self._rooms.pop(account.id, None)
            return failures.ENOUGH
        except Unavailable:
            return failures.QUEUE_AWAY
        return None


def _wished(envelope: SmtpEnvelope, target: EmailAddress, recipient: EmailAddress) -> QueuedRecipient:
    wish = envelope.wishes.get(recipient)
    notify: frozenset[Notify] | None = wish.notify if wish else None
    orcpt = wish.orcpt if wish else ""
    if not orcpt and target != recipient and str(recipient).isascii():
        orcpt = "rfc822;" + _SPECIAL.sub(lambda match: f"+{ord(match[0]):02X}", str(recipient))  # RFC 3461 §4.2
    return QueuedRecipient(target, notify, orcpt, envelope.junk or recipient in envelope.disowned)


def _pieces(received: bytes, content: Spool) -> Iterable[bytes]:
    yield received
    yield from content.pieces()
