"""Whether a mail proves to come from its author's domain. Pure.

A scheduling message changes calendars without asking anybody, so its sender must be known, not believed. By DMARC,
where the author's domain has a record; without one, by a signature or an envelope sender of the same organisation,
which is what DMARC would have looked for (RFC 7489 §3.1). The domain's own servers see to it that one of its users
does not write as another.
"""

from optimails.authentication import Authentication, Result
from optimails.authentication.organisation import aligned
from optimails.model.address import EmailAddress
from optimails.model.dns_name import ascii_name


def proves(found: Authentication, author: EmailAddress) -> bool:
    try:
        domain = ascii_name(author.domain)
    except ValueError:
        return False
    if found.dmarc.result is Result.PASS:
        return found.dmarc.domain == domain
    if found.dmarc.result not in (Result.NONE, Result.TEMPERROR):
        return False
    spf = found.mailfrom
    if spf.result is Result.PASS and spf.identity == "mailfrom" and aligned(spf.domain, domain, strict=False):
        return True
    return any(one.result is Result.PASS and aligned(one.domain, domain, strict=False) for one in found.dkim)
