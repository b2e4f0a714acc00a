"""Accounts: adding, changing, closing, restoring, passwords."""

import secrets
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, RowMapping, Select, delete, false, insert, select, update

from optimails.directory import passwords
from optimails.directory.admin.base import (
    Base,
    changed,
    find_account,
    now,
    open_domain,
    refused,
    valid_address,
    valid_domain,
    valid_text,
)
from optimails.directory.admin.contacts import AS_IT_IS, Shown, contact_of
from optimails.directory.admin.plans import find_plan
from optimails.directory.admin.values import UNCHANGED, AccountInfo, PlanInfo, Unchanged
from optimails.directory.lookup import forward_of, limits_of
from optimails.directory.schema import (
    CLOSED,
    SOURCE_LDAP,
    SOURCE_LOCAL,
    UNLIMITED,
    account,
    acl_entry,
    address,
    contact,
    photo,
    plan,
)
from optimails.model.account import AccountState, OverQuota
from optimails.model.address import EmailAddress
from optimails.model.contact import FIELDS
from optimails.model.errors import Reason
from optimails.model.ids import AccountId
from optimails.model.rights import Identifier, Who

LANGUAGES = ("en", "fr")
_MANY = 2**63 - 1


class Accounts(Base):
    def account_add(  # noqa: PLR0913  (one argument for each column)
        self,
        mail: str,
        *,
        plan: str = "basic",
        password: str | None = None,
        name: str = "",
        language: str = "en",
        storage: int | None = None,
        messages: int | None = None,
        retention: int | None = None,
        over_quota: OverQuota = OverQuota.TEMPORARY,
        shown: Shown = AS_IT_IS,
    ) -> AccountInfo:
        """A new account.

        Args:
            mail: its primary address, in a domain of ours.
            plan: id of the plan.
            password: None: nobody can log in until one is set.
            name: to show.
            language: en or fr.
            storage: own limit in bytes; None: the plan's; ``UNLIMITED``: none.
            messages: own limit of messages, likewise.
            retention: own days that expunged messages are kept; None: the plan's.
            over_quota: how delivery answers when the account is full.
            shown: what address books show.
        """
        where = valid_address(mail)
        values = {
            "name": valid_text(name, "name"),
            "language": _language(language),
            "storage": storage,
            "messages": messages,
            "retention": retention,
            "over_quota": OverQuota(over_quota).value,
        } | (self._password(password) if password is not None else {})
        with self.database.write() as connection:
            open_domain(connection, where.domain)
            _check_limits(find_plan(connection, plan), values)
            claim(connection, where, self.settings.keep_removed_days)
            account_id = insert_account(connection, where, plan, SOURCE_LOCAL, values)
            shown.apply(connection, account_id, where.key, self.settings.max_photo)
            return self._account(connection, account_id)

    def account_set(  # noqa: PLR0913  (one argument for each column)
        self,
        which: str,
        *,
        plan: str | Unchanged = UNCHANGED,
        name: str | Unchanged = UNCHANGED,
        language: str | Unchanged = UNCHANGED,
        storage: int | Unchanged | None = UNCHANGED,
        messages: int | Unchanged | None = UNCHANGED,
        retention: int | Unchanged | None = UNCHANGED,
        over_quota: OverQuota | Unchanged = UNCHANGED,
        state: AccountState | Unchanged = UNCHANGED,
        forward: Sequence[str] | Unchanged = UNCHANGED,
        forward_copy: bool | Unchanged = UNCHANGED,
        shown: Shown = AS_IT_IS,
        free_busy: bool | Unchanged | None = UNCHANGED,
    ) -> AccountInfo:
        """Change an account, named by address or id; ``state`` may be ACTIVE or SUSPENDED, effective at once.

        ``forward`` are the addresses its mail is sent on to, none to stop that; with ``forward_copy`` it keeps a copy.
        ``free_busy``: whether colleagues see when it is busy; None: as its domain says.
        """
        values = changed(plan=plan, storage=storage, messages=messages, retention=retention, forward_copy=forward_copy)
        values |= changed(free_busy=free_busy)
        if not isinstance(name, Unchanged):
            values["name"] = valid_text(name, "name")
        if not isinstance(language, Unchanged):
            values["language"] = _language(language)
        if not isinstance(over_quota, Unchanged):
            values["over_quota"] = OverQuota(over_quota).value
        if not isinstance(state, Unchanged):
            if state == AccountState.CLOSED:
                raise refused("An account is closed by removing it")
            values["state"] = AccountState(state).value
            values["stamp"] = account.c.stamp + 1
        with self.database.write() as connection:
            row = find_account(connection, which)
            _check_limits(find_plan(connection, values.get("plan", row["plan"])), dict(row) | values)
            own = EmailAddress(row["local"], row["domain"])
            if not isinstance(forward, Unchanged):
                values["forward"] = self._forward(forward, own)
            if values:
                connection.execute(update(account).where(account.c.id == row["id"]).values(**values))
            shown.apply(connection, row["id"], own.key, self.settings.max_photo)
            return self._account(connection, row["id"])

    def account_get(self, which: str) -> AccountInfo:
        """One account by address or id, closed ones included."""
        with self.database.read() as connection:
            return self._account(connection, find_account(connection, which, closed=True)["id"])

    def account_list(self, domain_name: str | None = None, *, closed: bool = False) -> list[AccountInfo]:
        """All accounts by domain and address; removed ones only when asked for."""
        query = _accounts().order_by(account.c.domain, account.c.local, account.c.created)
        if domain_name is not None:
            query = query.where(account.c.domain == valid_domain(domain_name))
        if not closed:
            query = query.where(account.c.state != CLOSED)
        with self.database.read() as connection:
            return [self._info(row) for row in connection.execute(query).mappings()]

    def account_password(self, which: str, password: str | None) -> AccountInfo:
        """Set the password, or forget it (None); clients with the old one are out at once, if it is announced."""
        values = self._password(password) if password is not None else _NO_PASSWORD
        with self.database.write() as connection:
            row = find_account(connection, which)
            if row["source"] == SOURCE_LDAP:
                raise refused("The password of this account is kept by its LDAP server")
            connection.execute(
                update(account).where(account.c.id == row["id"]).values(stamp=account.c.stamp + 1, **values)
            )
            return self._account(connection, row["id"])

    def account_remove(self, which: str) -> AccountInfo:
        """Close the account: nobody logs in, nothing is delivered; mail and address are kept for the stated time."""
        with self.database.write() as connection:
            row = find_account(connection, which)
            connection.execute(
                update(account)
                .where(account.c.id == row["id"])
                .values(state=CLOSED, closed_from=row["state"], closed_at=now(), stamp=account.c.stamp + 1)
            )
            return self._account(connection, row["id"])

    def account_restore(self, which: str) -> AccountInfo:
        """Open a removed account again, by its id or by its address while that is not taken."""
        with self.database.write() as connection:
            row = find_account(connection, which, closed=True)
            if row["state"] != CLOSED:
                raise refused(f"The account {which} is not removed")
            open_domain(connection, row["domain"])
            where = EmailAddress(row["local"], row["domain"])
            owner = connection.execute(select(address.c.account).where(address.c.key == where.key)).one_or_none()
            if owner is None:
                connection.execute(
                    insert(address).values(key=where.key, domain=where.domain, account=row["id"], created=now())
                )
            elif owner[0] != row["id"]:
                raise refused(f"The address {where} belongs to somebody else now", Reason.ALREADY_EXISTS)
            connection.execute(
                update(account)
                .where(account.c.id == row["id"])
                .values(
                    state=row["closed_from"] or AccountState.ACTIVE.value,
                    closed_from=None,
                    closed_at=None,
                    closed_with_domain=false(),
                    stamp=account.c.stamp + 1,
                )
            )
            return self._account(connection, row["id"])

    def account_expired(self) -> list[AccountInfo]:
        """Closed accounts whose time is over: delete their mail, then call ``account_purge``."""
        limit = now()
        return [info for info in self.account_list(closed=True) if info.kept_until and info.kept_until <= limit]

    def account_purge(self, account_id: AccountId) -> None:
        """Forget a closed account whose mail is gone; its address becomes free."""
        with self.database.write() as connection:
            row = find_account(connection, account_id, closed=True)
            if row["state"] != CLOSED:
                raise refused(f"The account {account_id} is not removed")
            connection.execute(delete(address).where(address.c.account == account_id))
            connection.execute(delete(acl_entry).where(acl_entry.c.identifier == str(Identifier(Who.USER, account_id))))
            connection.execute(delete(account).where(account.c.id == account_id))

    def _forward(self, wanted: Sequence[str], own: EmailAddress) -> str | None:
        """The column of the addresses that mail is sent on to."""
        targets = {target.key: target for target in map(valid_address, wanted)}
        if len(targets) > self.settings.forward_targets:
            raise refused(f"An account may forward to {self.settings.forward_targets} addresses")
        if any(own.key in (target.key, target.base.key) for target in targets.values()):
            raise refused("An account cannot forward to itself")
        return "\n".join(map(str, targets.values())) or None

    def _password(self, password: str) -> dict[str, Any]:
        """The columns of a new password; slow on purpose, so done before the transaction."""
        octets = passwords.prepared(password)
        if octets is None:
            raise refused("The password is empty, too long, or has a character that is not allowed")
        if len(password) < self.settings.min_password_length:
            raise refused(f"The password has fewer than {self.settings.min_password_length} characters")
        values = dict(_NO_PASSWORD) | {"password": passwords.hash_password(octets, self.settings.bcrypt_cost)}
        if self.settings.scram:
            keys = passwords.scram_keys(octets, self.settings.scram_iterations)
            values |= {"scram_salt": keys.salt, "scram_iterations": keys.iterations}
            values |= {"scram_stored": keys.stored, "scram_server": keys.server}
        return values

    def _account(self, connection: Connection, account_id: str) -> AccountInfo:
        return self._info(connection.execute(_accounts().where(account.c.id == account_id)).mappings().one())

    def _info(self, row: RowMapping) -> AccountInfo:
        closed_at = row["closed_at"]
        return AccountInfo(
            id=AccountId(row["id"]),
            address=f"{row['local']}@{row['domain']}",
            name=row["name"],
            language=row["language"],
            plan=row["plan"],
            state=AccountState(row["state"]),
            limits=limits_of(row),
            storage=row["storage"],
            messages=row["messages"],
            retention=row["retention"],
            over_quota=OverQuota(row["over_quota"]),
            forward=tuple(map(str, forward_of(row))),
            forward_copy=row["forward_copy"],
            free_busy=row["free_busy"],
            source=row["source"],
            has_password=row["password"] is not None,
            created=row["created"],
            closed_at=closed_at,
            kept_until=self._kept_until(closed_at) if closed_at is not None else None,
            contact=contact_of(row),
            photo=row["photo_kind"] or "",
            hidden=bool(row["hidden"]),
        )


