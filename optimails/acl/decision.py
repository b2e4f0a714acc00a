"""What a viewer may do with an object of an owner: the one place where that is decided. Pure.

The rules, in this order:

1. An owner has every right on what is his, whatever the entries say: nobody can lock himself out.
2. A right comes by an entry of the object's ACL, or by a delegation of the owner's whole account.
3. Entries count for who they name: a user, the members of a group, the accounts of a domain. The rights of all positive
   ones together, less those of all negative ones (RFC 4314 §2). ``anyone`` is every account of the owner's own domain:
   many companies live on one server, and none of them means strangers.
4. The plans must allow it. Between accounts: sharing (entries) or delegation, in both plans, and both plans of one
   family; for the shared folders of a domain: that in the viewer's plan. Free-busy needs it in the viewer's plan.
5. A delegation is not cut by negative entries: it is given by name, for the whole account.
6. Private items are hidden from a viewer all of whose ways to read the object hide them.
7. Colleagues see when somebody is busy without any entry (``sees_busy``), unless the account, its domain, or a negative
   entry of a calendar says otherwise. It is not among the rights: nobody's calendars are listed for it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from optimails.acl.bundles import rights_of
from optimails.model.account import Account, AccountState, Entitlements, Feature
from optimails.model.rights import EVERYTHING, NOTHING, Delegation, Entry, Identifier, Kind, Right, SendRight, Who


class Through(Enum):
    """By what a viewer comes to an object; for the audit log and for whose ``\\Seen`` he changes."""

    NOTHING = "nothing"
    OWNERSHIP = "ownership"
    SHARE = "share"
    DELEGATION = "delegation"


@dataclass(frozen=True, slots=True)
class Effective:
    """What a viewer may do; good until ``until`` (Unix seconds) unless something is changed before."""

    rights: Right = NOTHING
    through: Through = Through.NOTHING
    hide_private: bool = False
    until: float | None = None

    def may(self, *wanted: Right) -> bool:
        return all(right in self.rights for right in wanted)


OWN = Effective(EVERYTHING, Through.OWNERSHIP)
NONE = Effective()


@dataclass(frozen=True, slots=True)
class Viewer:
    """An account, and everything that identifiers may call it."""

    account: Account
    identifiers: frozenset[Identifier]


def decide(  # noqa: PLR0913 - all that it depends on
    viewer: Viewer,
    owner: Account,
    entries: Iterable[Entry],
    delegations: Iterable[Delegation],
    now: float,
    *,
    kind: Kind = Kind.MAILBOX,
) -> Effective:
    """The viewer's rights on an object of this kind of the owner, that has these entries.

    ``delegations`` are those of the owner; ``now`` is Unix seconds.
    """
    if viewer.account.id == owner.id:
        return OWN
    if owner.state is AccountState.CLOSED or viewer.account.state is AccountState.CLOSED:
        return NONE
    mine = viewer.account.entitlements
    shared, shared_hides = _shared(viewer, entries) if _may_share(mine, owner) else (NOTHING, False)
    given, until = _given(viewer, owner, delegations, now, kind)
    rights = shared | (rights_of(given.bundle) if given is not None else NOTHING)
    if Feature.FREE_BUSY not in mine.features:
        rights &= ~Right.FREE_BUSY
    if not rights:
        return Effective(until=until)
    open_by_share = Right.READ in shared and not shared_hides
    open_by_delegation = given is not None and not given.hide_private
    through = Through.SHARE if given is None else Through.DELEGATION
    return Effective(rights, through, not (open_by_share or open_by_delegation), until)


def sees_busy(
    viewer: Viewer, owner: Account, entries: Iterable[Entry], delegations: Iterable[Delegation], now: float
) -> bool:
    """Whether the viewer may know when the calendar with these entries is busy: by a right on it, or as a colleague."""
    known = tuple(entries)
    if decide(viewer, owner, known, delegations, now).rights & (Right.READ | Right.FREE_BUSY):
        return True
    mine = viewer.account
    if AccountState.CLOSED in (owner.state, mine.state) or Feature.FREE_BUSY not in mine.entitlements.features:
        return False
    if not owner.shows_busy or owner.domain_folders or owner.address.domain != mine.address.domain:
        return False
    return not any(
        one.negative and Right.FREE_BUSY in one.rights and one.identifier in viewer.identifiers for one in known
    )


def _may_share(mine: Entitlements, owner: Account) -> bool:
    if owner.domain_folders:
        return Feature.SHARED_FOLDERS in mine.features
    return _both(Feature.SHARING, mine, owner.entitlements)


def _both(feature: Feature, mine: Entitlements, theirs: Entitlements) -> bool:
    return feature in mine.features and feature in theirs.features and mine.family == theirs.family


def _shared(viewer: Viewer, entries: Iterable[Entry]) -> tuple[Right, bool]:
    """Rights by entries, and whether all that let read hide what is private."""
    granted = taken = NOTHING
    hides = True
    for entry in entries:
        if entry.identifier.who is not Who.OWNER and entry.identifier in viewer.identifiers:
            if entry.negative:
                taken |= entry.rights
            else:
                granted |= entry.rights
                hides = hides and (Right.HIDE_PRIVATE in entry.rights or Right.READ not in entry.rights)
    return granted & ~taken & EVERYTHING, hides


def _given(
    viewer: Viewer, owner: Account, delegations: Iterable[Delegation], now: float, kind: Kind | None
) -> tuple[Delegation | None, float | None]:
    """The delegation that is good now, and when the clock next changes that."""
    for delegation in delegations:
        if delegation.delegate != viewer.account.id or not delegation.scope.covers(kind):
            continue
        if not _both(Feature.DELEGATION, viewer.account.entitlements, owner.entitlements):
            return None, None
        if delegation.active(now):
            return delegation, delegation.ends
        return None, delegation.starts if delegation.starts is not None and delegation.starts > now else None
    return None, None


def copied_to(viewer: Account, owner: Account, delegations: Iterable[Delegation], now: float) -> Delegation | None:
    """The delegation by which the viewer gets copies of the owner's invitations, if there is one."""
    if AccountState.CLOSED in (owner.state, viewer.state):
        return None
    given, _ = _given(Viewer(viewer, frozenset()), owner, delegations, now, Kind.CALENDAR)
    return given if given is not None and given.invitations else None


def send_right(viewer: Account, owner: Account, delegations: Iterable[Delegation], now: float) -> SendRight:
    """In whose name the viewer may send mail from an address of the owner."""
    if viewer.id == owner.id:
        return SendRight.OWN
    if owner.state is AccountState.CLOSED:
        return SendRight.NO
    given, _ = _given(Viewer(viewer, frozenset()), owner, delegations, now, None)
    return given.send if given is not None else SendRight.NO
