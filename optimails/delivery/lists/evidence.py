"""Whether the sender of a post has proven to be who it says, by what the checks of incoming mail found."""

from optimails.authentication.results import Authentication, Policy, Result
from optimails.delivery.api import SmtpEnvelope
from optimails.model.dns_name import ascii_name


def proven(envelope: SmtpEnvelope) -> bool | None:
    """True: something speaks for the domain of the envelope's sender. False: something speaks against it, and nothing
    for it. None: nobody has looked, or there is nothing to see; then the address counts, as it always has.
    """
    found, sender = envelope.authentication, envelope.sender
    if found is None or sender is None:
        return None
    try:
        domain = ascii_name(sender.domain)
    except ValueError:
        return None
    if domain in _vouched(found):
        return True
    return False if found.mailfrom.result is Result.FAIL or found.wish is not Policy.NONE else None


def _vouched(found: Authentication) -> set[str]:
    """The domains that stand for the message."""
    domains = {one.domain for one in found.dkim if one.result is Result.PASS}
    if found.mailfrom.result is Result.PASS and found.mailfrom.identity == "mailfrom":
        domains.add(found.mailfrom.domain)
    if found.dmarc.result is Result.PASS:
        domains.add(found.dmarc.domain)
    return {one.lower() for one in domains}
