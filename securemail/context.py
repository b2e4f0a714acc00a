"""What is known of a message beside its own bytes: who brought it, for whom it is, who the people of the house are.

Plain values, gathered before the analysers run: they never ask a directory, the network or a clock, and may run in
another process.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from optimails.authentication import Authentication
from optimails.model.address import EmailAddress

_NOBODY: Mapping[str, frozenset[str]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Context:
    """``client`` is empty for mail that no connection brought, as from a command line or an old mailbox."""

    client: str = ""  # IP address
    client_name: str = ""  # as the DNS has it, in both directions
    helo: str = ""
    sender: EmailAddress | None = None  # of the envelope; None: the null sender, or unknown
    recipients: tuple[EmailAddress, ...] = ()
    authentication: Authentication | None = None
    domains: frozenset[str] = frozenset()  # of the recipients' organisation
    people: Mapping[str, frozenset[str]] = field(default_factory=lambda: _NOBODY)
    """Folded display names (``names.folded``) of the organisation's people, with their addresses in lower case."""
    vips: frozenset[str] = frozenset()  # addresses in lower case whose mail its readers always want at once
    memory: str = ""  # path of what the recipients' domain has reported; empty: nothing
    received: float = 0.0  # when it came, seconds since 1970; 0: unknown
