"""Signatures and notices of the policies, put under what our users send."""

import asyncio
from collections.abc import Mapping, Sequence

from optimails.delivery.spool import Spool
from optimails.directory.api import Directory, Resolution
from optimails.mime import Buffer
from optimails.model.account import Account
from optimails.model.contact import FIELDS, UNKNOWN, Contact
from optimails.model.errors import MailError
from securemail.case import Direction
from securemail.flow.judge import scopes_of
from securemail.ledger.policies import Policies
from securemail.policy.decide import Scoped
from securemail.policy.document import Footer, FooterKind
from securemail.transform.append import Change, changes
from securemail.transform.templates import as_html, render


class Footers:
    """One per worker."""

    def __init__(self, policies: Policies, directory: Directory) -> None:
        self._policies = policies
        self._directory = directory

    async def under(self, account: Account, recipients: Sequence[Resolution], content: Spool) -> Spool | None:
        """The message with what belongs under it; None where that is nothing. Raises ``Unavailable``."""
        outside = any(not (one.accounts or one.lists) for one in recipients)
        direction = Direction.OUTBOUND if outside else Direction.INTERNAL
        wanted = chosen(await self._policies.of(scopes_of(account.address.domain, account)), direction)
        if not wanted:
            return None
        values = _values(account, await self._contact(account))
        plain = "\n\n".join(filter(None, (render(one.text, values) for one in wanted)))
        html = "<br>\n".join(filter(None, (_html(one, values) for one in wanted)))
        if not plain and not html:
            return None
        return await asyncio.to_thread(_rewritten, content, plain, html)

    async def _contact(self, account: Account) -> Contact:
        """What the company's address book knows of him."""
        try:
            _, entries = await self._directory.company(account.address.domain, -1)
        except MailError:
            return UNKNOWN
        key = account.address.key
        return next((one.contact for one in entries or () if key in map(str.casefold, one.addresses)), UNKNOWN)


def chosen(scopes: Sequence[Scoped], direction: Direction) -> list[Footer]:
    """The signature of the lowest scope that has one, then the notices of all scopes, those of the service last."""
    every = [one for scoped in reversed(scopes) for one in scoped.policy.footer if direction in one.directions]
    signatures = [one for one in every if one.kind is FooterKind.SIGNATURE][:1]
    return [*signatures, *(one for one in every if one.kind is FooterKind.NOTICE)]


def _values(account: Account, contact: Contact) -> Mapping[str, str]:
    known = {name: getattr(contact, name) for name in FIELDS}
    return {**known, "name": account.name, "email": str(account.address)}


def _html(footer: Footer, values: Mapping[str, str]) -> str:
    return render(footer.html, values, html=True) if footer.html else as_html(render(footer.text, values))


def _rewritten(content: Spool, plain: str, html: str) -> Spool | None:
    with content.view() as message:
        found = changes(message, plain, html)
        if not found:
            return None
        made = content.beside()
        try:
            at = 0
            for one in sorted(found, key=_start):
                _copy(made, message, at, one.start)
                made.write(one.new)
                at = one.end
            _copy(made, message, at, content.size)
        except BaseException:
            made.close()
            raise
        return made


def _start(change: Change) -> int:
    return change.start


def _copy(made: Spool, message: Buffer, start: int, end: int) -> None:
    for at in range(start, end, 262_144):
        made.write(bytes(message[at : min(end, at + 262_144)]))
