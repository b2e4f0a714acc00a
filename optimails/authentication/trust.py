"""Sealers we trust: mailing lists and forwarders whose word counts when they broke a signature (RFC 8617 §7.2.1).

A seal says who handed the message on, not that it is true what stands in it: anybody can seal anything. So a finding
counts when a trusted sealer wrote it and everybody who had the message since is trusted as well.
"""

import re
from collections.abc import Collection

from optimails.authentication.results import Arc, Dmarc, Policy, Result

_PASS = re.compile(r"(?:\A|;)[ \t]*dmarc[ \t]*=[ \t]*pass\b", re.IGNORECASE)
_AUTHOR = re.compile(r"\bheader\.from[ \t]*=[ \t]*\"?([^\s;\"]+)", re.IGNORECASE)


def overruled(verdict: Dmarc, arc: Arc, trusted: Collection[str]) -> Dmarc:
    """The verdict, with no consequence when trusted sealers saw the message pass."""
    if verdict.result is not Result.FAIL or verdict.disposition is Policy.NONE or arc.result is not Result.PASS:
        return verdict
    for sealer, found in zip(reversed(arc.sealers), reversed(arc.assessments), strict=True):
        if sealer not in trusted:
            break
        if _passed(found, verdict.domain):
            reason = f"it passed at {sealer}, whose seal is trusted"
            return Dmarc(verdict.result, verdict.domain, verdict.policy, Policy.NONE, reason)
    return verdict


def _passed(found: str, author: str) -> bool:
    """Whether these results say that DMARC passed for that author's domain."""
    for part in found.split(";"):
        if _PASS.match(part):
            named = _AUTHOR.search(part)
            return named is not None and named[1].lower().rpartition("@")[2].rstrip(".") == author
    return False
