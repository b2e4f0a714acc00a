"""DKIM signatures of submitted mail (RFC 6376): what our users send is signed for the domain they send from.

The domain is that of the envelope's sender, which is always checked against the account. The From field is not where
``submission_from`` allows any: to sign for its domain would let one customer sign in another's name.
"""

import asyncio
import logging
from typing import TYPE_CHECKING

from optimails.delivery.spool import Spool
from optimails.dkim import Signer
from optimails.model.address import EmailAddress

if TYPE_CHECKING:
    from smtp.session.session import Session

log = logging.getLogger(__name__)


async def signature(session: "Session", sender: EmailAddress | None, added: bytes, spool: Spool) -> bytes:
    """Fields to stand on top of everything; nothing when the sender's domain has no keys. Never raises.

    ``added`` is what we put above the message and sign with it.
    """
    signer = session.door.signer
    if signer is None or sender is None or session.account is None or not session.door.submission:
        return b""
    try:
        return await asyncio.get_running_loop().run_in_executor(None, _sign, signer, sender.domain, added, spool)
    except Exception as wrong:  # noqa: BLE001  (mail without a signature is better than no mail; it is logged)
        log.warning("dkim_not_signed", extra={"fields": {"domain": sender.domain, "why": str(wrong)}})
        return b""


def _sign(signer: Signer, domain: str, added: bytes, spool: Spool) -> bytes:
    if not signer.signs_for(domain):
        return b""
    top = spool.header()
    if top is None:
        raise ValueError("the header is too large to be signed")
    header, start = top
    return signer.sign(added + header, spool.body(start), domain)
