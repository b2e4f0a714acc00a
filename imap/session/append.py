"""APPEND, also of several messages (RFC 9051 §6.3.12, RFC 3502), streamed into the store as it comes."""

from dataclasses import dataclass, field
from datetime import datetime

from imap.session.copy import try_create
from imap.session.scripts import run_scripts
from imap.session.session import Session
from imap.session.state import Done
from imap.wire import codes
from imap.wire.commands import AppendData, AppendEnd, AppendStart
from imap.wire.parser import Invalid, NeedContinuation, Received
from optimails.delivery.stored.api import Cause, Happened
from optimails.mailbox.api import Incoming, NewMessage
from optimails.model.errors import BadSyntax, Reason, Refused
from optimails.model.flags import Flag
from optimails.model.number_set import NumberSet

CHECK_FROM = 65_536  # bytes of a message for which room is looked for before it travels


@dataclass(slots=True)
class _Arriving:
    content: Incoming
    flags: frozenset[Flag]
    date: datetime | None


@dataclass(slots=True)
class _Batch:
    """The messages of one command; whatever goes wrong, none of them stays."""

    messages: list[_Arriving] = field(default_factory=list)

    def discard(self) -> None:
        for message in self.messages:
            message.content.discard()


async def append(session: Session, command: AppendStart) -> Done:
    batch = _Batch()
    try:
        await _receive(session, batch, command)
        appended = await session.mail.append(
            command.mailbox,
            [NewMessage(message.content, message.flags, message.date) for message in batch.messages],
        )
    except Refused as refused:
        return try_create(refused)
    finally:
        batch.discard()
    await run_scripts(session, Happened(Cause.APPEND, command.mailbox, appended.uids))
    return Done("APPEND completed", codes.append_uid(appended.uid_validity, NumberSet.of(appended.uids)))


async def _receive(session: Session, batch: _Batch, start: AppendStart) -> None:
    """Until the command is complete; a refusal comes before the client sends its megabytes, where it asked first."""
    await _begin(session, batch, start)
    while True:
        event = await session.event(session.settings.idle_timeout)
        match event:
            case NeedContinuation():
                session.need_continuation()
            case Received(_, AppendData(data)):
                try:
                    batch.messages[-1].content.write(data)
                except BaseException:
                    session.parser.refuse()
                    raise
            case Received(_, AppendStart() as following):
                await _begin(session, batch, following)
            case Received(_, AppendEnd()):
                return
            case Invalid(_, error):
                raise error
            case _:
                raise BadSyntax("The message is not complete")


async def _begin(session: Session, batch: _Batch, start: AppendStart) -> None:
    try:
        if start.synchronizing or start.size >= CHECK_FROM:
            await _check(session, batch, start)
    except BaseException:
        session.parser.refuse()
        raise
    batch.messages.append(_Arriving(session.mail.incoming(), start.flags, start.date))


async def _check(session: Session, batch: _Batch, start: AppendStart) -> None:
    if start.number == 0:
        await session.mail.expect_append(start.mailbox)
    if start.size > session.settings.max_append:
        raise Refused(Reason.TOO_BIG, "Message is too big")
    if start.size >= CHECK_FROM:
        usage = await session.mail.usage(start.mailbox)
        if not usage.allows(start.size + sum(message.content.size for message in batch.messages)):
            raise Refused(Reason.OVER_QUOTA, "The account is full")
