"""All checks of one message, side by side and within one span of time."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

from optimails.authentication import arc, dkim, dmarc, spf
from optimails.authentication.keys import Keys
from optimails.authentication.message import Candidate, Signed, read
from optimails.authentication.results import Arc, Authentication, Dkim, Result, Spf
from optimails.authentication.trust import overruled
from optimails.config.authentication import AuthenticationSettings
from optimails.dns import Resolver
from optimails.model.address import EmailAddress

T = TypeVar("T")
_INLINE = 65_536  # bytes that are looked at in the event loop: a thread would cost more
LATE = "it took too long"


@dataclass(frozen=True, slots=True)
class Origin:
    """Who brought the message, as the connection and the envelope say."""

    remote: str  # IP address
    helo: str
    sender: EmailAddress | None


class Authenticator:
    """One per listener and worker; safe to use for many messages at a time."""

    def __init__(self, resolver: Resolver, settings: AuthenticationSettings) -> None:
        self._resolver = resolver
        self._settings = settings

    async def check(
        self, origin: Origin, header: bytes, body: Callable[[], Iterable[bytes]], size: int
    ) -> Authentication:
        """Everything there is to know. Never raises for anything the message says or the DNS does.

        Args:
            origin: who brought it.
            header: the whole header, lines ending with CR LF.
            body: gives its bytes after the empty line, in pieces; called in a thread when the message is large.
            size: of the message, in bytes.
        """
        deadline = asyncio.get_running_loop().time() + self._settings.timeout
        sender_check = asyncio.ensure_future(self._spf(origin, deadline))
        keys = Keys(self._resolver)
        try:
            signed = await self._read(header, body, size)
            authors = signed.authors or ()
            unknown = [dmarc.Published(one, None, unknown=True) for one in authors]
            published, chain, signatures = await asyncio.gather(
                self._in_time(dmarc.published(self._resolver, authors), deadline, unknown),
                self._in_time(arc.check(keys, signed), deadline, _late_chain(signed)),
                asyncio.gather(*(self._dkim(keys, signed, one, deadline) for one in signed.candidates)),
            )
            spf_found = await sender_check
        finally:
            sender_check.cancel()
            keys.close()
        verdict = dmarc.judge(published, signed.authors, spf_found[0], signatures)
        verdict = overruled(verdict, chain, self._settings.trusted_sealers)
        return Authentication(str(spf.address(origin.remote)), spf_found, tuple(signatures), verdict, chain)

    async def _read(self, header: bytes, body: Callable[[], Iterable[bytes]], size: int) -> Signed:
        most = self._settings.max_signatures
        if size <= _INLINE:
            return read(header, body(), most)
        return await asyncio.get_running_loop().run_in_executor(None, lambda: read(header, body(), most))

    async def _spf(self, origin: Origin, deadline: float) -> tuple[Spf, ...]:
        sender, helo = origin.sender, origin.helo
        late = [Spf(Result.TEMPERROR, "helo", helo, helo, LATE)]
        if sender is not None:
            late.insert(0, Spf(Result.TEMPERROR, "mailfrom", sender.domain, sender.domain, LATE))
        return await self._in_time(spf.check(self._resolver, origin.remote, helo, sender), deadline, tuple(late))

    async def _dkim(self, keys: Keys, signed: Signed, candidate: Candidate, deadline: float) -> Dkim:
        one = candidate.signature
        late = Dkim(Result.TEMPERROR, reason=LATE)
        if one is not None:
            late = Dkim(Result.TEMPERROR, one.domain, one.selector, one.algorithm, one.mark, LATE)
        return await self._in_time(dkim.check(keys, signed, candidate), deadline, late)

    @staticmethod
    async def _in_time(work: Awaitable[T], deadline: float, otherwise: T) -> T:
        try:
            async with asyncio.timeout_at(deadline):
                return await work
        except TimeoutError:
            return otherwise


def _late_chain(signed: Signed) -> Arc:
    chain = signed.chain
    if not chain.sets and not chain.problem:
        return Arc(Result.NONE)
    return Arc(Result.TEMPERROR, chain.highest, sealed_fail=chain.sealed_fail, reason=LATE)
