"""What services ask of the directory. All calls are made from the event loop; blocking work goes to threads inside."""

from dataclasses import dataclass
from typing import Protocol

from optimails.model.account import Account, Service
from optimails.model.address import EmailAddress
from optimails.model.ids import AccountId


@dataclass(frozen=True, slots=True)
class ScramKeys:
    """What SCRAM-SHA-256 needs (RFC 5802 §3); for an unknown login they are invented, and stable."""

    salt: bytes
    iterations: int
    stored_key: bytes
    server_key: bytes
    real: bool  # False: whatever the client proves, it fails


@dataclass(frozen=True, slots=True)
class Resolution:
    """Where mail for an address goes."""

    accounts: tuple[Account, ...]  # local, each once; suspended ones still receive
    remote: tuple[EmailAddress, ...] = ()  # alias targets on other servers


class Directory(Protocol):
    async def authenticate(self, login: str, password: str, service: Service) -> Account:
        """The account, by primary address, alias of a single account, or configured login form.

        Takes the same time for unknown logins. Does not count failures: ``optimails.door.login`` does.

        Raises:
            Refused: AUTHENTICATION_FAILED, for every reason alike (unknown, wrong, suspended, not for this service).
            Unavailable: the database or LDAP server is away.
        """

    async def scram_keys(self, login: str, service: Service) -> ScramKeys: ...
    async def scram_account(self, login: str, service: Service) -> Account:
        """The account after a SCRAM proof was verified; errors as ``authenticate``."""

    async def account(self, account_id: AccountId) -> Account | None:
        """The account as it is now, closed ones included; None for an unknown id. Raises ``Unavailable``."""

    async def resolve(self, recipient: EmailAddress) -> Resolution:
        """Raises ``Refused(NON_EXISTENT)`` (no such user in a local domain), ``Refused(CANNOT)`` (not a local domain:
        relaying), ``Refused(LIMIT)`` (an alias that leads to too many others), ``Unavailable``."""

    async def is_local(self, domain: str) -> bool: ...
    async def may_send_as(self, account: Account, sender: EmailAddress) -> bool: ...
