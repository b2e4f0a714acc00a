"""Rights, delegations, and the account that holds a domain's shared folders."""

import secrets
import time
from collections.abc import Iterable

from sqlalchemy import Connection, insert, select

from optimails.acl.decision import NONE, Effective, Viewer, decide, sees_busy
from optimails.directory import identifiers, lookup, rights_rows
from optimails.directory.admin.base import Base, find_account, now, open_domain, refused, valid_domain
from optimails.directory.admin.plans import find_plan
from optimails.directory.schema import SOURCE_DOMAIN, account
from optimails.model.account import Account, AccountState, OverQuota
from optimails.model.errors import Reason
from optimails.model.ids import AccountId
from optimails.model.rights import (
    Answer,
    Bundle,
    Delegation,
    Entry,
    Identifier,
    Kind,
    Object,
    Offer,
    Scope,
    SendRight,
    Sharing,
    Who,
)

FOLDERS_NAME = "shared-folders"
"""Local part in the name of the account of a domain's shared folders; no mail is taken for it."""


class Rights(Base):
    def sharing(self, which: str) -> Sharing:
        """Whom the account lets at its things."""
        with self.database.read() as connection:
            return rights_rows.sharing(connection, AccountId(find_account(connection, which)["id"]))

    def identify(self, text: str, owner: Account) -> Identifier:
        """Whom an identifier means; ``Refused`` when nobody is called so."""
        with self.database.read() as connection:
            return identifiers.identify(connection, text, owner)

    def acl_put(self, owner: Account, on: Object, entry: Entry) -> None:
        """Set what one identifier may; no rights: the entry goes."""
        if entry.identifier.who is Who.OWNER or entry.identifier == Identifier(Who.USER, owner.id):
            raise refused("The owner has every right")
        with self.database.write() as connection:
            rights_rows.put_entry(connection, owner.id, on, entry)

    def acl_forget(self, owner: AccountId, on: Object) -> None:
        """Everything about an object that is deleted."""
        with self.database.write() as connection:
            rights_rows.forget_object(connection, owner, on)

    def common_seen(self, owner: AccountId, on: Object, *, common: bool) -> None:
        """Whether what one reader has seen counts for all."""
        with self.database.write() as connection:
            rights_rows.put_common_seen(connection, owner, on, common=common)

    def effective(self, viewer: str, owner: AccountId, on: Object) -> Effective:
        """What an account may do with the object, now."""
        with self.database.read() as connection:
            who = self._viewer(connection, AccountId(find_account(connection, viewer)["id"]))
            whose = lookup.person(connection, owner)
            known = rights_rows.sharing(connection, owner)
        if whose is None:
            return NONE
        return decide(who, whose.account, known.entries.get(on, ()), known.delegations, time.time(), kind=on.kind)

    def busy_seen(self, viewer: str, owner: AccountId, calendars: Iterable[Object]) -> frozenset[Object]:
        """Those of the owner's calendars of which an account may know when they are busy, now."""
        with self.database.read() as connection:
            who = self._viewer(connection, AccountId(find_account(connection, viewer)["id"]))
            whose = lookup.person(connection, owner)
            known = rights_rows.sharing(connection, owner)
        if whose is None:
            return frozenset()
        if who.account.id == owner:
            return frozenset(calendars)
        now = time.time()
        return frozenset(
            on for on in calendars if sees_busy(who, whose.account, known.entries.get(on, ()), known.delegations, now)
        )

    def offers(self, viewer: Account, *kinds: Kind) -> list[Offer]:
        """In what the account is named."""
        with self.database.read() as connection:
            names = self._viewer(connection, viewer.id).identifiers
            return rights_rows.offers(connection, viewer.id, names, kinds)

    def answer(self, viewer: AccountId, owner: AccountId, on: Object | None, answer: Answer | None) -> None:
        """What the viewer says to an offer."""
        with self.database.write() as connection:
            rights_rows.put_answer(connection, viewer, owner, on, answer)

    def _viewer(self, connection: Connection, identity: AccountId) -> Viewer:
        person = lookup.person(connection, identity)
        assert person is not None
        groups = rights_rows.groups_of(connection, person.account.address.key, self.settings.alias_depth)
        return Viewer(person.account, identifiers.identifiers_of(person.account, groups))

    def identifiers_shown(self, names: Iterable[Identifier]) -> dict[Identifier, str]:
        with self.database.read() as connection:
            return identifiers.shown(connection, names)

    def delegate_add(  # noqa: PLR0913  (one argument for each column)
        self,
        owner: str,
        delegate: str,
        bundle: Bundle,
        *,
        send: SendRight,
        hide_private: bool = True,
        starts: int | None = None,
        ends: int | None = None,
        scope: Scope = Scope.ALL,
        invitations: bool = False,
    ) -> Delegation:
        """Let one account act in another, in place of what was given before; times are Unix seconds."""
        with self.database.write() as connection:
            mine, theirs = find_account(connection, owner), find_account(connection, delegate)
            if mine["id"] == theirs["id"]:
                raise refused("An account cannot be its own delegate")
            if ends is not None and ends <= (starts or 0):
                raise refused("The delegation would end before it begins")
            who = AccountId(mine["id"]), AccountId(theirs["id"])
            given = Delegation(*who, bundle, send, hide_private, starts, ends, scope, invitations)
            rights_rows.put_delegation(connection, given)
            return given

    def delegate_remove(self, owner: str, delegate: str) -> AccountId:
        """Take it away; gives the owner's id."""
        with self.database.write() as connection:
            mine, theirs = find_account(connection, owner), find_account(connection, delegate, closed=True)
            if not rights_rows.drop_delegation(connection, AccountId(mine["id"]), AccountId(theirs["id"])):
                raise refused(f"{delegate} is no delegate of {owner}", Reason.NON_EXISTENT)
            return AccountId(mine["id"])

    def delegate_list(self, which: str | None = None) -> list[tuple[str, str, Delegation]]:
        """(owner's address, delegate's address, delegation): all, or those in which an account or a domain is."""
        with self.database.read() as connection:
            owners = None if which is None else _members(connection, which)
            found = rights_rows.delegations(connection, owners)
            names = [Identifier.parse(f"user:{one}") for given in found for one in (given.owner, given.delegate)]
            shown = identifiers.shown(connection, names)
        rows = [
            (shown[Identifier.parse(f"user:{given.owner}")], shown[Identifier.parse(f"user:{given.delegate}")], given)
            for given in found
        ]
        return sorted(rows, key=lambda row: row[:2])

    def folders_account(self, domain: str, *, create: bool = False, plan: str = "basic") -> AccountId:
        """The account that holds the domain's shared folders, made when ``create`` says so."""
        name = valid_domain(domain)
        with self.database.read() as connection:
            open_domain(connection, name)
            found = _folders(connection, name)
        if found is None and create:
            with self.database.write() as connection:
                find_plan(connection, plan)
                found = _folders(connection, name) or _make_folders(connection, name, plan)
        if found is None:
            raise refused(f"The domain {name} has no shared folders", Reason.NON_EXISTENT)
        return found


def _members(connection: Connection, which: str) -> list[AccountId]:
    if "@" in which:
        return [AccountId(find_account(connection, which, closed=True)["id"])]
    query = select(account.c.id).where(account.c.domain == valid_domain(which))
    return [AccountId(one) for one in connection.execute(query).scalars()]


def _folders(connection: Connection, domain: str) -> AccountId | None:
    query = select(account.c.id).where(account.c.domain == domain, account.c.source == SOURCE_DOMAIN)
    found = connection.execute(query).scalar()
    return AccountId(found) if found is not None else None


def _make_folders(connection: Connection, domain: str, plan: str) -> AccountId:
    account_id = AccountId(secrets.token_hex(16))
    connection.execute(
        insert(account).values(
            id=account_id,
            local=FOLDERS_NAME,
            domain=domain,
            name="",
            language="en",
            plan=plan,
            state=AccountState.ACTIVE.value,
            over_quota=OverQuota.TEMPORARY.value,
            source=SOURCE_DOMAIN,
            stamp=1,
            created=now(),
            closed_with_domain=False,
        )
    )
    return account_id
