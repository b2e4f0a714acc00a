"""The directory's twin in memory: a few accounts, no database."""

import hashlib

from optimails.directory.api import Resolution, ScramKeys
from optimails.directory.passwords import Scram, scram_keys
from optimails.model.account import Account, AccountState, Limits, Service
from optimails.model.address import EmailAddress
from optimails.model.errors import Reason, Refused, Unavailable
from optimails.model.ids import AccountId


class MemoryDirectory:
    """``MemoryDirectory({"anna@demo.test": "password"})``; set ``away`` to make it fail as a database that is gone."""

    def __init__(self, passwords: dict[str, str]) -> None:
        self.away = False
        self._passwords = passwords
        self._accounts = {address: _account(address) for address in passwords}
        self._scram: dict[str, Scram] = {a: scram_keys(p.encode(), 4096) for a, p in passwords.items()}

    async def authenticate(self, login: str, password: str, service: Service) -> Account:
        self._check()
        if self._passwords.get(login.lower()) != password:
            raise Refused(Reason.AUTHENTICATION_FAILED, "Authentication failed")
        return self._accounts[login.lower()]

    async def scram_keys(self, login: str, service: Service) -> ScramKeys:
        self._check()
        keys = self._scram.get(login.lower())
        if keys is None:
            return ScramKeys(hashlib.sha256(login.encode()).digest()[:16], 4096, bytes(32), bytes(32), real=False)
        return ScramKeys(keys.salt, keys.iterations, keys.stored, keys.server, real=True)

    async def scram_account(self, login: str, service: Service) -> Account:
        self._check()
        return self._accounts[login.lower()]

    async def account(self, account_id: AccountId) -> Account | None:
        self._check()
        return next((account for account in self._accounts.values() if account.id == account_id), None)

    async def resolve(self, recipient: EmailAddress) -> Resolution:
        self._check()
        if not await self.is_local(recipient.domain):
            raise Refused(Reason.CANNOT, "The domain is not served here")
        account = self._accounts.get(recipient.key) or self._accounts.get(recipient.base.key)
        if account is None:
            raise Refused(Reason.NON_EXISTENT, "No such user here")
        return Resolution((account,))

    async def is_local(self, domain: str) -> bool:
        return any(address.endswith(f"@{domain}") for address in self._accounts)

    async def may_send_as(self, account: Account, sender: EmailAddress) -> bool:
        return account.address.key in (sender.key, sender.base.key)

    def _check(self) -> None:
        if self.away:
            raise Unavailable("The directory is temporarily unavailable")


def _account(address: str) -> Account:
    return Account(
        id=AccountId(hashlib.sha256(address.encode()).hexdigest()[:32]),
        address=EmailAddress.parse(address),
        plan="basic",
        state=AccountState.ACTIVE,
        limits=Limits(storage=2**30, messages=None, retention=365),
    )
