"""ARC: whether the chain of those who handed the message on holds (RFC 8617 §5.2)."""

import asyncio

from optimails.authentication.keys import Keys
from optimails.authentication.message import Signed
from optimails.authentication.results import Arc, Result
from optimails.dkim.public_key import BadKey
from optimails.model.errors import Unavailable


async def check(keys: Keys, signed: Signed) -> Arc:
    """The state of the chain. Never raises.

    A key that the DNS does not give now makes ``temperror``, which says nothing about the chain: who hands the message
    on puts no seal on it then.
    """
    chain = signed.chain
    if not chain.sets and not chain.problem:
        return Arc(Result.NONE)
    problem = chain.problem
    if chain.sealed_fail:
        problem = "it was broken when it was sealed last"  # step 2
    elif not problem and any(one.seal.state == "fail" for one in chain.sets):
        problem = "a seal says that it was broken"
    message = chain.message
    if not problem and message is not None and signed.bodies[message.body][0] != message.body_hash:
        problem = "the body was changed after the last seal"
    if problem or message is None:
        return Arc(Result.FAIL, chain.highest, sealed_fail=chain.sealed_fail, reason=problem)
    # The newest signature of the message, and every seal (steps 4 and 6).
    wanted = [(message.domain, message.selector, message.algorithm, chain.message_digest, message.value)]
    wanted += [
        (one.domain, one.selector, one.algorithm, one.digest, one.value)
        for one in (arc_set.seal for arc_set in reversed(chain.sets))
    ]

    async def holds(domain: str, selector: str, algorithm: str, digest: bytes, value: bytes) -> bool:
        key = await keys.get(domain, selector)
        return key.verifies(algorithm, digest, value)

    results = await asyncio.gather(*(holds(*one) for one in wanted), return_exceptions=True)
    if not all(one is True or isinstance(one, Unavailable) for one in results):
        bad = next((str(one) for one in results if isinstance(one, BadKey)), "a signature does not fit")
        return Arc(Result.FAIL, chain.highest, reason=bad)
    if not all(one is True for one in results):
        return Arc(Result.TEMPERROR, chain.highest, reason="the DNS did not answer")
    return Arc(
        Result.PASS,
        chain.highest,
        tuple(one.seal.domain for one in chain.sets),
        tuple(one.results for one in chain.sets),
    )
