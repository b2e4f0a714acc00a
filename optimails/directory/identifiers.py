"""Whom people mean when they write an identifier, and how identifiers are shown to them. Blocking.

``marie@demo.test`` is the account, ``sales@demo.test`` (an alias of several, or a list) everybody it leads to;
``group:`` says so outright. ``domain:demo.test`` and ``anyone`` are accounts of a domain, ``owner`` is the owner. A
bare ``marie`` is in the owner's domain.
"""

from collections.abc import Iterable

from sqlalchemy import Connection, select

from optimails.directory import lookup
from optimails.directory.schema import account
from optimails.model.account import Account
from optimails.model.address import EmailAddress, domain_name
from optimails.model.errors import BadSyntax, Reason, Refused
from optimails.model.ids import AccountId
from optimails.model.rights import Identifier, Who

_GROUP_MARKS = ("group:", "$")  # the second as Dovecot has it
_DOMAIN_MARKS = ("domain:", "@")
MAX_CHAIN = 10  # aliases of one alias on the way to an account


def identify(connection: Connection, text: str, owner: Account) -> Identifier:
    """The identifier that the text means.

    Raises:
        Refused: NON_EXISTENT, it names nobody here.
    """
    if text in (Who.ANYONE, Who.OWNER):
        return Identifier(Who.ANYONE, owner.address.domain) if text == Who.ANYONE else Identifier(Who.OWNER)
    for mark in _DOMAIN_MARKS:
        if text.startswith(mark):
            return _domain(connection, text.removeprefix(mark))
    for mark in _GROUP_MARKS:
        if text.startswith(mark):
            return _address(connection, text.removeprefix(mark), owner, group=True)
    return _address(connection, text, owner, group=False)


def identifiers_of(viewer: Account, groups: Iterable[str]) -> frozenset[Identifier]:
    """Everything that an entry may call the account."""
    domain = viewer.address.domain
    own = (Identifier(Who.USER, viewer.id), Identifier(Who.DOMAIN, domain), Identifier(Who.ANYONE, domain))
    return frozenset([*own, *(Identifier(Who.GROUP, group) for group in groups)])


def shown(connection: Connection, identifiers: Iterable[Identifier]) -> dict[Identifier, str]:
    """Each as people write it; an account that is gone is shown by its id."""
    wanted = list(identifiers)
    ids = [identifier.name for identifier in wanted if identifier.who is Who.USER]
    addresses: dict[str, str] = {}
    for start in range(0, len(ids), lookup.CHUNK):
        query = select(account.c.id, account.c.local, account.c.domain).where(
            account.c.id.in_(ids[start : start + lookup.CHUNK])
        )
        addresses.update({row.id: f"{row.local}@{row.domain}" for row in connection.execute(query)})
    return {identifier: _shown(identifier, addresses) for identifier in wanted}


def _shown(identifier: Identifier, addresses: dict[str, str]) -> str:
    match identifier.who:
        case Who.USER:
            return addresses.get(identifier.name, identifier.name)
        case Who.GROUP | Who.DOMAIN:
            return str(identifier)
        case _:
            return identifier.who.value


def _domain(connection: Connection, text: str) -> Identifier:
    try:
        name = domain_name(text)
    except BadSyntax as wrong:
        raise _nobody(text) from wrong
    if not lookup.is_open(connection, name):
        raise _nobody(text)
    return Identifier(Who.DOMAIN, name)


def _address(connection: Connection, text: str, owner: Account, *, group: bool) -> Identifier:
    try:
        address = EmailAddress.parse(text if "@" in text else f"{text}@{owner.address.domain}")
    except BadSyntax as wrong:
        raise _nobody(text) from wrong
    first = address
    for _ in range(MAX_CHAIN):
        hit = lookup.hits(connection, [address])[address.key]
        if hit.account is not None and not group:
            return Identifier(Who.USER, AccountId(hit.account.id))
        if hit.mailing_list and not address.tag:
            return Identifier(Who.GROUP, first.key)
        if not hit.targets:
            break
        if group or len(hit.targets) > 1:
            return Identifier(Who.GROUP, first.key)
        address = EmailAddress(*hit.targets[0].rpartition("@")[::2])
    raise _nobody(text)


def _nobody(text: str) -> Refused:
    return Refused(Reason.NON_EXISTENT, f"There is nobody called {text[:320]}")
