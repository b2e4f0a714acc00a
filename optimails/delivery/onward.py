"""What leaves for other servers, and what comes back of it: one message in the queue for each sender it needs.

Mail of a stranger that an address of ours sends on gets a sender in that address' domain (``optimails.delivery.srs``),
and that domain's seal on what we found of it when it came (``optimails.delivery.sealing``).
Mail that is only relayed keeps its own: the server behind us does not ask whether we may send it.
"""

from collections.abc import Mapping
from dataclasses import replace

from optimails.config import Config
from optimails.delivery import failures
from optimails.delivery.api import Failed, SmtpEnvelope
from optimails.delivery.remote import Remote
from optimails.delivery.sealing import Sealer
from optimails.delivery.spool import Spool
from optimails.delivery.srs import Srs
from optimails.directory.api import Directory
from optimails.model.address import EmailAddress
from optimails.model.errors import Unavailable
from optimails.model.ids import AccountId

Outside = Mapping[AccountId, tuple[EmailAddress, EmailAddress]]
"""Recipients on other servers: by what stands for each in notes, it and the recipient that led there."""


class Onward:
    """One per worker."""

    def __init__(self, directory: Directory, remote: Remote | None, config: Config) -> None:
        self._directory = directory
        self._remote = remote
        self._srs = Srs(config.server.data)
        self._sealer = Sealer(config)

    async def queue(
        self, envelope: SmtpEnvelope, outside: Outside, received: bytes, content: Spool
    ) -> dict[AccountId, Failed]:
        """Queue for all of them; gives those that are not queued."""
        if not outside or self._remote is None:
            return {}
        failed: dict[AccountId, Failed] = {}
        try:
            parts = await self._parts(envelope, outside)
        except Unavailable:
            return dict.fromkeys(outside, failures.DIRECTORY_AWAY)
        for via, one, some in parts:
            seal = await self._sealer.seal(via, received, content)
            refused = await self._remote.queue(one, dict(some.values()), seal + received, content)
            if refused is not None:
                failed |= dict.fromkeys(some, refused)
        return failed

    async def _parts(self, envelope: SmtpEnvelope, outside: Outside) -> list[tuple[str, SmtpEnvelope, Outside]]:
        """The envelope for each domain of ours that sends the message on; no domain where its own sender sends it."""
        sender = envelope.sender
        if envelope.account is not None:
            return [("", envelope, outside)]
        parts: dict[str, dict[AccountId, tuple[EmailAddress, EmailAddress]]] = {}
        for name, (target, recipient) in outside.items():
            via = envelope.via or (recipient.domain if target != recipient else "")
            parts.setdefault(via, {})[name] = (target, recipient)
        # A sender at a domain of ours has this server in its SPF record, and the null sender has none.
        if sender is None or await self._directory.is_local(sender.domain):
            return [(via, envelope, some) for via, some in parts.items()]
        return [
            (via, replace(envelope, sender=await self._srs.rewrite(sender, via)) if via else envelope, some)
            for via, some in parts.items()
        ]

    async def came_back(self, recipient: EmailAddress) -> EmailAddress | Failed | None:
        """Who really wrote, for a recipient in the form of a rewritten sender; None when its domain is another's."""
        try:
            if not await self._directory.is_local(recipient.domain):
                return None
            return await self._srs.read(recipient) or failures.UNKNOWN
        except Unavailable:
            return failures.DIRECTORY_AWAY

    async def only_bounces(self, recipient: EmailAddress) -> Failed | None:
        """Why somebody who is not the null sender does not write to a rewritten sender; None: it is not ours."""
        try:
            return failures.ONLY_BOUNCES if await self._directory.is_local(recipient.domain) else None
        except Unavailable:
            return failures.DIRECTORY_AWAY
