"""What a calendar shows of somebody whom a message did not reach in the end (SCHEDULE-STATUS, RFC 6638 §7.3)."""

import sqlite3
from dataclasses import dataclass

from optimails.groupware.account import AccountGroupware
from optimails.groupware.api import Overtaken, Unfit
from optimails.groupware.scheduling import editing
from optimails.groupware.scheduling.people import user_of
from optimails.groupware.scheduling.planning import might_be_scheduled
from optimails.groupware.scheduling.writing import again
from optimails.groupware.text import Property, decode, parse, write
from optimails.index.groupware.items import ItemRow
from optimails.model.errors import BadSyntax

UNKNOWN = "3.7"  # invalid calendar user
FAILED = "5.1"  # it could not be delivered


@dataclass(frozen=True, slots=True)
class _Same:
    """The item is as it was read."""

    etag: str

    def before(self, connection: sqlite3.Connection, old: ItemRow | None) -> None:
        del connection
        if old is None or old.etag != self.etag:
            raise Overtaken

    def after(self, connection: sqlite3.Connection, made: ItemRow | None) -> None:
        """Nothing: a status leaves the Schedule-Tag as it was (RFC 6638 §3.2.10)."""


def note(account: AccountGroupware, uid: str, recipient: str, status: str) -> bool:
    """Write it at the recipient, whom this account invited or answered; whether he is there. Raises ``Unavailable``."""
    return again(lambda: _note(account, uid, recipient.lower(), status))


def _note(account: AccountGroupware, uid: str, recipient: str, status: str) -> bool:
    for where, item, text in account.by_uid(uid):
        collection = account.collection(where)
        changed = _changed(text, recipient, status) if might_be_scheduled(text) else None
        if changed is None or collection is None:
            continue
        try:
            account.put(collection, item.name, changed, beside=_Same(item.etag))
        except Unfit:  # there is no room for a longer text, say
            continue
        return True
    return False


def _changed(text: bytes, recipient: str, status: str) -> bytes | None:
    """None when nobody of that name is in it, or the status stands there."""
    try:
        top = parse(decode(text))
    except BadSyntax:
        return None

    def mark(found: Property, line: str) -> str:
        if found.name not in ("ATTENDEE", "ORGANIZER") or user_of(found.value) != recipient:
            return line
        return editing.with_params(line, {"SCHEDULE-STATUS": status})

    for root in top:
        for part in root.children:
            editing.edit(part, mark)
    made = "".join(map(write, top)).encode("utf-8", "replace")
    return made if made != text else None
