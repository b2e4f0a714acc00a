"""What all sessions of one listener share, and what one session knows of its client."""

from dataclasses import dataclass, field
from ipaddress import ip_address

from optimails.config import Protocol
from optimails.config.smtp import SmtpSettings
from optimails.delivery.api import Delivery
from optimails.directory.api import Directory
from optimails.dkim import Signer
from optimails.door.login import Login
from optimails.door.sessions import Sessions


@dataclass(frozen=True, slots=True)
class Door:
    """One per listener."""

    protocol: Protocol  # smtp, submission or lmtp
    settings: SmtpSettings
    hostname: str
    directory: Directory
    delivery: Delivery
    login: Login
    sessions: Sessions
    starttls: bool  # whether STARTTLS can be offered
    signer: Signer | None = None  # for submission

    @property
    def lmtp(self) -> bool:
        return self.protocol is Protocol.LMTP

    @property
    def submission(self) -> bool:
        return self.protocol is Protocol.SUBMISSION


@dataclass(frozen=True, slots=True)
class Peer:
    """The other end of the connection."""

    address: str  # IP address without zone; empty on a Unix socket
    loopback: bool = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "loopback", not self.address or ip_address(self.address).is_loopback)

    @property
    def literal(self) -> str:
        """As trace headers write it (RFC 5321 §4.1.3)."""
        if not self.address:
            return "[127.0.0.1]"
        return f"[IPv6:{self.address}]" if ":" in self.address else f"[{self.address}]"
