"""GETQUOTA, GETQUOTAROOT, SETQUOTA (RFC 9208). The account is one quota root, named by nothing."""

from imap.session.session import Session
from imap.session.state import Done
from imap.wire import responses
from imap.wire.commands import GetQuota, GetQuotaRoot, SetQuota
from optimails.model.errors import Reason, Refused

ROOT = ""


async def get_quota(session: Session, command: GetQuota) -> Done:
    if command.root != ROOT:
        raise Refused(Reason.NON_EXISTENT, "No such quota root")
    await _tell(session)
    return Done("GETQUOTA completed")


async def get_quota_root(session: Session, command: GetQuotaRoot) -> Done:
    """Also for a mailbox that does not exist yet: its root is known (RFC 9208 §4.3.2)."""
    session.write(responses.quota_root(command.mailbox, [ROOT], utf8=session.utf8))
    await _tell(session)
    return Done("GETQUOTAROOT completed")


async def set_quota(_session: Session, _command: SetQuota) -> Done:
    raise Refused(Reason.NO_PERMISSION, "Limits come from the plan of the account")


async def _tell(session: Session) -> None:
    usage = await session.mail.usage()
    limits = usage.limits
    resources = []
    if limits.storage is not None:
        # RFC 9208 §5.1: STORAGE counts units of 1024 octets; usage rounds up, so that full looks full.
        resources.append(("STORAGE", -(-usage.storage // 1024), limits.storage // 1024))
    if limits.messages is not None:
        resources.append(("MESSAGE", usage.messages, limits.messages))
    session.write(responses.quota(ROOT, resources))
