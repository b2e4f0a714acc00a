"""What ``optimails share`` does with calendars, task lists and address books."""

from typing import TYPE_CHECKING, Any

from optimails.cli.app import App
from optimails.cli.errors import CommandFailed
from optimails.cli.mail import account_of
from optimails.model.account import Account
from optimails.model.rights import Kind, Object, Right, answer_to, letters

if TYPE_CHECKING:
    from optimails.groupware.api import NewCollection

CALENDAR, TASKS, CONTACTS = KINDS = ("calendar", "tasks", "contacts")
_WORDS = {Kind.CALENDAR: CALENDAR, Kind.TASKS: TASKS, Kind.ADDRESS_BOOK: CONTACTS}


def shared_with(app: App, viewer: Account) -> list[dict[str, Any]]:
    """Every collection of others that the viewer may read, as ``owner/name``."""
    from optimails.cli.groupware import groupware_of  # noqa: PLC0415 - when needed
    from optimails.groupware.api import as_object  # noqa: PLC0415 - when needed

    found: list[dict[str, Any]] = []
    offers = [one for one in app.admin.offers(viewer, *_WORDS) if one.reads]  # not all who show when they are busy
    groupware = groupware_of(app)
    try:
        for identity in dict.fromkeys(offer.owner for offer in offers):
            owner, mine = account_of(app.admin.account_get(identity)), [one for one in offers if one.owner == identity]
            if not groupware.exists(identity):
                continue
            with groupware.open(owner) as account:
                collections = account.collections()
            for one in collections:
                on = as_object(one)
                effective = app.admin.effective(viewer.id, identity, on)
                if effective.may(Right.READ):
                    answer = answer_to(on, mine)
                    line = {
                        "mailbox": f"{owner.address.domain if owner.domain_folders else owner.address}/{one.name}",
                        "kind": _WORDS[on.kind],
                        "owner": owner.address,
                        "rights": letters(effective.rights),
                        "through": effective.through.value,
                        "answer": answer.value if answer else "offered",
                        "object": on,
                        "offered": True,
                        "owner_id": identity,
                    }
                    found.append(line)
    finally:
        groupware.close()
    return found


def create(app: App, owner: Account, name: str, kind: str) -> Object:
    """A new collection of a domain. Raises ``Refused`` when there is one of that name."""
    from optimails.cli.groupware import groupware_of  # noqa: PLC0415 - when needed
    from optimails.groupware.api import as_object  # noqa: PLC0415 - when needed

    groupware = groupware_of(app)
    try:
        with groupware.open(owner) as account:
            return as_object(account.create(name, _new(name, kind)))
    finally:
        groupware.close()


def delete(app: App, owner: Account, name: str, kind: str) -> Object:
    """With everything in it."""
    from optimails.cli.groupware import groupware_of  # noqa: PLC0415 - when needed
    from optimails.groupware.api import as_object  # noqa: PLC0415 - when needed

    groupware = groupware_of(app)
    try:
        with groupware.open(owner) as account:
            found = account.collection(name)
            if found is None or _WORDS[as_object(found).kind] != kind:
                word = CONTACTS if kind == CONTACTS else CALENDAR
                raise CommandFailed(f"cli.error.no_such_{word}", mailbox=name, address=owner.address)
            account.remove(name)
            return as_object(found)
    finally:
        groupware.close()


def _new(name: str, kind: str) -> "NewCollection":
    from optimails.groupware.api import Kind as CollectionKind  # noqa: PLC0415 - when needed
    from optimails.groupware.api import NewCollection  # noqa: PLC0415 - when needed

    if kind == CONTACTS:
        return NewCollection(CollectionKind.BOOK, (), display_name=name)
    components = ("VTODO",) if kind == TASKS else ("VEVENT",)
    return NewCollection(CollectionKind.CALENDAR, components, display_name=name)
