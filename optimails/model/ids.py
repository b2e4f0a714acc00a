"""Identifiers with types of their own, so that a UID is never passed where a sequence number is meant."""

from typing import NewType

AccountId = NewType("AccountId", str)
"""Opaque, stable for the account's life, safe as a folder name (lower-case hexadecimal)."""

MailboxId = NewType("MailboxId", int)
Uid = NewType("Uid", int)
UidValidity = NewType("UidValidity", int)
ModSeq = NewType("ModSeq", int)
SeqNum = NewType("SeqNum", int)

MAX_UID = 2**32 - 1
