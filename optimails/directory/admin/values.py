"""What the administration shows of the directory's rows. Times are Unix seconds."""

from dataclasses import dataclass
from enum import Enum

from optimails.model.account import AccountState, Limits, OverQuota, Service
from optimails.model.contact import Contact
from optimails.model.ids import AccountId
from optimails.model.mailing_list import MailingList


class Unchanged(Enum):
    UNCHANGED = "unchanged"


UNCHANGED = Unchanged.UNCHANGED
"""Stands for 'leave it as it is', where None means something."""


@dataclass(frozen=True, slots=True)
class DomainInfo:
    name: str
    active: bool  # False: removed
    postmaster: str | None  # None: the domain's first account
    catch_all: str | None  # None: unknown addresses are refused
    free_busy: bool  # colleagues see when its accounts are busy
    accounts: int  # that are not closed
    aliases: int
    lists: int
    created: int
    closed_at: int | None


@dataclass(frozen=True, slots=True)
class AccountInfo:
    id: AccountId
    address: str
    name: str
    language: str
    plan: str
    state: AccountState
    limits: Limits  # that apply
    storage: int | None  # own limit in bytes; None: the plan's, UNLIMITED: none
    messages: int | None  # likewise
    retention: int | None  # own days; None: the plan's
    over_quota: OverQuota
    forward: tuple[str, ...]  # where its mail is sent on
    forward_copy: bool  # whether it then keeps a copy
    free_busy: bool | None  # colleagues see when it is busy; None: as its domain says
    source: str  # local or ldap
    has_password: bool
    created: int
    closed_at: int | None
    kept_until: int | None  # of a closed account: when its address is free and its mail may go
    contact: Contact
    photo: str  # JPEG or PNG; empty: none
    hidden: bool  # whether address books leave it out


@dataclass(frozen=True, slots=True)
class AliasInfo:
    alias: str
    targets: tuple[str, ...]
    created: int
    hidden: bool  # whether address books leave it out


@dataclass(frozen=True, slots=True)
class ListInfo:
    settings: MailingList
    members: int
    suspended: int  # of these, who get no mail
    created: int
    hidden: bool  # whether address books leave it out


@dataclass(frozen=True, slots=True)
class MemberInfo:
    id: int  # by which bounces name it
    address: str
    suspended: str | None  # why it gets no mail; None: it does
    suspended_at: int | None
    created: int
    bounces: int  # days with a bounce


@dataclass(frozen=True, slots=True)
class BounceInfo:
    """What a bounce led to."""

    mailing_list: MailingList
    member: str
    days: int  # with a bounce
    suspended: bool  # by this one
    status: str


@dataclass(frozen=True, slots=True)
class AppPasswordInfo:
    id: int
    account: AccountId
    label: str
    services: frozenset[Service]
    created: int
    last_used: int | None  # to the day


@dataclass(frozen=True, slots=True)
class SecretAddress:
    name: str
    object_id: str  # of a calendar; empty: when the account is busy
    details: bool
    created: int


@dataclass(frozen=True, slots=True)
class PlanInfo:
    id: str
    name: str
    storage: int | None  # bytes; None: unlimited
    storage_min: int | None  # bounds of an account's own limit
    storage_max: int | None
    messages: int | None
    retention: int  # days
    features: tuple[str, ...]  # what it allows beyond a mailbox, see ``optimails.model.account.Feature``
    family: str  # accounts share with others of the same family
    accounts: int  # that are not closed
