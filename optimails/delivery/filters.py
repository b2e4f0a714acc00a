"""Sieve at delivery: finds the scripts of an account, runs them, and carries out what they want.

**The order.** The domain's ``before``, the account's active script, the domain's ``after``; each runs only while the
message is still to be kept, and sees the header as the one before edited it. A script that is wrong, or goes wrong in
its run, counts as one that keeps, and the log says so: mail is never lost by a script.

**Carrying out.** First everything that is stored in mailboxes, then what leaves. A mailbox that cannot be used (it is
missing and may not be created, its name is impossible) is replaced by INBOX. What cannot be sent on is kept instead,
unless a copy is in a mailbox anyway. Only when nothing was stored at all does the sender hear of trouble, and tries
again; once a copy is safe, the message counts as delivered, so that a second attempt never doubles it.

**Nothing for those without scripts.** ``find`` is a ``stat`` or three; everything else happens behind it.
"""

import asyncio
import contextlib
import hashlib
import logging
import os
import sqlite3
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from prometheus_client import Counter

from optimails.config import Config
from optimails.delivery import automatic
from optimails.delivery.answered import Answered
from optimails.delivery.api import Delivered, Failed, Outgoing
from optimails.delivery.arrival import Arrival
from optimails.delivery.forwards import Forwards, copy_of
from optimails.delivery.scripts import ACTIVE, FOLDER, SUFFIX, Compiled, domain_folder, has_domain_folder, limits_of
from optimails.delivery.spool import Spool
from optimails.delivery.world import Mailboxes, World
from optimails.mailbox.api import AccountMail, NewMessage
from optimails.model.account import Account
from optimails.model.address import EmailAddress
from optimails.model.errors import BadSyntax, MailError, Reason, Refused, Unavailable
from optimails.model.flags import flag_set
from optimails.model.mailbox_name import INBOX, MailboxName
from optimails.store.places import account_directory, account_path
from sieve.language import Script, SieveError
from sieve.run import Action, Message, ScriptFailed, run
from sieve.run.actions import Discard, FileInto, Keep, Notify, Redirect, Reject, Remember, Vacation
from sieve.run.environment import Envelope

log = logging.getLogger(__name__)

_RUNS = Counter("optimails_sieve_runs_total", "Messages that scripts looked at, by result.", ["result"])
_ACTIONS = Counter("optimails_sieve_actions_total", "Actions of scripts that were carried out.", ["action"])
REDIRECTED_FROM = b"X-Sieve-Redirected-From"
_MAX_REASON = 400  # characters of a rejection that the sender's server is told


@dataclass(frozen=True, slots=True)
class Plan:
    """The scripts to run, in their order, with what the log calls them."""

    scripts: tuple[tuple[str, Script], ...]


class Store(Protocol):
    """How a copy gets into a mailbox; warns of a full account, as any delivery does."""

    async def __call__(
        self, mail: AccountMail, mailbox: MailboxName, flags: Sequence[str], header: bytes, content: Spool | None
    ) -> None: ...


