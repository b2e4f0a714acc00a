"""Runs scripts over messages of one mailbox and carries out what they want, some messages at a time.

**Batches.** The wishes of some tens of messages are gathered first; then those that want the same go together: one copy
for all that are filed into one mailbox, one change for all that get the same flags.

**Nothing is lost.** A message goes only when all that its script wanted instead has been done; whatever fails leaves it
where it is, and is told. What goes is marked ``\\Deleted`` (RFC 6785 §3.4), or expunged where the setting says so; it
can then be undeleted as any other message.

**No circles.** What is done here goes by the mailbox layer, below the doors that tell of events: a script never sets
off another one.
"""

import asyncio
import logging
import sqlite3
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Self

from optimails.delivery import automatic
from optimails.delivery.answered import Answered
from optimails.delivery.api import Delivered, Failed
from optimails.delivery.filters import REDIRECTED_FROM, Filters, without_trace
from optimails.delivery.spool import Spool
from optimails.delivery.stored.decide import RunFailed, Wish, decide, difference, envelope_of, wish
from optimails.delivery.world import Mailboxes, World
from optimails.mailbox.api import AccountMail, MessageFile, MessageSet, NewMessage, SelectedMailbox, StoreMode, Want
from optimails.model.address import EmailAddress
from optimails.model.errors import BadSyntax, MailError, Reason, Refused
from optimails.model.flags import DELETED, flag_set
from optimails.model.mailbox_name import MailboxName, canonical
from optimails.model.number_set import NumberSet
from optimails.store.places import account_directory
from sieve.language import Script
from sieve.run import Message
from sieve.run.actions import FileInto, Redirect

log = logging.getLogger(__name__)
BATCH = 50
MOST_PROBLEMS = 20
_PIECE = 262_144


@dataclass(slots=True)
class Tally:
    messages: int = 0
    actions: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)

    def problem(self, text: str) -> bool:
        """Note it once, and not without end; whether it is a new one."""
        new = text not in self.problems and len(self.problems) < MOST_PROBLEMS
        if new:
            self.problems.append(text)
        return new


