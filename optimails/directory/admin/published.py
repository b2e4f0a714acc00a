"""Secret addresses under which accounts publish when they are busy, or a calendar."""

from sqlalchemy import delete, insert, select, update

from optimails.directory.admin.base import Base, find_account, now, refused
from optimails.directory.admin.values import SecretAddress
from optimails.directory.schema import secret_address
from optimails.model.errors import Reason
from optimails.model.published import new_name

_NONE = "There is no such secret address"


class Publishing(Base):
    def secret_addresses(self, which: str) -> list[SecretAddress]:
        """Those of an account."""
        with self.database.read() as connection:
            row = find_account(connection, which)
            query = select(secret_address).where(secret_address.c.account == row["id"])
            found = connection.execute(query.order_by(secret_address.c.object)).all()
        return [SecretAddress(one.name, one.object, one.details, one.created) for one in found]

    def secret_address_add(self, which: str, object_id: str = "", *, details: bool = False) -> SecretAddress:
        """Publish when the account is busy, or the calendar with this id; one address each."""
        made = SecretAddress(new_name(), object_id, details, now())
        with self.database.write() as connection:
            row = find_account(connection, which)
            mine = (secret_address.c.account == row["id"], secret_address.c.object == object_id)
            if connection.execute(select(secret_address.c.name).where(*mine)).scalar() is not None:
                raise refused("It has a secret address already", Reason.ALREADY_EXISTS)
            connection.execute(
                insert(secret_address).values(
                    name=made.name, account=row["id"], object=object_id, details=details, created=made.created
                )
            )
        return made

    def secret_address_renew(self, which: str, object_id: str = "") -> SecretAddress:
        """Another address in place of the one that was, which leads nowhere from now on."""
        with self.database.write() as connection:
            row = find_account(connection, which)
            mine = (secret_address.c.account == row["id"], secret_address.c.object == object_id)
            old = connection.execute(select(secret_address).where(*mine)).one_or_none()
            if old is None:
                raise refused(_NONE, Reason.NON_EXISTENT)
            made = SecretAddress(new_name(), object_id, old.details, now())
            connection.execute(update(secret_address).where(*mine).values(name=made.name, created=made.created))
        return made

    def secret_address_remove(self, which: str, object_id: str = "") -> None:
        with self.database.write() as connection:
            row = find_account(connection, which)
            mine = (secret_address.c.account == row["id"], secret_address.c.object == object_id)
            if not connection.execute(delete(secret_address).where(*mine)).rowcount:
                raise refused(_NONE, Reason.NON_EXISTENT)
