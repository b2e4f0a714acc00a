"""DKIM signatures of submitted mail (RFC 6376): what our users send is signed for the domain they send from.

The domain is that of the From field, for DMARC compares the signature with it (RFC 7489 §3.1.1); every address in it
was checked against the account by then. Where ``submission_from`` allows any, it was not, and to sign for its domain
would let one customer sign in another's name: then it is the domain of the envelope's sender, which is always checked.
"""

import asyncio
import logging
from typing import TYPE_CHECKING

from optimails.delivery.spool import Spool
from optimails.dkim import Signer, canonical
from optimails.model.address import EmailAddress
from optimails.model.errors import BadSyntax
from smtp.wire.authors import authors

if TYPE_CHECKING:
    from smtp.session.session import Session

log = logging.getLogger(__name__)


async def signature(session: "Session", sender: EmailAddress | None, added: bytes, spool: Spool) -> bytes:
    """Fields to stand on top of everything; nothing when the sender's domain has no keys. Never raises.

    ``added`` is what we put above the message and sign with it.
    """
    signer = session.door.signer
    if signer is None or session.account is None or not session.door.submission:
        return b""
    checked = session.door.settings.submission_from != "allow"
    try:
        return await asyncio.get_running_loop().run_in_executor(None, _sign, signer, sender, added, spool, checked)
    except Exception as wrong:  # noqa: BLE001  (mail without a signature is better than no mail; it is logged)
        fields = {"domain": sender.domain if sender else "", "why": str(wrong)}
        log.warning("dkim_not_signed", extra={"fields": fields})
        return b""


def _sign(signer: Signer, sender: EmailAddress | None, added: bytes, spool: Spool, checked: bool) -> bytes:  # noqa: FBT001  # as the setting
    top = spool.header()
    if top is None:
        raise ValueError("the header is too large to be signed")
    header, start = top
    domains = [*(_authors_domains(header) if checked else ()), *([sender.domain] if sender else ())]
    for domain in domains:
        if signer.signs_for(domain):
            return signer.sign(added + header, spool.body(start), domain)
    return b""


def _authors_domains(header: bytes) -> list[str]:
    """The domains in From, in its order."""
    for name, whole in canonical.fields(header):
        if name == b"from":
            try:
                return [author.address.domain for author in authors(whole.partition(b":")[2])]
            except BadSyntax:
                return []
    return []
