"""How to reach people, their photos, and what address books show: the parts of accounts, aliases and lists for it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from sqlalchemy import Connection, RowMapping, delete, insert, select, update

from optimails.directory.admin.base import find_account, refused, valid_text
from optimails.directory.admin.values import UNCHANGED, Unchanged
from optimails.directory.schema import address, contact, photo
from optimails.model.address import EmailAddress
from optimails.model.contact import FIELDS, UNKNOWN, Contact
from optimails.model.errors import BadSyntax
from optimails.model.photo import Photo, read_photo


@dataclass(frozen=True, slots=True)
class Shown:
    """What shall be shown of an account from now on."""

    contact: Mapping[str, str] = field(default_factory=dict)  # fields of ``Contact`` that change; empty: forgotten
    photo: bytes | Unchanged | None = UNCHANGED  # a JPEG or PNG; None: none any more
    hidden: bool | Unchanged = UNCHANGED  # whether address books leave it out

    def apply(self, connection: Connection, account_id: str, key: str, max_photo: int) -> None:
        """Write it; ``key`` is that of the account's address. Raises ``Refused``."""
        if self.contact:
            known = asdict(read_contact(connection, account_id)) | _valid(connection, account_id, self.contact)
            put_contact(connection, account_id, Contact(**known))
        if not isinstance(self.photo, Unchanged):
            put_photo(connection, account_id, _picture(self.photo, max_photo))
        if not isinstance(self.hidden, Unchanged):
            hide(connection, key, hidden=self.hidden)


AS_IT_IS = Shown()


def _valid(connection: Connection, account_id: str, wishes: Mapping[str, str]) -> dict[str, str]:
    values = {name: valid_text(value, name.replace("_", " ")) for name, value in wishes.items()}
    if values.get("manager"):
        row = find_account(connection, values["manager"])
        if row["id"] == account_id:
            raise refused("Nobody is their own manager")
        values["manager"] = EmailAddress(row["local"], row["domain"]).key
    return values


def _picture(data: bytes | None, limit: int) -> Photo | None:
    try:
        return read_photo(data, limit) if data is not None else None
    except BadSyntax as wrong:
        raise refused(str(wrong)) from wrong


def read_contact(connection: Connection, account_id: str) -> Contact:
    row = connection.execute(select(contact).where(contact.c.account == account_id)).mappings().one_or_none()
    return Contact(**{name: row[name] for name in FIELDS}) if row is not None else UNKNOWN


def contact_of(row: RowMapping) -> Contact:
    """From the columns ``contact_…`` of a row that may have none."""
    return Contact(**{name: row[f"contact_{name}"] or "" for name in FIELDS})


def put_contact(connection: Connection, account_id: str, value: Contact) -> None:
    """There is a row where something is known."""
    connection.execute(delete(contact).where(contact.c.account == account_id))
    if value != UNKNOWN:
        connection.execute(insert(contact).values(account=account_id, **asdict(value)))


def put_photo(connection: Connection, account_id: str, value: Photo | None) -> None:
    connection.execute(delete(photo).where(photo.c.account == account_id))
    if value is not None:
        row = {"kind": value.kind, "digest": value.digest, "data": value.data}
        connection.execute(insert(photo).values(account=account_id, **row))


def photo_digest(connection: Connection, account_id: str) -> str | None:
    return connection.execute(select(photo.c.digest).where(photo.c.account == account_id)).scalar()


def hide(connection: Connection, key: str, *, hidden: bool) -> None:
    """Whether address books leave the address out, be it an account's, an alias' or a list's."""
    connection.execute(update(address).where(address.c.key == key).values(hidden=hidden))
