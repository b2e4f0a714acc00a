"""Scheduling as the rest of the service sees it: changes of calendars, messages that come, messages that go.

After a change its messages are brought to calendars of this machine at once, so that whoever is answered can tell his
colleague "look". What cannot be done now, or is for people elsewhere, the jobs worker does: it finds the account by its
mark (``pending``).
"""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from prometheus_client import Counter

from optimails.groupware.account import AccountGroupware
from optimails.groupware.api import Collection, Conditions, Item
from optimails.groupware.scheduling import outbox, undelivered
from optimails.groupware.scheduling.api import Automatic, ItipMessage, Outcome, OutgoingInvitations, Result
from optimails.groupware.scheduling.pending import Pending
from optimails.groupware.scheduling.people import user_of
from optimails.groupware.scheduling.planning import Writer
from optimails.groupware.scheduling.receiving import Receiving
from optimails.groupware.scheduling.users import People
from optimails.groupware.scheduling.writing import CalendarWriting
from optimails.groupware.service import LocalGroupware
from optimails.index.groupware.messages import MessageRow
from optimails.model.account import Account
from optimails.model.errors import MailError, Reason, Refused, Unavailable
from optimails.model.ids import AccountId

AT_ONCE = 25  # messages that a change waits for,
AT_ONCE_SIZE = 2**20  # and bytes of them, at most
_MESSAGES = Counter(
    "optimails_scheduling_messages_total", "Scheduling messages for accounts here, by method and result.",
    ["method", "result"],
)  # fmt: skip
_WAITS = (5, 30, 120, 600, 3600)  # seconds before the next attempt; the last again and again
_PATIENCE = 4 * 86_400  # seconds after which a message is given up
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Delivered:
    """What one round did."""

    done: int = 0
    failed: int = 0