class Filters:
    """One per worker."""

    def __init__(self, config: Config, outgoing: Outgoing, forwards: Forwards) -> None:
        self.forwards = forwards
        self.data = config.server.data
        self._data = str(self.data)
        self._scripts: Path = config.sieve.domains or self.data / "sieve"
        self._domains = str(self._scripts)
        self.hostname = config.server.hostname
        self.told = config.imap.server_annotations
        self.limits = limits_of(config.sieve)
        self.compiled = Compiled(self.limits)
        self.outgoing = outgoing

    # -- which scripts

    def find(self, account: Account) -> Plan | None:
        """The scripts that run for the account; None: there are none."""
        own = f"{account_path(self._data, account.id)}/{FOLDER}/{ACTIVE}"
        paths = [("active", own)]
        domain = account.address.domain
        folder = f"{self._domains}/{domain}" if has_domain_folder(domain) else None
        if folder is not None and os.path.isdir(folder):  # noqa: PTH112 - a Path costs as much again
            paths = [("before", f"{folder}/before{SUFFIX}"), *paths, ("after", f"{folder}/after{SUFFIX}")]
        found = []
        for label, path in paths:
            try:
                script = self.compiled.get(path)
            except OSError as wrong:
                self.complain(account, label, f"cannot be read: {wrong.strerror}")
                continue
            if isinstance(script, SieveError):
                self.complain(account, label, str(script))
            elif script is not None:
                found.append((label, script))
        return Plan(tuple(found)) if found else None

    def complain(self, account: Account, script: str, why: str) -> str:
        """Note that a script is of no use; gives the same in words for its user."""
        _RUNS.labels("error").inc()
        log.warning("sieve_failed", extra={"fields": {"account": account.id, "script": script, "why": why[:300]}})
        return f"Sieve script {script}: {why[:300]}"

    def included(self, account: Account, name: str, *, everybodys: bool) -> Script | None:
        """A script of the account, or of its domain, that another one includes."""
        if everybodys:
            folder = domain_folder(self._scripts, account.address.domain)
            path = None if folder is None else folder / (name + SUFFIX)
        else:
            path = account_directory(self.data, account.id) / FOLDER / (name + SUFFIX)
        try:
            script = None if path is None else self.compiled.get(os.fspath(path))
        except OSError:
            return None
        return script if isinstance(script, Script) else None

    # -- running

    async def deliver(self, plan: Plan, mail: AccountMail, arrival: Arrival, store: Store) -> Failed | None:
        """Run the scripts over the message and do what they say.

        Raises:
            Refused, Unavailable: nothing was stored, as for any delivery.
        """
        boxes = await Mailboxes.of(mail, [script for _, script in plan.scripts], self.told)
        loop = asyncio.get_running_loop()
        actions, facts = await loop.run_in_executor(None, self._decide, plan, arrival, boxes)
        _RUNS.labels("done").inc()
        return await _Execution(self, mail, arrival, store=store, boxes=boxes, facts=facts).carry_out(actions)

    def _decide(self, plan: Plan, arrival: Arrival, boxes: Mailboxes) -> tuple[list[Action], "Facts"]:
        """In a thread."""
        account = arrival.account
        answered = Answered(account_directory(self.data, account.id))
        envelope = Envelope(str(arrival.sender or ""), str(arrival.recipient))
        client = {"remote-ip": arrival.client, "remote-host": arrival.client_name}
        world = World(
            self,
            account,
            envelope,
            mailboxes=boxes,
            answered=answered,
            hostname=self.hostname,
            more={name: value for name, value in client.items() if value},
        )
        done: list[Action] = []
        with arrival.content.view() as content:
            message = Message(content, arrival.header)
            for number, (label, script) in enumerate(plan.scripts, 1):
                try:
                    actions = list(run(script, message, world, self.limits).actions)
                except ScriptFailed as failed:
                    self.complain(account, label, str(failed))
                    actions = [Keep(header=message.edited_header(), implicit=True)]
                keeps = [action for action in actions if isinstance(action, Keep)]
                if not keeps or number == len(plan.scripts):
                    done += actions
                    break
                done += [action for action in actions if not isinstance(action, Keep)]
            return done, Facts.of(done, arrival, message, answered, self.hostname)


@dataclass(frozen=True, slots=True)
class Facts:
    """What the actions need of the message, while it could be looked at."""

    answered: Answered
    body_at: int
    loops: frozenset[str]  # who redirected it already
    answer: bytes | None  # of a vacation; None: none is due
    notes: tuple[tuple[Notify, tuple[str, ...], bytes], ...]

    @classmethod
    def of(
        cls, actions: Sequence[Action], arrival: Arrival, message: Message, answered: Answered, hostname: str
    ) -> "Facts":
        account = arrival.account
        answer = None
        notes = []
        for action in actions:
            if isinstance(action, Vacation) and arrival.sender is not None:
                own = (str(account.address), str(arrival.recipient), str(arrival.recipient.base), *action.addresses)
                if automatic.should_answer(message, arrival.sender, own):
                    answer = automatic.vacation(
                        action,
                        message,
                        account=account,
                        recipient=arrival.recipient,
                        sender=arrival.sender,
                        hostname=hostname,
                    )
            elif isinstance(action, Notify) and automatic.may_notify(message):
                notes.append((action, *automatic.notification(action, account, message, hostname)))
        loops = frozenset(field.text.lower() for field in message.named(REDIRECTED_FROM.decode()))
        return cls(answered, message.body_at, loops, answer, tuple(notes))


