"""Distribution lists: settings, and who is what to them. Members have a file of their own, ``admin.members``."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update

from optimails.directory import lists
from optimails.directory.admin.accounts import LANGUAGES, claim
from optimails.directory.admin.base import (
    Base,
    changed,
    now,
    open_domain,
    refused,
    valid_address,
    valid_domain,
    valid_text,
)
from optimails.directory.admin.contacts import hide
from optimails.directory.admin.values import ListInfo
from optimails.directory.schema import address, list_member, list_role, mailing_list
from optimails.model.errors import Reason
from optimails.model.mailing_list import FromRewrite, MailingList, Others, Posting, ReplyTo, Role

MAX_LOCAL = 30  # octets: the list's addresses for bounces need the rest of the 64 (RFC 5321 §4.5.3.1.1)
MAX_TAG = 40
MAX_PEOPLE = 200  # of each role
_NUMBERS = {"hold_days": (1, 365), "bounces": (0, 1_000), "bounce_days": (1, 3_650), "max_size": (1_024, 2**62)}
_DEFAULTS = {
    "name": "",
    "description": "",
    "language": "en",
    "posting": Posting.MEMBERS,
    "others": Others.REFUSE,
    "reply_to": ReplyTo.UNCHANGED,
    "subject_tag": "",
    "max_size": None,
    "from_rewrite": FromRewrite.POLICY,
    "everyone": False,
    "leave": False,
    "hold_days": 14,
    "bounces": 5,
    "bounce_days": 30,
}


class Lists(Base):
    def list_add(self, where: str, *, owners: Sequence[str] = (), **settings: Any) -> ListInfo:
        """A new list; ``settings`` are those of ``MailingList`` that differ from the defaults.

        Its members and, apart from ``owners``, its people are added afterwards.
        """
        mail = valid_address(where)
        local = mail.local
        if "+" in local or local.startswith('"') or not local.isascii() or len(local) > MAX_LOCAL:
            raise refused(f"What stands before the @ of a list is plain ASCII without +, at most {MAX_LOCAL} letters")
        values = _DEFAULTS | _valid(settings)
        people = list(dict.fromkeys(valid_address(one).key for one in owners))
        with self.database.write() as connection:
            open_domain(connection, mail.domain)
            claim(connection, mail, self.settings.keep_removed_days)
            created = now()
            connection.execute(insert(address).values(key=mail.key, domain=mail.domain, list=True, created=created))
            connection.execute(
                insert(mailing_list).values(
                    address=mail.key, local=local, domain=mail.domain, created=created, **_columns(values)
                )
            )
            _add_people(connection, mail.key, Role.OWNER, people)
            return info(connection, mail.key)

    def list_set(self, where: str, **settings: Any) -> ListInfo:
        """Other settings."""
        values = _columns(_valid(settings))
        with self.database.write() as connection:
            key = find_list(connection, where).key
            if values:
                connection.execute(update(mailing_list).where(mailing_list.c.address == key).values(**values))
            return info(connection, key)

    def list_hide(self, where: str, *, hidden: bool) -> ListInfo:
        """Whether address books leave it out."""
        with self.database.write() as connection:
            key = find_list(connection, where).key
            hide(connection, key, hidden=hidden)
            return info(connection, key)

    def list_remove(self, where: str) -> ListInfo:
        """Remove the list with all its settings and members; its address is free at once, as an alias' is."""
        with self.database.write() as connection:
            key = find_list(connection, where).key
            gone = info(connection, key)
            # In this order, and not left to the engine's cascades: SQLite keeps to them only where it was told to.
            connection.execute(delete(list_member).where(list_member.c.list == key))
            connection.execute(delete(list_role).where(list_role.c.list == key))
            connection.execute(delete(mailing_list).where(mailing_list.c.address == key))
            connection.execute(delete(address).where(address.c.key == key))
            return gone

    def list_get(self, where: str) -> ListInfo:
        with self.database.read() as connection:
            return info(connection, find_list(connection, where).key)

    def list_list(self, domain_name: str | None = None) -> list[ListInfo]:
        """All lists by domain and address, or those of one domain."""
        with self.database.read() as connection:
            found = lists.lists(connection, of_domain=valid_domain(domain_name) if domain_name else None)
            return [info(connection, one.key) for one in found]

    def list_people_add(self, where: str, role: Role, people: Sequence[str]) -> ListInfo:
        """Give people a role: owners and moderators decide on held posts, senders may post."""
        keys = list(dict.fromkeys(valid_address(one).key for one in people))
        with self.database.write() as connection:
            key = find_list(connection, where).key
            _add_people(connection, key, role, keys)
            return info(connection, key)

    def list_people_remove(self, where: str, role: Role, people: Sequence[str]) -> ListInfo:
        keys = [valid_address(one).key for one in people]
        with self.database.write() as connection:
            key = find_list(connection, where).key
            for one in keys:
                row = (list_role.c.list == key, list_role.c.role == role.value, list_role.c.address == one)
                if connection.execute(delete(list_role).where(*row)).rowcount == 0:
                    raise refused(f"{one} is no {role.value} of the list {key}", Reason.NON_EXISTENT)
            return info(connection, key)


