"""Notices as bytes, for datagrams between the processes of one machine. Pure.

A datagram is the two bytes ``O1``, then records: kind (1 byte), mailbox and modseq (8 each, big-endian), length of the
account's id (1), the id. Whatever does not follow this form is not ours and is dropped, whole.
"""

import re
import struct
from collections.abc import Iterable, Iterator

from optimails.events.api import Kind, Notice
from optimails.model.ids import AccountId, MailboxId, ModSeq

MAGIC = b"O1"
MAX_DATAGRAM = 4096
_RECORD = struct.Struct("!BQQB")
_KINDS = frozenset(kind.value for kind in Kind)
_ACCOUNT = re.compile(rb"[0-9a-zA-Z_\-]{1,64}")


def pack(notices: Iterable[Notice]) -> Iterator[bytes]:
    """As few datagrams as hold them."""
    datagram = MAGIC
    for notice in notices:
        account = notice.account.encode()
        record = _RECORD.pack(notice.kind, notice.mailbox, notice.modseq, len(account)) + account
        if len(datagram) + len(record) > MAX_DATAGRAM:
            yield datagram
            datagram = MAGIC
        datagram += record
    if datagram != MAGIC:
        yield datagram


def unpack(datagram: bytes) -> list[Notice]:
    """The notices in a datagram; none when any part of it is garbled."""
    if not datagram.startswith(MAGIC) or len(datagram) > MAX_DATAGRAM:
        return []
    notices = []
    position = len(MAGIC)
    while position < len(datagram):
        end = position + _RECORD.size
        if end > len(datagram):
            return []
        kind, mailbox, modseq, length = _RECORD.unpack_from(datagram, position)
        account = datagram[end : end + length]
        position = end + length
        if kind not in _KINDS or position > len(datagram) or not _ACCOUNT.fullmatch(account):
            return []
        notices.append(Notice(Kind(kind), AccountId(account.decode()), MailboxId(mailbox), ModSeq(modseq)))
    return notices
