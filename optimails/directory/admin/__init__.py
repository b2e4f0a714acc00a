"""Changing the directory: what the command line and the console call. Blocking; every change is one transaction.

Wishes that cannot be granted raise ``Refused`` with a text for the administrator; nothing is changed then. Nothing is
destroyed: what is removed is closed, and can be restored for ``keep_removed_days``.
"""

from optimails.directory.admin.accounts import Accounts
from optimails.directory.admin.aliases import Aliases
from optimails.directory.admin.app_passwords import AppPasswords
from optimails.directory.admin.contacts import Shown
from optimails.directory.admin.domains import Domains
from optimails.directory.admin.lists import Lists
from optimails.directory.admin.members import Members
from optimails.directory.admin.plans import Plans
from optimails.directory.admin.published import Publishing
from optimails.directory.admin.resources import Resources
from optimails.directory.admin.rights import Rights
from optimails.directory.admin.values import (
    UNCHANGED,
    AccountInfo,
    AliasInfo,
    AppPasswordInfo,
    BounceInfo,
    DomainInfo,
    ListInfo,
    MemberInfo,
    PlanInfo,
    SecretAddress,
    Unchanged,
)
from optimails.directory.schema import UNLIMITED

__all__ = [
    "UNCHANGED",
    "UNLIMITED",
    "AccountInfo",
    "Admin",
    "AliasInfo",
    "AppPasswordInfo",
    "BounceInfo",
    "DomainInfo",
    "ListInfo",
    "MemberInfo",
    "PlanInfo",
    "SecretAddress",
    "Shown",
    "Unchanged",
]


class Admin(Domains, Accounts, Aliases, Lists, Members, AppPasswords, Plans, Rights, Publishing, Resources):
    """All of it: ``Admin(open_database(settings, data), settings)``."""