def find_list(connection: Connection, where: str) -> MailingList:
    """The list with that address, or ``Refused``."""
    mail = valid_address(where)
    found = lists.lists(connection, [mail.key])
    if not found:
        raise refused(f"There is no list {mail}", Reason.NON_EXISTENT)
    return found[0]


def info(connection: Connection, key: str) -> ListInfo:
    """The list as it is now."""
    (found,) = lists.lists(connection, [key])
    created = connection.execute(select(mailing_list.c.created).where(mailing_list.c.address == key)).scalar_one()
    counted = select(func.count(), func.count(list_member.c.suspended)).where(list_member.c.list == key)
    members, suspended = connection.execute(counted).one()
    hidden = connection.execute(select(address.c.hidden).where(address.c.key == key)).scalar_one()
    return ListInfo(found, members, suspended, created, hidden)


def _add_people(connection: Connection, key: str, role: Role, people: Sequence[str]) -> None:
    query = select(list_role.c.address, list_role.c.position).where(
        list_role.c.list == key, list_role.c.role == role.value
    )
    known: dict[str, int] = {one: position for one, position in connection.execute(query)}  # noqa: C416 - types
    new = [one for one in people if one not in known]
    if len(known) + len(new) > MAX_PEOPLE:
        raise refused(f"A list may have {MAX_PEOPLE} of them", Reason.LIMIT)
    start = max(known.values(), default=-1) + 1
    rows = [
        {"list": key, "role": role.value, "address": one, "position": start + place} for place, one in enumerate(new)
    ]
    if rows:
        connection.execute(insert(list_role), rows)


def _valid(settings: dict[str, Any]) -> dict[str, Any]:
    """Those that were given, checked."""
    values = changed(**settings)
    for name, kind in (("posting", Posting), ("others", Others), ("reply_to", ReplyTo), ("from_rewrite", FromRewrite)):
        if name in values:
            values[name] = kind(values[name])
    for name in ("name", "description", "subject_tag"):
        if name in values:
            values[name] = valid_text(values[name], name.replace("_", " "))
    if len(values.get("subject_tag", "")) > MAX_TAG:
        raise refused(f"The subject tag is longer than {MAX_TAG} characters")
    if values.get("language", "en") not in LANGUAGES:
        raise refused(f"There is no language {values['language']!r}; languages are: {', '.join(LANGUAGES)}")
    for name, (least, most) in _NUMBERS.items():
        number = values.get(name)
        if number is not None and not least <= number <= most:
            raise refused(f"{name} must be from {least} to {most}")
    return values


def _columns(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value.value if isinstance(value, StrEnum) else value for name, value in values.items()}
