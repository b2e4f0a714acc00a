"""DKIM: whether a signature holds, and whose it is (RFC 6376 §6, with what RFC 8301 no longer lets count)."""

import time

from optimails.authentication.keys import Keys
from optimails.authentication.message import Candidate, Signed
from optimails.authentication.results import Dkim, Result
from optimails.dkim.public_key import BadKey
from optimails.dkim.signature import Signature
from optimails.model.errors import Unavailable


async def check(keys: Keys, signed: Signed, candidate: Candidate) -> Dkim:
    """One signature. Never raises."""
    one = candidate.signature
    if one is None:
        assert candidate.problem is not None
        return Dkim(Result.POLICY if candidate.problem.weak else Result.PERMERROR, reason=str(candidate.problem))
    result, reason = await _outcome(keys, signed, candidate, one)
    return Dkim(result, one.domain, one.selector, one.algorithm, one.mark, reason)


async def _outcome(keys: Keys, signed: Signed, candidate: Candidate, one: Signature) -> tuple[Result, str]:
    if one.expires is not None and one.expires < time.time():
        return Result.FAIL, "the signature has expired"
    digest, length = signed.bodies[one.body]
    if digest != one.body_hash:
        return Result.FAIL, "the body was changed"
    if one.body.length is not None and length < one.body.length:
        return Result.PERMERROR, "l= is beyond the end of the body"
    try:
        key = await keys.get(one.domain, one.selector)
    except Unavailable:
        return Result.TEMPERROR, "the DNS did not answer"
    except BadKey as wrong:
        return Result.POLICY if wrong.weak else Result.PERMERROR, str(wrong)
    if key.strict and one.identity != one.domain:
        return Result.PERMERROR, "the key is not for subdomains"  # §3.6.1, t=s
    if not key.verifies(one.algorithm, candidate.header_digest, one.value):
        if key.testing:
            return Result.NEUTRAL, "the domain only tries DKIM out"  # §3.6.1, t=y: as if it were not signed
        return Result.FAIL, "the signature does not fit"
    if one.body.length is not None and length > one.body.length:
        # §8.2: anybody can write something below what was signed.
        return Result.POLICY, "the end of the body is not signed"
    return Result.PASS, ""
