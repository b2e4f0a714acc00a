"""Application passwords: one for each program, limited to what it needs, revoked alone."""

from collections.abc import Iterable

from sqlalchemy import RowMapping, delete, insert, select, update

from optimails.directory import passwords
from optimails.directory.admin.base import Base, find_account, now, refused, valid_text
from optimails.directory.admin.values import AppPasswordInfo
from optimails.directory.schema import account, app_password
from optimails.model.account import Service
from optimails.model.errors import Reason
from optimails.model.ids import AccountId

MAX_PER_ACCOUNT = 100


class AppPasswords(Base):
    def app_password_add(
        self, which: str, label: str, services: Iterable[Service] = Service
    ) -> tuple[AppPasswordInfo, str]:
        """A new one, with the password itself, which is shown this once and never stored."""
        wanted = sorted({Service(service) for service in services})
        if not wanted:
            raise refused("An application password must be good for something")
        label = valid_text(label, "label")
        token = passwords.new_token()
        with self.database.write() as connection:
            row = find_account(connection, which)
            held = connection.execute(select(app_password.c.id).where(app_password.c.account == row["id"])).all()
            if len(held) >= MAX_PER_ACCOUNT:
                raise refused(f"An account may have {MAX_PER_ACCOUNT} application passwords", Reason.LIMIT)
            made = connection.execute(
                insert(app_password)
                .values(
                    account=row["id"],
                    label=label,
                    hash=passwords.token_hash(token),
                    services=" ".join(wanted),
                    created=now(),
                )
                .returning(app_password)
            )
            return _info(made.mappings().one()), token

    def app_password_list(self, which: str) -> list[AppPasswordInfo]:
        """Those of one account, oldest first."""
        with self.database.read() as connection:
            row = find_account(connection, which, closed=True)
            query = select(app_password).where(app_password.c.account == row["id"]).order_by(app_password.c.id)
            return [_info(found) for found in connection.execute(query).mappings()]

    def app_password_remove(self, which: str, app_password_id: int) -> None:
        """Revoke one; the program that uses it is out at once, if that is announced."""
        with self.database.write() as connection:
            row = find_account(connection, which, closed=True)
            gone = connection.execute(
                delete(app_password)
                .where(app_password.c.id == app_password_id, app_password.c.account == row["id"])
                .returning(app_password.c.id)
            ).first()
            if gone is None:
                raise refused(f"There is no application password {app_password_id}", Reason.NON_EXISTENT)
            connection.execute(update(account).where(account.c.id == row["id"]).values(stamp=account.c.stamp + 1))


def _info(row: RowMapping) -> AppPasswordInfo:
    return AppPasswordInfo(
        id=row["id"],
        account=AccountId(row["account"]),
        label=row["label"],
        services=frozenset(Service(service) for service in row["services"].split()),
        created=row["created"],
        last_used=row["last_used"],
    )
