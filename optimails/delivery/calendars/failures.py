"""Invitations and answers that came back: the calendar shows whom they did not reach.

The sender gets the queue's report as of any mail; this is for the calendar. What the queue tried is found by the key
under which it was handed in.
"""

import asyncio
import logging

from optimails.directory.api import Directory
from optimails.groupware.scheduling import undelivered
from optimails.groupware.service import LocalGroupware
from optimails.model.account import Account
from optimails.model.errors import MailError
from optimails.model.ids import AccountId
from optimails.queue.api import Report, Reported

log = logging.getLogger(__name__)

PREFIX = "itip"
MAX_UID = 500  # characters; longer ones are not noted
_UNKNOWN = ("5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10")  # bad addresses (RFC 3463 §3.2, RFC 7505 §4.2)


def key_of(account: Account, message: str, uid: str) -> str:
    """Under which a message goes into the queue."""
    return f"{PREFIX} {message} {account.id} {uid[:MAX_UID]}"


class Undelivered:
    """Hears of the queue's reports."""

    def __init__(self, groupware: LocalGroupware, directory: Directory) -> None:
        self._groupware = groupware
        self._directory = directory

    async def __call__(self, report: Report) -> None:
        """Never raises: a status that cannot be written is no reason to tell nobody."""
        prefix, _, rest = report.key.partition(" ")
        failed = [one for one in report.recipients if one.action == "failed"]
        if prefix != PREFIX or not failed:
            return
        _, identity, uid = [*rest.split(" ", 2), "", ""][:3]
        try:
            account = await self._directory.account(AccountId(identity))
            if account is not None and self._groupware.exists(account.id):
                for one in failed:
                    await asyncio.to_thread(self._note, account, uid, one)
        except MailError as wrong:
            log.warning("invitation_status_lost", extra={"fields": {"account": identity, "why": str(wrong)[:300]}})
        except Exception:
            log.exception("invitation_status_lost", extra={"fields": {"account": identity}})

    def _note(self, account: Account, uid: str, one: Reported) -> None:
        status = undelivered.UNKNOWN if one.status in _UNKNOWN else undelivered.FAILED
        with self._groupware.open(account) as groupware:
            undelivered.note(groupware, uid, one.address.key, status)
        fields = {"account": account.id, "uid": uid[:200], "recipient": str(one.address), "status": status}
        log.info("invitation_undelivered", extra={"fields": fields})
