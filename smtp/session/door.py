"""What all sessions of one listener share, and what one session knows of its client."""

from dataclasses import dataclass, field
from ipaddress import ip_address

from optimails.audit import AuditLog
from optimails.config import Protocol
from optimails.config.smtp import SmtpSettings
from optimails.delivery.api import Delivery
from optimails.directory.api import Directory
from optimails.dkim import Signer
from optimails.door.greylist import Greylist
from optimails.door.login import Login
from optimails.door.sessions import Sessions
from optimails.door.traffic import Traffic
from securemail.transform.outbound import Footers
from smtp.milter.chain import Filters
from smtp.session.authenticity import Authenticity


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
    filters: Filters | None = None  # that stand in line; None when there are none
    authenticity: Authenticity | None = None  # for mail from strangers, and for what users submit
    audit: AuditLog | None = None  # likewise: mail in somebody else's name is noted
    traffic: Traffic | None = None  # how much may come in; None: as much as comes
    greylist: Greylist | None = None  # for smtp
    footers: Footers | None = None  # for submission: what stands under mail that is sent

    @property
    def lmtp(self) -> bool:
        return self.protocol is Protocol.LMTP

    @property
    def submission(self) -> bool:
        return self.protocol is Protocol.SUBMISSION


@dataclass(frozen=True, slots=True)
class Peer:
    """The other end of the connection, or the client that a trusted server in front of us speaks for."""

    address: str  # IP address without zone; empty on a Unix socket
    port: int = 0
    name: str = ""  # its host name; empty when nobody knows
    hello: str = ""  # what a server in front of us says it called itself; it outlives our own greeting
    login: str = ""  # whom that server has logged in
    proxy: str = ""  # the address of that server
    server: str = ""  # our own address, where that server says which one the client reached
    server_port: int = 0
    loopback: bool = field(init=False)  # nobody can listen on the way

    def __post_init__(self) -> None:
        ends = (self.address, self.proxy)
        object.__setattr__(self, "loopback", all(not end or ip_address(end).is_loopback for end in ends))

    @property
    def literal(self) -> str:
        """As trace headers write it (RFC 5321 §4.1.3)."""
        if not self.address:
            return "[127.0.0.1]"
        return f"[IPv6:{self.address}]" if ":" in self.address else f"[{self.address}]"
