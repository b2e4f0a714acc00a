"""The public keys of signers, asked of the DNS; within one message each is asked for once."""

import asyncio

from optimails.dkim.public_key import BadKey, PublicKey, parse_key
from optimails.dns import Resolver


class Keys:
    """For one message."""

    def __init__(self, resolver: Resolver) -> None:
        self._resolver = resolver
        self._asked: dict[tuple[str, str], asyncio.Task[PublicKey]] = {}

    async def get(self, domain: str, selector: str) -> PublicKey:
        """Raises ``BadKey``, or ``Unavailable`` when the DNS cannot tell."""
        task = self._asked.get((domain, selector))
        if task is None:
            task = self._asked[domain, selector] = asyncio.create_task(self._fetch(domain, selector))
        return await asyncio.shield(task)

    def close(self) -> None:
        """Nobody waits any longer."""
        for task in self._asked.values():
            if task.done():
                task.cancelled() or task.exception()  # somebody has seen it, or nobody needs to
            else:
                task.cancel()

    async def _fetch(self, domain: str, selector: str) -> PublicKey:
        texts = await self._resolver.texts(f"{selector}._domainkey.{domain}")
        if not texts:
            raise BadKey("there is no key")
        problem: BadKey | None = None
        for text in texts[:3]:  # RFC 6376 §3.6.2.2 leaves it open; a stray record beside the key does no harm
            try:
                return parse_key(text)
            except BadKey as wrong:
                problem = problem or wrong
        assert problem is not None
        raise problem
