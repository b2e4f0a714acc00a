"""What the parts of the administration share: input checks and common look-ups."""

import time
import unicodedata
from typing import Any

from sqlalchemy import Connection, RowMapping, select

from optimails.config.directory import DirectorySettings
from optimails.directory.admin.values import UNCHANGED
from optimails.directory.database import Database
from optimails.directory.schema import OPEN, account, address, domain
from optimails.model.account import AccountState
from optimails.model.address import EmailAddress, domain_name
from optimails.model.errors import BadSyntax, Reason, Refused

MAX_TEXT = 250  # characters of names and labels
DAY = 86_400


class Base:
    """One part of ``Admin``."""

    def __init__(self, database: Database, settings: DirectorySettings) -> None:
        self.database = database
        self.settings = settings

    def _kept_until(self, closed_at: int) -> int:
        return closed_at + self.settings.keep_removed_days * DAY


def now() -> int:
    """Unix seconds."""
    return int(time.time())


def refused(text: str, reason: Reason = Reason.CANNOT) -> Refused:
    """What to raise when a wish cannot be granted."""
    return Refused(reason, text)


def valid_domain(text: str) -> str:
    """The normalised name, or ``Refused``."""
    try:
        return domain_name(text)
    except BadSyntax as wrong:
        raise refused(f"{text!r} is not a domain name") from wrong


def valid_address(text: str) -> EmailAddress:
    """The address, or ``Refused``."""
    try:
        return EmailAddress.parse(unicodedata.normalize("NFC", text.strip()))
    except BadSyntax as wrong:
        raise refused(f"{text!r} is not an e-mail address: {wrong}") from wrong


def valid_text(text: str, what: str) -> str:
    """One line of printable characters, or ``Refused``."""
    line = unicodedata.normalize("NFC", text.strip())
    if len(line) > MAX_TEXT:
        raise refused(f"The {what} is longer than {MAX_TEXT} characters")
    if not line.isprintable():
        raise refused(f"The {what} has a character that cannot be shown")
    return line


def open_domain(connection: Connection, name: str) -> None:
    """``Refused`` unless the domain is ours and not removed."""
    state = connection.execute(select(domain.c.state).where(domain.c.name == name)).scalar()
    if state is None:
        raise refused(f"There is no domain {name}; add it first", Reason.NON_EXISTENT)
    if state != OPEN:
        raise refused(f"The domain {name} is removed; restore it first")


def find_account(connection: Connection, which: str, *, closed: bool = False) -> RowMapping:
    """The row of an account by address or id, or ``Refused``; closed ones only when asked for."""
    query = select(account)
    if "@" in which:
        mail = valid_address(which)
        found = connection.execute(
            query.join(address, address.c.account == account.c.id).where(address.c.key == mail.key)
        )
    else:
        found = connection.execute(query.where(account.c.id == which))
    row = found.mappings().one_or_none()
    if row is None:
        raise refused(f"There is no account {which}", Reason.NON_EXISTENT)
    if row["state"] == AccountState.CLOSED and not closed:
        raise refused(f"The account {which} is removed; restore it first")
    return row


def changed(**values: Any) -> dict[str, Any]:
    """Those that are not ``UNCHANGED``."""
    return {name: value for name, value in values.items() if value is not UNCHANGED}
