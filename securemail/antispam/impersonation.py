"""Who the message pretends to come from: display names and domains that are meant to be taken for somebody else's."""

import re

from optimails.authentication import Result
from securemail.antispam.brands import BRANDS
from securemail.antispam.names import folded, homograph, lookalike, organisation
from securemail.antispam.urls import imitates_brand
from securemail.antispam.weights import VERSION, fact
from securemail.context import Context
from securemail.examined import Examined
from securemail.facts import Fact
from securemail.policy.words import fold

_ADDRESS = re.compile(r"[\w.+-]{1,64}@((?:[\w-]{1,63}\.){1,6}[a-z]{2,24})", re.IGNORECASE)


class Impersonation:
    name = "impersonation"
    version = VERSION

    def examine(self, examined: Examined, context: Context) -> list[Fact]:
        """Facts about From; none for mail of one's own people that was proven to be theirs."""
        name, address = examined.author
        domain = examined.author_domain
        if not domain:
            return []
        proven = context.authentication is not None and context.authentication.dmarc.result is Result.PASS
        if domain in context.domains:
            # What comes from outside in the name of the house, and nothing proves it.
            claimed = context.authentication is not None and not proven
            return [fact(self.name, "AUTHOR_CLAIMS_US", address)] if claimed else []
        return [*self._domain(domain, context), *self._name(name, address, domain, context)]

    def _domain(self, domain: str, context: Context) -> list[Fact]:
        if homograph(domain) or imitates_brand(domain) or any(lookalike(domain, one) for one in context.domains):
            return [fact(self.name, "AUTHOR_LOOKALIKE", domain)]
        return []

    def _name(self, name: str, address: str, domain: str, context: Context) -> list[Fact]:
        found = []
        other = _ADDRESS.search(name[:300])
        if other and organisation(other[1].lower()) != organisation(domain):
            found.append(fact(self.name, "NAME_HAS_OTHER_ADDRESS", f"{name} <{address}>"))
        theirs = context.people.get(folded(name)) if " " in name.strip() else None
        if theirs and address not in theirs:
            found.append(fact(self.name, "NAME_OF_COLLEAGUE", f"{name} <{address}>", *sorted(theirs)))
        words = f" {fold(name)} "
        for brand, domains in BRANDS.items():
            if f" {brand} " in words and organisation(domain) not in domains and not domain.endswith(domains):
                found.append(fact(self.name, "NAME_OF_BRAND", f"{name} <{address}>"))
                break
        return found
