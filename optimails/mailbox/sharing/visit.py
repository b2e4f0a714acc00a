"""One user at one mailbox of somebody else: what he may do there, asked anew for each act, and noted.

A mailbox that the visitor may not even look up does not exist for him: every refusal says so, whatever he tries
(RFC 4314 §6).
"""

import asyncio
import logging
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from optimails.acl.decision import NONE, Effective, Through
from optimails.model.account import Account
from optimails.model.errors import Reason, Refused, Unavailable
from optimails.model.flags import DELETED_BIT, SEEN_BIT
from optimails.model.rights import Kind, Object, Right

if TYPE_CHECKING:
    from optimails.audit import AuditLog
    from optimails.directory.api import Rights
    from optimails.mailbox.account import LocalAccountMail

log = logging.getLogger(__name__)

ACCOUNT = Object(Kind.MAILBOX, "")
"""No mailbox at all: only a delegation, which is for the whole account, gives a right on it."""
_EVERY_FLAG = (1 << 63) - 1


@dataclass(slots=True)
class Visitor:
    """Who looks, through which door; what he has opened already is noted once in his session."""

    account: Account
    via: str
    session: str
    rights: "Rights"
    audit: "AuditLog | None"
    noted: set[Object] = field(default_factory=set)

    async def note(self, act: str, owner: Account, **details: object) -> None:
        """A line in the audit log, with both names. Raises ``Unavailable`` when it cannot be written."""
        if self.audit is not None:
            words = {name: str(value) for name, value in details.items() if value not in (None, "")}
            words["session"] = self.session
            arguments = (str(self.account.address), self.via, act, str(owner.address), words)
            await asyncio.get_running_loop().run_in_executor(None, self.audit.record, *arguments)


class Visit:
    """A mailbox of ``owner`` in the hands of ``visitor``. ``now`` is what he may do, as last asked."""

    def __init__(self, visitor: Visitor, owner: Account, on: Object, name: str, mail: "LocalAccountMail") -> None:
        self.visitor = visitor
        self.owner = owner
        self.on = on
        self.name = name  # in the owner's account
        self.mail = mail
        self.now: Effective = NONE
        self._done: Counter[str] = Counter()

    async def ask(self) -> Effective:
        """What the visitor may do now."""
        self.now = await self.visitor.rights.effective(self.visitor.account.id, self.owner.id, self.on)
        return self.now

    async def expect(self, *rights: Right) -> None:
        """Raises ``Refused`` unless he has all of them: NO_PERMISSION, or NON_EXISTENT where he may see nothing."""
        effective = await self.ask()
        if effective.may(*rights):
            return
        if not effective.may(Right.LOOKUP) and not effective.may(Right.READ):
            raise no_such_mailbox()
        raise Refused(Reason.NO_PERMISSION, "You have no right to do that in this mailbox")

    async def open(self, *rights: Right) -> None:
        """``expect``, and the audit log has a line that he was here, before he sees anything."""
        await self.expect(*rights)
        await self.enter()

    async def enter(self) -> None:
        """The line in the audit log, for who has asked for the right already."""
        if self.on not in self.visitor.noted:
            await self.visitor.note("mailbox open", self.owner, mailbox=self.name, through=self.now.through.value)
            self.visitor.noted.add(self.on)

    def did(self, what: str, count: int) -> None:
        """Count acts on messages; they are told together by ``leave``."""
        if count:
            self._done[what] += count

    async def leave(self) -> None:
        """Note what was changed."""
        done, self._done = self._done, Counter()
        if done:
            try:
                await self.visitor.note("mailbox change", self.owner, mailbox=self.name, **done)
            except Unavailable as away:  # it is done, and who did it stands in the log since he came
                fields = {"account": self.owner.id, "actor": self.visitor.account.id, "error": str(away)} | done
                log.error("audit_incomplete", extra={"fields": fields})  # noqa: TRY400 - the words say it all

    @property
    def untouchable(self) -> int:
        """The mask of flags that the visitor may not change."""
        kept = 0 if self.now.may(Right.WRITE) else _EVERY_FLAG & ~(SEEN_BIT | DELETED_BIT)
        kept |= 0 if self.now.may(Right.SEEN) else SEEN_BIT
        return kept | (0 if self.now.may(Right.REMOVE) else DELETED_BIT)

    async def viewer(self) -> str:
        r"""By what name the visitor keeps ``\Seen`` for himself; empty where it is the owner's.

        A delegate works in the owner's place, and a mailbox may have one ``\Seen`` for all.
        """
        if self.now.through is Through.DELEGATION:
            return ""
        common = (await self.visitor.rights.sharing(self.owner.id)).common_seen
        return "" if self.on in common else self.visitor.account.id


def no_such_mailbox() -> Refused:
    return Refused(Reason.NON_EXISTENT, "Mailbox does not exist")
