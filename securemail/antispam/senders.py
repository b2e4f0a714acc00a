"""Connection conduct, and what SPF, DKIM and DMARC say of the sender."""

import ipaddress

from optimails.authentication import Authentication, Policy, Result
from securemail.antispam.weights import VERSION, fact
from securemail.context import Context
from securemail.examined import Examined
from securemail.facts import Fact


class Connection:
    name = "connection"
    version = VERSION

    def examine(self, examined: Examined, context: Context) -> list[Fact]:  # noqa: ARG002 - every analyser gets it
        """Facts about the client's name and how it greets; none for mail that no connection brought."""
        found: list[Fact] = []
        if not context.client or not context.helo or _at_home(context.client):
            return found
        if not context.client_name:
            found.append(fact(self.name, "NO_REVERSE_NAME", context.client))
        greeting = context.helo.lower().rstrip(".")
        if greeting in context.domains or greeting == f"[{context.client}]":
            symbol = "GREETS_AS_US" if greeting in context.domains else "GREETS_WITHOUT_NAME"
            found.append(fact(self.name, symbol, context.helo))
        elif "." not in greeting:  # RFC 5321 §4.1.1.1: a name in full, or an address literal
            found.append(fact(self.name, "GREETS_WITHOUT_NAME", context.helo))
        return found


def _at_home(client: str) -> bool:
    try:
        address = ipaddress.ip_address(client)
    except ValueError:
        return True  # a socket of this machine
    return address.is_loopback


class Checked:
    """Of the two results of SPF the envelope's counts; a signature that breaks on the way is no forgery by itself."""

    name = "authentication"
    version = VERSION

    def examine(self, examined: Examined, context: Context) -> list[Fact]:  # noqa: ARG002 - every analyser gets it
        """Facts about a sender who was checked; none where nothing was."""
        checked = context.authentication
        if checked is None:
            return []
        return [*self._spf(checked), *self._dkim(checked), *self._dmarc(checked)]

    def _spf(self, checked: Authentication) -> list[Fact]:
        symbols = {Result.FAIL: "SPF_FAILS", Result.SOFTFAIL: "SPF_SOFTLY_FAILS"}
        # RFC 7489 §5: what DMARC proves by a signature, SPF on the way of a forwarder does not disprove.
        if not checked.spf or checked.dmarc.result is Result.PASS or checked.mailfrom.result not in symbols:
            return []
        return [fact(self.name, symbols[checked.mailfrom.result], checked.mailfrom.shown, checked.remote)]

    def _dkim(self, checked: Authentication) -> list[Fact]:
        if any(one.result is Result.PASS for one in checked.dkim):
            return []
        broken = [one.domain for one in checked.dkim if one.result is Result.FAIL]
        return [fact(self.name, "DKIM_BROKEN", *broken)] if broken else []

    def _dmarc(self, checked: Authentication) -> list[Fact]:
        dmarc = checked.dmarc
        if dmarc.result is Result.PASS:
            return [fact(self.name, "AUTHOR_PROVEN", dmarc.domain)]
        if dmarc.result is not Result.FAIL:
            return []
        symbol = {Policy.REJECT: "DMARC_REJECTS", Policy.QUARANTINE: "DMARC_QUARANTINES"}.get(checked.wish)
        return [fact(self.name, symbol or "DMARC_FAILS", dmarc.domain)]
