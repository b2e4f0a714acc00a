"""GETQUOTA, GETQUOTAROOT, SETQUOTA (RFC 9208). Each account is one quota root.

The user's own is named by nothing; that of a mailbox which somebody shares is named as all that he shares.
"""

from imap.session.session import Session
from imap.session.state import Done
from imap.wire import responses
from imap.wire.commands import GetQuota, GetQuotaRoot, SetQuota
from optimails.model.errors import Reason, Refused
from quota.usage import Usage


async def get_quota(session: Session, command: GetQuota) -> Done:
    _tell(session, command.root, await session.mail.usage_of_root(command.root))
    return Done("GETQUOTA completed")


async def get_quota_root(session: Session, command: GetQuotaRoot) -> Done:
    """Also for a mailbox that does not exist yet: its root is known (RFC 9208 §4.3.2)."""
    root, usage = await session.mail.quota_of(command.mailbox)
    session.write(responses.quota_root(command.mailbox, [root], utf8=session.utf8))
    _tell(session, root, usage)
    return Done("GETQUOTAROOT completed")


async def set_quota(_session: Session, _command: SetQuota) -> Done:
    raise Refused(Reason.NO_PERMISSION, "Limits come from the plan of the account")


def _tell(session: Session, root: str, usage: Usage) -> None:
    limits = usage.limits
    resources = []
    if limits.storage is not None:
        # RFC 9208 §5.1: STORAGE counts units of 1024 octets; usage rounds up, so that full looks full.
        resources.append(("STORAGE", -(-usage.storage // 1024), limits.storage // 1024))
    if limits.messages is not None:
        resources.append(("MESSAGE", usage.messages, limits.messages))
    session.write(responses.quota(root, resources))
