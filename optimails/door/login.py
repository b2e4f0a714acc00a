"""Logging in, for every door: the guard is asked first, failures are counted, delayed and logged, successes are cheap.

Doors call ``password`` for commands that carry a password, and ``optimails.door.sasl`` for the rest.
"""

import asyncio
import logging
import unicodedata
from dataclasses import dataclass

from prometheus_client import Counter

from optimails.directory.api import Directory, ScramKeys
from optimails.door.guard import Guard
from optimails.model.account import Account, Service
from optimails.model.errors import Reason, Refused, Unavailable

log = logging.getLogger(__name__)

_LOGINS = Counter("optimails_logins_total", "Attempts to log in.", ["service", "result"])
_SUCCEEDED = {service: _LOGINS.labels(service.value, "success") for service in Service}
_MAX_SHOWN = 320  # characters of a login in the log: the longest address


@dataclass(frozen=True, slots=True)
class _Attempt:
    """The facts of one attempt to log in."""

    login: str  # normalised: the same account written in another case is the same account
    service: Service
    peer: str
    session: str
    method: str

    def fields(self) -> dict[str, str]:
        """For the log; nothing secret, nothing that could break a line."""
        return {
            "login": "".join(character if character.isprintable() else "?" for character in self.login),
            "service": self.service.value,
            "peer": self.peer,
            "session": self.session,
            "method": self.method,
        }


class Login:
    """One per worker, shared by all of its doors."""

    def __init__(self, directory: Directory, guard: Guard) -> None:
        self._directory = directory
        self._guard = guard
        # Whether doors announce SCRAM. Not where an LDAP server keeps passwords, which has no keys for us: programs
        # choose SCRAM first, and few try something else after it failed.
        self.scram = bool(getattr(directory, "scram", True))

    async def password(  # noqa: PLR0913 - the facts of an attempt
        self, login: str, password: str, service: Service, peer: str, *, session: str = "", again: bool = False
    ) -> Account:
        """The account of that login and password.

        Args:
            login: as the client sent it.
            password: likewise.
            service: what the client wants to use.
            peer: its IP address.
            session: the session's id, for the log.
            again: a program that sends its password with each request was let in lately; that is not logged again.

        Raises:
            Refused: AUTHENTICATION_FAILED, or LIMIT while the account or the network is locked.
            Unavailable: the directory cannot tell now.
        """
        attempt = _Attempt(_normal(login), service, peer, session, "password")
        await self._admit(attempt)
        try:
            account = await self._directory.authenticate(login, password, service)
        except Refused:
            await self._failed(attempt, password)
            raise
        except Unavailable:
            _note("login_unavailable", attempt)
            raise
        self._succeeded(attempt, account, again=again)
        return account

    async def scram_keys(self, login: str, service: Service, peer: str, *, session: str = "") -> ScramKeys:
        """Keys for an exchange that ``scram_finish`` must end; errors as ``password``."""
        await self._admit(_Attempt(_normal(login), service, peer, session, "scram"))
        return await self._directory.scram_keys(login, service)

    async def scram_finish(
        self, login: str, service: Service, peer: str, *, proven: bool, session: str = ""
    ) -> Account:
        """The account, if the client has ``proven`` that it knows the password; errors as ``password``."""
        attempt = _Attempt(_normal(login), service, peer, session, "scram")
        # Again: many exchanges may have been opened before the first of them failed.
        await self._admit(attempt)
        if not proven:
            await self._failed(attempt)
            raise Refused(Reason.AUTHENTICATION_FAILED, "Authentication failed")
        try:
            account = await self._directory.scram_account(login, service)
        except Refused:
            await self._failed(attempt)
            raise
        self._succeeded(attempt, account)
        return account

    async def vouched(self, login: str, service: Service, peer: str, *, session: str = "") -> Account:
        """The account for which a trusted server in front of us has checked the password; errors as ``password``."""
        attempt = _Attempt(_normal(login), service, peer, session, "xclient")
        try:
            account = await self._directory.scram_account(login, service)
        except Refused:
            _note("login_failed", attempt)  # no guess of a password: the guard does not count it
            raise
        except Unavailable:
            _note("login_unavailable", attempt)
            raise
        self._succeeded(attempt, account)
        return account

    async def _admit(self, attempt: _Attempt) -> None:
        wait = self._guard.locked(attempt.login, attempt.peer)
        if wait is not None:
            _note("login_locked", attempt)
            await asyncio.sleep(wait)
            raise Refused(Reason.LIMIT, "Too many failed logins, try again later")

    async def _failed(self, attempt: _Attempt, evidence: str = "") -> None:
        delay = await asyncio.to_thread(self._guard.failed, attempt.login, attempt.peer, evidence)
        _note("login_failed", attempt)
        await asyncio.sleep(delay)

    def _succeeded(self, attempt: _Attempt, account: Account, *, again: bool = False) -> None:
        self._guard.succeeded(attempt.login, attempt.peer)
        _SUCCEEDED[attempt.service].inc()
        if not again and log.isEnabledFor(logging.INFO):
            log.info("login", extra={"fields": attempt.fields() | {"account": account.id}})


def _note(event: str, attempt: _Attempt) -> None:
    _LOGINS.labels(attempt.service.value, event.removeprefix("login_")).inc()
    log.warning(event, extra={"fields": attempt.fields()})


def _normal(login: str) -> str:
    return unicodedata.normalize("NFC", login.strip()).lower()[:_MAX_SHOWN]
