"""How much a network, an account and a domain may send and receive: ``[traffic]`` and ``[[domain_limit]]``.

Only what is let through counts, so that who is put off gets in again as soon as there is room, however often it asks.
"""

from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network

from optimails.config.traffic import DomainLimit, TrafficSettings
from optimails.door.guard import network_of, normal_address
from optimails.door.rates import Rates, Span
from optimails.model.account import Account

_NO_LIMITS = DomainLimit(domain="-")


class Traffic:
    """One per worker. Each question that is answered with yes counts."""

    def __init__(self, settings: TrafficSettings, domains: Iterable[DomainLimit], rates: Rates) -> None:
        self.settings = settings
        self._domains = {limit.domain: limit for limit in domains}
        self._rates = rates

    def domain(self, name: str) -> DomainLimit:
        """What differs for a domain."""
        return self._domains.get(name, _NO_LIMITS)

    def exempt(self, address: str) -> bool:
        """Whether a client is neither counted nor slowed down."""
        return network(address, self.settings.allow) is None

    def connection(self, address: str) -> bool:
        """Whether a client may open one more."""
        name = network(address, self.settings.allow)
        return name is None or self._take((f"connections {name}", Span.MINUTE, self.settings.connections_per_minute))

    def message(self, address: str, account: Account | None) -> bool:
        """Whether one more message may come from there."""
        settings = self.settings
        if account is not None:
            return self._take((f"messages of {account.id}", Span.HOUR, settings.account_messages_per_hour))
        name = network(address, settings.allow)
        return name is None or self._take(
            (f"messages {name}", Span.MINUTE, settings.messages_per_minute),
            (f"messages {name}", Span.HOUR, settings.messages_per_hour),
        )

    def recipient(self, address: str, account: Account | None, domain: str) -> bool:
        """Whether one more recipient in this domain may be written to."""
        settings = self.settings
        if account is not None:
            own = account.address.domain
            sends = self.domain(own).sends_per_hour
            return self._take(
                (f"recipients of {account.id}", Span.HOUR, settings.account_recipients_per_hour),
                (f"sent by {own}", Span.HOUR, settings.domain_sends_per_hour if sends is None else sends),
            )
        name = network(address, settings.allow)
        receives = self.domain(domain).receives_per_hour
        return name is None or self._take(
            (f"recipients {name}", Span.HOUR, settings.recipients_per_hour),
            (f"received by {domain}", Span.HOUR, settings.domain_receives_per_hour if receives is None else receives),
        )

    def close(self) -> None:
        self._rates.close()

    def _take(self, *limits: tuple[str, Span, int]) -> bool:
        limited = [(key, span, most) for key, span, most in limits if most]
        if any(self._rates.count(key, span) >= most for key, span, most in limited):
            return False
        for key, span, _ in limited:
            self._rates.add(key, span)
        return True


def network(address: str, allow: Iterable[IPv4Network | IPv6Network]) -> str | None:
    """The network that a client counts for; None when it does not: this machine, and networks that are allowed."""
    found = normal_address(address)
    if found is None or found.is_loopback or any(found in one for one in allow):
        return None
    return network_of(found)