class _Execution:
    """Carrying out the actions for one message."""

    def __init__(  # noqa: PLR0913 - all that one delivery is made of
        self,
        filters: Filters,
        mail: AccountMail,
        arrival: Arrival,
        *,
        store: Store,
        boxes: Mailboxes,
        facts: Facts,
    ) -> None:
        self._filters = filters
        self._mail = mail
        self._arrival = arrival
        self._store = store
        self._boxes = boxes
        self._facts = facts
        self._stored: set[tuple[MailboxName, bytes | None]] = set()

    async def carry_out(self, actions: Sequence[Action]) -> Failed | None:
        rejection = next((action for action in actions if isinstance(action, Reject)), None)
        if rejection is not None:
            _ACTIONS.labels("reject").inc()
            reason = " ".join(rejection.reason.split())[:_MAX_REASON].encode("ascii", "replace").decode("ascii")
            return Failed(permanent=True, status="5.7.1", text=reason or "Rejected by the recipient")
        for action in actions:
            if isinstance(action, Keep):
                await self._keep(action)
            elif isinstance(action, FileInto):
                await self._file_into(action)
        for action in actions:
            if isinstance(action, Redirect):
                await self._redirect(action)
            elif isinstance(action, Discard):
                _ACTIONS.labels("discard").inc()
        await self._send(actions)
        await self._remember([action for action in actions if isinstance(action, Remember)])
        return None

    # -- mailboxes

    async def _keep(self, action: Keep) -> None:
        if not self._arrival.account.forward:
            await self._put(INBOX, action.flags, action.header)
        else:
            await self._forward(action)
        if not action.implicit:
            _ACTIONS.labels("keep").inc()

    async def _forward(self, action: Keep) -> None:
        """The account sends on what its scripts keep; its own copy is one part of that."""
        arrival, forwards = self._arrival, self._filters.forwards
        final = bool(self._stored)  # a copy is safe: the sender is not asked again
        if action.header is None:
            keep, later = await forwards.send(arrival, final=final)
        else:
            async with self._with_header(without_trace(action.header)) as whole:
                keep, later = await forwards.send(arrival, whole, final=final)
        copy = copy_of(arrival.account)
        if keep and copy not in arrival.served:
            await self._put(INBOX, action.flags, action.header)
            arrival.stored.add(copy)
        if later is not None:
            raise Unavailable(later.text)
        if not keep or copy in arrival.served:
            self._stored.add((INBOX, b"elsewhere"))

    async def _file_into(self, action: FileInto) -> None:
        name = self._boxes.place(action.mailbox, action.special_use, action.mailbox_id)
        if not self._boxes.exists(name) and action.create:
            try:
                await self._mail.create(name)
            except Refused as refused:
                if refused.reason is not Reason.ALREADY_EXISTS:
                    self._note("sieve_fileinto_failed", refused)
        try:
            await self._put(name, action.flags, action.header)
        except Refused as refused:
            if _is_full(refused) or name == INBOX:
                raise
            self._note("sieve_fileinto_failed", refused)
            await self._put(INBOX, action.flags, action.header)
        _ACTIONS.labels("fileinto").inc()

    async def _put(self, name: MailboxName, flags: Sequence[str], edited: bytes | None) -> None:
        if (name, edited) in self._stored:
            return
        header, content = self._arrival.header, self._arrival.content
        try:
            if edited is None:
                await self._store(self._mail, name, flags, header, content)
            else:
                async with self._with_header(edited) as whole:
                    await self._store(self._mail, name, flags, b"", whole)
        except MailError as wrong:
            if not self._stored or (name != INBOX and not _is_full(wrong)):
                raise
            # Another copy is safe already: asking for the message once more would double it.
            self._note("sieve_copy_lost", wrong)
            return
        self._stored.add((name, edited))

    @contextlib.asynccontextmanager
    async def _with_header(self, header: bytes) -> AsyncIterator[Spool]:
        """The message with this header instead of its own."""
        loop = asyncio.get_running_loop()
        spool = await loop.run_in_executor(None, self._arrival.content.with_header, header, self._facts.body_at)
        try:
            yield spool
        finally:
            spool.close()

    # -- what leaves

    async def _redirect(self, action: Redirect) -> None:
        arrival = self._arrival
        own = str(arrival.account.address).lower()
        failed = "it went round in a circle"
        if own not in self._facts.loops:
            mark = b"%b: %b\r\n" % (REDIRECTED_FROM, own.encode())
            try:
                target = EmailAddress.parse(action.address)
                via = arrival.account.address.domain
                submit = self._filters.outgoing.submit
                if action.header is None:
                    received = mark + without_trace(arrival.header)
                    sent = await submit(arrival.sender, (target,), arrival.content, received, via=via)
                else:
                    async with self._with_header(mark + without_trace(action.header)) as whole:
                        sent = await submit(arrival.sender, (target,), whole, via=via)
                outcome = sent[target]
                failed = outcome.text if isinstance(outcome, Failed) else ""
            except BadSyntax as wrong:
                failed = str(wrong)
            except MailError as wrong:
                failed = str(wrong)
        if failed:
            self._note("sieve_redirect_failed", failed)
            if not self._stored:
                await self._put(INBOX, (), action.header)
            return
        # Somebody has it: it must not come again because of what follows.
        self._stored.add((INBOX, b"elsewhere"))
        _ACTIONS.labels("redirect").inc()

    async def _send(self, actions: Sequence[Action]) -> None:
        """Answers and notifications. Their failure is no reason to keep anything."""
        for action in actions:
            try:
                if isinstance(action, Vacation):
                    await self._vacation(action)
                elif isinstance(action, Notify):
                    await self._notify(action)
            except (MailError, sqlite3.Error, OSError) as wrong:
                self._note("sieve_answer_failed", wrong)

    async def _vacation(self, action: Vacation) -> None:
        answer, sender = self._facts.answer, self._arrival.sender
        if answer is None or sender is None:
            return
        if action.seconds:
            text = f"vacation\0{action.handle}\0{sender.key}"
            key = hashlib.sha256(text.encode("utf-8", "replace")).digest()
            loop = asyncio.get_running_loop()
            if not await loop.run_in_executor(None, self._facts.answered.first, key, action.seconds):
                return
        await self._submit((sender,), answer, action.fcc)
        _ACTIONS.labels("vacation").inc()

    async def _notify(self, action: Notify) -> None:
        for wanted, recipients, content in self._facts.notes:
            if wanted is action:
                await self._submit([EmailAddress.parse(address) for address in recipients], content, action.fcc)
                _ACTIONS.labels("notify").inc()

    async def _submit(self, recipients: Sequence[EmailAddress], content: bytes, fcc: FileInto | None) -> None:
        spool = Spool.of(content)
        outcomes = await self._filters.outgoing.submit(None, recipients, spool)
        for outcome in outcomes.values():
            if not isinstance(outcome, Delivered):
                self._note("sieve_answer_failed", outcome.text)
        if fcc is not None:  # RFC 8580 §3
            name = self._boxes.place(fcc.mailbox, fcc.special_use, fcc.mailbox_id)
            if not self._boxes.exists(name) and fcc.create:
                await self._mail.create(name)
            await self._mail.append(name, (NewMessage(content, flag_set(fcc.flags)),))

    async def _remember(self, actions: Sequence[Remember]) -> None:
        try:
            for action in actions:
                work = self._facts.answered.remember
                await asyncio.get_running_loop().run_in_executor(None, work, action.key, action.seconds)
        except (sqlite3.Error, OSError) as wrong:
            self._note("sieve_not_remembered", wrong)

    def _note(self, event: str, why: object) -> None:
        fields = {"account": self._arrival.account.id, "why": str(why)[:300]}
        log.warning(event, extra={"fields": fields})


def _is_full(error: MailError) -> bool:
    """No other mailbox would help."""
    return not isinstance(error, Refused) or error.reason in (Reason.OVER_QUOTA, Reason.TOO_BIG)


def without_trace(header: bytes) -> bytes:
    """Without the fields that a final delivery adds: what goes on is not delivered yet (RFC 5321 §4.4)."""
    lines = header.split(b"\r\n")
    kept: list[bytes] = []
    skipping = False
    for line in lines:
        if line[:1] not in (b" ", b"\t"):
            skipping = line.lower().startswith((b"return-path:", b"delivered-to:"))
        if not skipping:
            kept.append(line)
    return b"\r\n".join(kept)