_NO_PASSWORD: dict[str, Any] = dict.fromkeys(
    ("password", "scram_salt", "scram_iterations", "scram_stored", "scram_server")
)


def claim(connection: Connection, where: EmailAddress, keep_days: int) -> None:
    """Make sure that the address is free; ``Refused`` says who has it. One kept long enough is released."""
    holder = connection.execute(
        select(address.c.account, address.c.list, account.c.state, account.c.closed_at)
        .outerjoin(account, address.c.account == account.c.id)
        .where(address.c.key == where.key)
    ).one_or_none()
    if holder is None:
        return
    if holder.list:
        raise refused(f"The address {where} is a list", Reason.ALREADY_EXISTS)
    if holder.account is None:
        raise refused(f"The address {where} is an alias", Reason.ALREADY_EXISTS)
    if holder.state != CLOSED:
        raise refused(f"The address {where} belongs to an account", Reason.ALREADY_EXISTS)
    left = (holder.closed_at or 0) + keep_days * 86_400 - now()
    if left > 0:
        days = -(-left // 86_400)
        raise refused(
            f"The address {where} belongs to a removed account, which can be restored; it is free in {days} days",
            Reason.ALREADY_EXISTS,
        )
    connection.execute(delete(address).where(address.c.key == where.key))


def insert_account(
    connection: Connection, where: EmailAddress, plan_id: str, source: str, values: dict[str, Any]
) -> AccountId:
    """The rows of a new account whose address is free."""
    account_id = AccountId(secrets.token_hex(16))
    created = now()
    defaults: dict[str, Any] = {"name": "", "language": "en", "over_quota": OverQuota.TEMPORARY.value}
    connection.execute(
        insert(account).values(
            id=account_id,
            local=where.local,
            domain=where.domain,
            plan=plan_id,
            state=AccountState.ACTIVE.value,
            source=source,
            stamp=1,
            created=created,
            closed_with_domain=False,
            **(defaults | values),
        )
    )
    connection.execute(insert(address).values(key=where.key, domain=where.domain, account=account_id, created=created))
    return account_id


def _accounts() -> Select[Any]:
    return select(
        account,
        plan.c.storage.label("plan_storage"),
        plan.c.messages.label("plan_messages"),
        plan.c.retention.label("plan_retention"),
        *(contact.c[name].label(f"contact_{name}") for name in FIELDS),
        photo.c.kind.label("photo_kind"),
        address.c.hidden,
    ).select_from(
        account.join(plan, plan.c.id == account.c.plan)
        .outerjoin(contact, contact.c.account == account.c.id)
        .outerjoin(photo, photo.c.account == account.c.id)
        .outerjoin(address, address.c.account == account.c.id)
    )


def _language(language: str) -> str:
    if language not in LANGUAGES:
        raise refused(f"There is no language {language!r}; languages are: {', '.join(LANGUAGES)}")
    return language


def _check_limits(of_plan: PlanInfo, values: dict[str, Any]) -> None:
    for field in ("storage", "messages"):
        value = values[field]
        if value is not None and value != UNLIMITED and not 0 <= value <= _MANY:
            raise refused(f"{field} must not be negative")
    if values["retention"] is not None and not 0 <= values["retention"] < 2**31:
        raise refused("retention must not be negative")
    storage = values["storage"]
    if storage is None or storage == UNLIMITED:
        return
    low, high = of_plan.storage_min, of_plan.storage_max
    if (low is not None and storage < low) or (high is not None and storage > high):
        least, most = f"{(low or 0) / 2**30:g} GB", "any size" if high is None else f"{high / 2**30:g} GB"
        raise refused(f"The plan {of_plan.id} allows a storage from {least} to {most}")
