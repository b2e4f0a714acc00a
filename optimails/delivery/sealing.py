"""Seals on what is sent on (ARC): by the domain of ours that sends it on, with its DKIM key, where it has one."""

import asyncio
import logging

from prometheus_client import Counter

from optimails.authentication.seal import seal
from optimails.config import Config
from optimails.delivery.spool import Spool
from optimails.dkim import Signer
from optimails.model.dns_name import ascii_name

log = logging.getLogger(__name__)

_SEALED = Counter("optimails_arc_seals_total", "Messages sent on, by whether they got a seal.", ["result"])


class Sealer:
    """One per worker."""

    def __init__(self, config: Config) -> None:
        settings = config.authentication
        self._keys = Signer(config.server.data).keys if settings.seal else None
        self._authserv = settings.name or config.server.hostname

    async def seal(self, domain: str, received: bytes, content: Spool) -> bytes:
        """Fields to stand on top of ``received`` and ``content``; nothing without a key or a need. Never raises."""
        if self._keys is None or not domain:
            return b""
        try:
            made = await asyncio.get_running_loop().run_in_executor(None, self._seal, domain, received, content)
        except Exception as wrong:  # noqa: BLE001  (mail without a seal is better than no mail; it is logged)
            log.warning("arc_not_sealed", extra={"fields": {"domain": domain, "why": str(wrong)[:300]}})
            made = b""
        _SEALED.labels("sealed" if made else "none").inc()
        return made

    def _seal(self, domain: str, received: bytes, content: Spool) -> bytes:
        assert self._keys is not None
        keys = self._keys.active(ascii_name(domain))
        if not keys:
            return b""
        top = content.header()
        if top is None:
            raise ValueError("the header is too large to be sealed")
        header, start = top
        return seal(received + header, content.body(start), keys, self._authserv)