class Scheduler:
    """Thread-safe, blocking. Without ``outgoing``, messages to people elsewhere wait for a process that has it."""

    def __init__(  # noqa: PLR0913 - its parts
        self,
        groupware: LocalGroupware,
        people: People,
        pending: Pending,
        *,
        outgoing: OutgoingInvitations | None = None,
        automatic: Automatic | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._groupware = groupware
        self._people = people
        self._pending = pending
        self._outgoing = outgoing
        self._clock = clock
        self._lock = threading.Lock()
        self._running: dict[AccountId, bool] = {}  # whether it is to look once more
        self._writing = CalendarWriting(people, pending, clock)
        self._receiving = Receiving(people, pending, clock, automatic)

    # -- changes -------------------------------------------------------------------------------------------------------

    def put(  # noqa: PLR0913, PLR0917 - whose, by whom, where, what
        self,
        account: AccountGroupware,
        writer: Writer,
        collection: Collection,
        name: str,
        data: bytes,
        conditions: Conditions = Conditions(),  # noqa: B008 - frozen
    ) -> tuple[Item, bool]:
        """As ``AccountGroupware.put``; the item's text may differ from ``data``. Raises ``Unfit`` also for what is
        others' to change, ``Refused(NO_PERMISSION)`` where the writer may not send."""
        item, created, waiting = self._writing.put(account, writer, collection, name, data, conditions)
        if waiting:
            self._at_once(writer.owner)
        return item, created

    def delete(  # noqa: PLR0913 - the same
        self,
        account: AccountGroupware,
        writer: Writer,
        collection: Collection,
        name: str,
        conditions: Conditions = Conditions(),  # noqa: B008 - frozen
        *,
        reply: bool = True,
    ) -> None:
        """``reply`` False: an attendee's organizer hears nothing (RFC 6638 §8.1)."""
        if self._writing.delete(account, writer, collection, name, conditions, reply=reply):
            self._at_once(writer.owner)

    def transfer(  # noqa: PLR0913 - the same
        self,
        account: AccountGroupware,
        source: Collection,
        name: str,
        target: Collection,
        new_name: str,
        *,
        move: bool,
        overwrite: bool,
    ) -> bool:
        """Within one account, whose meetings are in one calendar each; whether the target is new."""
        return self._writing.transfer(account, source, name, target, new_name, move=move, overwrite=overwrite)

    def remove(self, account: AccountGroupware, writer: Writer, collection: Collection) -> None:
        """A collection: with a calendar, its meetings are called off or declined."""
        if self._writing.remove(account, writer, collection):
            self._at_once(writer.owner)

    def propose(self, account: AccountGroupware, writer: Writer, uid: str, text: bytes) -> None:
        """Propose to the organizer what ``text`` has another time for. Raises ``Unfit``, ``Refused``, ``BadSyntax``."""
        if self._writing.propose(account, writer, uid, text):
            self._at_once(writer.owner)

    def refresh(self, account: AccountGroupware, writer: Writer, uid: str) -> None:
        """Ask the organizer for the newest version. Raises ``Refused(NON_EXISTENT)``."""
        if self._writing.refresh(account, writer, uid):
            self._at_once(writer.owner)

    def decide(self, account: AccountGroupware, writer: Writer, name: str, *, accept: bool, comment: str = "") -> None:
        """Take over the proposal that stands in the inbox under that name, or decline it; it leaves the inbox then.

        Raises ``Refused(NON_EXISTENT)``, ``Unfit``.
        """
        if self._writing.decide(account, writer, name, accept=accept, comment=comment):
            self._at_once(writer.owner)

    # -- messages ------------------------------------------------------------------------------------------------------

    def apply(self, account: Account, message: ItipMessage) -> Outcome:
        """See ``api.Incoming``."""
        with self._groupware.open(account) as opened:
            outcome, waiting = self._receiving.apply(account, opened, message)
        _MESSAGES.labels(message.method.value, outcome.result.value).inc()
        level = logging.INFO if outcome.result is Result.REFUSED else logging.DEBUG
        log.log(level, "scheduling_message", extra={"fields": {
            "account": account.id, "message": message.id, "method": message.method.value, "sender": message.sender,
            "result": outcome.result.value, "why": outcome.why,
        }})  # fmt: skip
        if waiting:
            self._at_once(account)
        return outcome

    def _at_once(self, owner: Account) -> None:
        """The change is on disk; whatever goes wrong now is tried again by the jobs worker."""
        try:
            self.deliver(owner, most=AT_ONCE)
        except MailError as wrong:
            log.warning("scheduling_put_off", extra={"fields": {"account": owner.id, "why": str(wrong)}})

    def deliver(self, owner: Account, most: int | None = None) -> Delivered:
        """What waits in the account and whose time has come, in its order. Raises ``Unavailable``.

        One round at a time for an account: an answer that comes back while a round is on its way, or another thread,
        makes it look once more. Waiting for it would let two rounds wait for each other.
        """
        done = failed = 0
        with self._groupware.open(owner) as account:
            if not self._begin(owner.id):
                return Delivered()
            try:
                while True:
                    one = _Round(self, owner, account, most).run()
                    done, failed = done + one.done, failed + one.failed
                    if not self._once_more(owner.id):
                        break
            except BaseException:
                self._give_up(owner.id)
                raise
            if outbox.next_due(account) is None:
                self._pending.settle(owner.id)
        return Delivered(done, failed)

    def _begin(self, account: AccountId) -> bool:
        with self._lock:
            if account in self._running:
                self._running[account] = True
                return False
            self._running[account] = False
            return True

    def _once_more(self, account: AccountId) -> bool:
        with self._lock:
            if self._running[account]:
                self._running[account] = False
                return True
            del self._running[account]
            return False

    def _give_up(self, account: AccountId) -> None:
        with self._lock:
            self._running.pop(account, None)

    def _send(self, owner: Account, message: ItipMessage) -> bool:
        """Whether it is delivered; False: not in this process. Raises ``Unavailable``, ``Refused``."""
        user = self._people.users([user_of(message.recipient)])[user_of(message.recipient)]
        if user.account is not None:
            self.apply(user.account, message)
            return True
        if not user.known:
            raise Refused(Reason.NON_EXISTENT, "There is no such user")
        if message.quiet:
            return True
        if self._outgoing is None:
            return False
        self._outgoing.send(owner, message)
        return True


class _Round:
    """One look at the messages of one account."""

    def __init__(self, scheduler: Scheduler, owner: Account, account: AccountGroupware, most: int | None) -> None:
        self._scheduler = scheduler
        self._owner = owner
        self._account = account
        self._left = most
        self._room = AT_ONCE_SIZE
        self._blocked: set[tuple[str, str]] = set()  # recipient and UID: what comes later has to wait
        self._failed = 0

    def run(self) -> Delivered:
        now = int(self._scheduler._clock())  # noqa: SLF001 - its own
        done = after = 0
        while batch := outbox.due(self._account, now, after):
            delivered: list[MessageRow] = []
            for row, message in batch:
                after = row.number
                if self._left is not None and self._left <= 0:
                    break
                if (row.recipient, row.uid) in self._blocked:
                    continue
                if self._one(row, message, now):
                    delivered.append(row)
            outbox.delivered(self._account, delivered)
            done += len(delivered)
            if self._left is not None and self._left <= 0:
                break
        return Delivered(done, self._failed)

    def _one(self, row: MessageRow, message: ItipMessage, now: int) -> bool:
        if self._left is not None:
            self._room -= len(message.text)
            self._left = self._left - 1 if self._room > 0 else 0
        try:
            if self._scheduler._send(self._owner, message):  # noqa: SLF001 - its own
                return True
        except Unavailable as away:
            self._put_off(row, self._later(row, now), str(away))
        except Refused as refused:
            self._put_off(row, None, str(refused))
            return False
        except Exception as error:  # an error of ours: it keeps nobody else's message, and no request that is done
            fields = {"account": self._owner.id, "message": row.id, "method": row.method}
            log.exception("scheduling_broken", extra={"fields": fields})
            self._put_off(row, self._later(row, now), type(error).__name__)
        self._blocked.add((row.recipient, row.uid))
        return False

    @staticmethod
    def _later(row: MessageRow, now: int) -> int | None:
        """When to try again; None: it has been long enough."""
        return now + _WAITS[min(row.attempts, len(_WAITS) - 1)] if now - row.created < _PATIENCE else None

    def _put_off(self, row: MessageRow, later: int | None, why: str) -> None:
        self._failed += 1
        fields = {"account": self._owner.id, "message": row.id, "recipient": row.recipient, "why": why}
        if later is None:
            undelivered.note(self._account, row.uid, row.recipient, undelivered.FAILED)
        log.warning("scheduling_failed" if later is None else "scheduling_put_off", extra={"fields": fields})
        outbox.put_off(self._account, row, later, why)