class StoredScripts:
    """Scripts for one mailbox. Use it as an asynchronous context manager."""

    def __init__(  # noqa: PLR0913 - all that a run is made of
        self,
        filters: Filters,
        mail: AccountMail,
        mailbox: MailboxName,
        scripts: Sequence[tuple[str, Script]],
        about: Mapping[str, str],
        *,
        expunge: bool,
    ) -> None:
        """``about`` are items of the environment that say what happened."""
        self._filters = filters
        self._mail = mail
        self._name = mailbox
        self._scripts = scripts
        self._about = {"location": "MS", "phase": "post", **about}
        self._expunge = expunge
        self._answered = Answered(account_directory(filters.data, mail.account.id))
        self._boxes = Mailboxes()
        self._told: dict[tuple[str, str], str] = {}
        self.tally = Tally()

    async def __aenter__(self) -> Self:
        self._view: SelectedMailbox = await self._mail.select(self._name, quiet=True)
        self._boxes = await Mailboxes.of(self._mail, [script for _, script in self._scripts], self._filters.told)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._view.close()

    async def all_uids(self) -> Sequence[int]:
        return await self._view.uids(MessageSet(NumberSet(((1, 0),)), by_uid=True)) if self._view.exists else ()

    # -- deciding

    async def wishes(self, uids: Sequence[int], changed: Mapping[int, int] | None = None) -> list[Wish]:
        """What the scripts want of these messages; those that are gone are left out."""
        found = []
        keywords = self._view.keywords
        named = MessageSet(NumberSet.of(uids), by_uid=True)
        rows = [row async for some in self._view.fetch(named, Want.FLAGS) for row in some]
        for row in rows:
            about = dict(self._about)
            if changed is not None:
                about["imap.changedflags"] = " ".join(keywords.names(changed.get(row.uid, 0)))
            try:
                file = await self._view.open_message(row.uid)
            except Refused:
                continue
            try:
                names = tuple(map(str, keywords.names(row.flags or 0)))
                work = asyncio.get_running_loop().run_in_executor(None, self._decide, file, row.uid, names, about)
                one = await work
            finally:
                file.close()
            found.append(one)
            if one.problem:
                self.tally.problem(one.problem)
        self.tally.messages += len(rows)
        return found

    def _decide(self, file: MessageFile, uid: int, names: Sequence[str], about: Mapping[str, str]) -> Wish:
        """In a thread."""
        account, filters, host = self._mail.account, self._filters, self._filters.hostname
        message = Message(file.view())
        world = World(
            filters,
            account,
            envelope_of(message, account),
            mailboxes=self._boxes,
            answered=self._answered,
            hostname=host,
            more=about,
        )
        try:
            actions = decide(self._scripts, message, world, filters.limits, stays=self._stays, given=names)
        except RunFailed as failed:
            before = frozenset(names)
            return Wish(uid, before, flags=before, problem=self._complain(failed))
        found = wish(uid, names, actions, message, lambda note: automatic.notification(note, account, message, host))
        found.loops = frozenset(field.text.lower() for field in message.named(REDIRECTED_FROM.decode()))
        return found

    def _stays(self, action: FileInto) -> bool:
        return self._place(action) == canonical(self._name)

    def _place(self, action: FileInto) -> MailboxName:
        return self._boxes.place(action.mailbox, action.special_use, action.mailbox_id)

    def _complain(self, failed: RunFailed) -> str:
        """In words for the user; the log is told once, whatever the number of messages."""
        told = self._told.get((failed.label, str(failed)))
        if told is None:
            told = self._filters.complain(self._mail.account, failed.label, str(failed))
            self._told[failed.label, str(failed)] = told
        return told

    # -- carrying out

    async def carry_out(self, wishes: Sequence[Wish]) -> None:
        await self._file(wishes)
        for one in wishes:
            await self._send(one)
        await self._flags(wishes)
        await self._go([one.uid for one in wishes if not one.kept])
        keys = [(action.key, action.seconds) for one in wishes for action in one.remember]
        if keys:
            await asyncio.get_running_loop().run_in_executor(None, self._remember, keys)

    def _failed(self, one: Wish, why: object) -> None:
        """The message stays; told once for all that fail in the same way."""
        if not one.kept:
            one.kept, one.flags = True, one.before
        text = str(why)
        if self.tally.problem(text):
            fields = {"account": self._mail.account.id, "why": text[:300]}
            log.warning("sieve_event_failed", extra={"fields": fields})

    async def _file(self, wishes: Iterable[Wish]) -> None:
        groups: dict[tuple[FileInto, frozenset[str], frozenset[str]], list[Wish]] = {}
        for one in wishes:
            for action in one.files:
                if action.header is not None:
                    await self._file_edited(one, action)
                    continue
                changes = difference(one.before, frozenset(action.flags))
                plain = FileInto(action.mailbox, (), action.copy, action.create, action.special_use, action.mailbox_id)
                groups.setdefault((plain, *changes), []).append(one)
        for (action, added, removed), some in groups.items():
            try:
                target = await self._target(action)
                copied = await self._view.copy(_messages(one.uid for one in some), target)
                if (added or removed) and copied.targets:
                    await self._flag_copies(target, copied.targets, added, removed)
            except MailError as wrong:
                for one in some:
                    self._failed(one, f"{action.mailbox}: {wrong}")
            else:
                self.tally.actions["fileinto"] += len(copied.sources)

    async def _target(self, action: FileInto) -> MailboxName:
        name = self._place(action)
        if action.create and not self._boxes.exists(name):
            try:
                await self._mail.create(name)
            except Refused as refused:
                if refused.reason is not Reason.ALREADY_EXISTS:
                    raise
        return name

    async def _flag_copies(
        self, target: MailboxName, uids: Iterable[int], added: Collection[str], removed: Collection[str]
    ) -> None:
        view = await self._mail.select(target, quiet=True)
        try:
            await _change(view, uids, added, removed)
        finally:
            await view.close()

    async def _file_edited(self, one: Wish, action: FileInto) -> None:
        """A copy with another header is a message of its own."""
        try:
            target = await self._target(action)
            dates = {}
            async for rows in self._view.fetch(_messages((one.uid,)), Want.INTERNAL_DATE):
                dates = {row.uid: row.internal_date or 0 for row in rows}
            spool = await self._content(one, action.header or b"")
            incoming = self._mail.incoming()
            try:
                await asyncio.get_running_loop().run_in_executor(None, _pour, spool, incoming.write)
                date = datetime.fromtimestamp(dates.get(one.uid, 0), UTC)
                await self._mail.append(target, (NewMessage(incoming, flag_set(action.flags), date),))
            finally:
                incoming.discard()
                spool.close()
        except MailError as wrong:
            self._failed(one, f"{action.mailbox}: {wrong}")
        else:
            self.tally.actions["fileinto"] += 1

    async def _flags(self, wishes: Iterable[Wish]) -> None:
        groups: dict[tuple[frozenset[str], frozenset[str]], list[int]] = {}
        for one in wishes:
            if one.kept and any(one.changes):
                groups.setdefault(one.changes, []).append(one.uid)
        for (added, removed), uids in groups.items():
            try:
                await _change(self._view, uids, added, removed)
            except MailError as wrong:
                self.tally.problem(str(wrong))
            else:
                self.tally.actions["flags"] += len(uids)

    async def _go(self, uids: Sequence[int]) -> None:
        if not uids:
            return
        try:
            await self._view.store(_messages(uids), StoreMode.ADD, frozenset({DELETED}))
            if self._expunge:
                await self._view.expunge(NumberSet.of(uids))
        except MailError as wrong:
            self.tally.problem(str(wrong))
        else:
            self.tally.actions["discard"] += len(uids)

    # -- what leaves

    async def _send(self, one: Wish) -> None:
        for action in one.redirects:
            failed = await self._redirect(one, action)
            if failed:
                self._failed(one, f"redirect {action.address}: {failed}")
            else:
                self.tally.actions["redirect"] += 1
        for note, recipients, content in one.notes:
            try:
                to = [EmailAddress.parse(address) for address in recipients]
                submit = self._filters.outgoing.submit
                outcomes = await submit(None, to, Spool.of(content), account=self._mail.account)
                failures = [outcome.text for outcome in outcomes.values() if not isinstance(outcome, Delivered)]
            except MailError as wrong:
                failures = [str(wrong)]
            if failures:
                self._failed(one, f"notify {note.method[:60]}: {failures[0]}")
            else:
                self.tally.actions["notify"] += 1

    async def _redirect(self, one: Wish, action: Redirect) -> str:
        """Why it could not be sent on. It goes in the user's own name: the first sender has nothing to do with it."""
        account = self._mail.account
        if str(account.address).lower() in one.loops:
            return "it went round in a circle"
        try:
            target = EmailAddress.parse(action.address)
            spool = await self._content(one, None if action.header is None else without_trace(action.header))
            try:
                mark = b"%b: %b\r\n" % (REDIRECTED_FROM, str(account.address).lower().encode())
                submit = self._filters.outgoing.submit
                # What somebody puts into a mailbox by IMAP may be anything: it counts as mail that the user sends.
                sent = await submit(account.address, (target,), spool, mark, account=account)
            finally:
                spool.close()
        except (BadSyntax, MailError) as wrong:
            return str(wrong)
        outcome = sent[target]
        return outcome.text if isinstance(outcome, Failed) else ""

    async def _content(self, one: Wish, header: bytes | None) -> Spool:
        """The message, to be sent on; with this header instead of its own, or without what delivery added to it."""
        file = await self._view.open_message(one.uid)
        try:
            return await asyncio.get_running_loop().run_in_executor(None, self._spooled, file, one.body_at, header)
        finally:
            file.close()

    def _spooled(self, file: MessageFile, body_at: int, header: bytes | None) -> Spool:
        spool = Spool(self._filters.data / "run" / "spool")
        try:
            view = file.view()
            spool.write(without_trace(bytes(view[:body_at])) if header is None else header)
            for at in range(body_at, file.size, _PIECE):
                spool.write(bytes(view[at : at + _PIECE]))
        except BaseException:
            spool.close()
            raise
        return spool

    def _remember(self, keys: Iterable[tuple[bytes, int]]) -> None:
        try:
            for key, seconds in keys:
                self._answered.remember(key, seconds)
        except (sqlite3.Error, OSError) as wrong:
            fields = {"account": self._mail.account.id, "why": str(wrong)[:300]}
            log.warning("sieve_not_remembered", extra={"fields": fields})


def _pour(spool: Spool, write: Callable[[bytes], None]) -> None:
    for piece in spool.pieces():
        write(piece)


def _messages(uids: Iterable[int]) -> MessageSet:
    return MessageSet(NumberSet.of(uids), by_uid=True)


async def _change(view: SelectedMailbox, uids: Iterable[int], added: Collection[str], removed: Collection[str]) -> None:
    named = _messages(uids)
    if added:
        await view.store(named, StoreMode.ADD, flag_set(added))
    if removed:
        await view.store(named, StoreMode.REMOVE, flag_set(removed))
