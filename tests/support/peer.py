"""A running mail service as its clients see it: addresses, an authority to trust, accounts to log in with."""

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class MailUser:
    login: str
    password: str
    address: str


@dataclass(slots=True)
class Peer:
    """``ports`` is keyed by protocol; a trailing ``s`` is TLS from the first byte, the others offer STARTTLS."""

    host: str  # the name in the certificate; resolves to the loopback
    ports: dict[str, int]
    ca_file: Path
    users: list[MailUser]
    name: str = "optimails"
    _taken: int = field(default=0, repr=False)

    def fresh_user(self) -> MailUser:
        """An account that no other test of this run has touched."""
        user = self.users[self._taken]
        self._taken += 1
        return user
