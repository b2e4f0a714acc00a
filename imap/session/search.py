"""SEARCH and UID SEARCH, ESEARCH, SAVE (RFC 9051 §6.4.4, RFC 4731, RFC 5182, RFC 7162 §3.1.5)."""

from collections.abc import Sequence

from imap.session.session import Session
from imap.session.state import Done
from imap.wire import responses
from imap.wire.commands import Search, SearchReturn, with_saved_result
from optimails.model.errors import MailError
from optimails.model.number_set import NumberSet

_ALL = frozenset({SearchReturn.ALL})


async def search(session: Session, command: Search) -> Done:
    if command.uses_modseq:
        session.condstore = True
    query = with_saved_result(command.query, session.saved) if command.uses_saved else command.query
    saves = command.returns is not None and SearchReturn.SAVE in command.returns
    try:
        uids: Sequence[int] = await session.mailbox.search(query)
    except MailError:
        if saves:
            session.saved = NumberSet(())  # RFC 5182 §2.1: a failed search leaves nothing behind
        raise
    returns = command.returns
    if returns is None and session.rev2:
        returns = _ALL  # RFC 9051 §6.4.4: SEARCH responses are gone
    if returns is None:
        numbers = uids if command.by_uid else await session.mailbox.sequence_numbers(uids)
        modseq = await session.mailbox.modseq_of(uids) if command.uses_modseq and uids else None
        session.write(responses.search(numbers, modseq))
        return Done("SEARCH completed")
    if saves:
        session.saved = NumberSet.of(_told(uids, returns))
    if returns != {SearchReturn.SAVE}:
        await _extended(session, command, uids, returns)
    return Done("SEARCH completed")


def _told(uids: Sequence[int], returns: frozenset[SearchReturn]) -> Sequence[int]:
    """What SAVE keeps: with MIN or MAX and neither ALL nor COUNT only those (RFC 5182 §2.4)."""
    if not uids or SearchReturn.ALL in returns or SearchReturn.COUNT in returns:
        return uids
    ends = []
    if SearchReturn.MIN in returns:
        ends.append(uids[0])
    if SearchReturn.MAX in returns:
        ends.append(uids[-1])
    return ends or uids


async def _extended(session: Session, command: Search, uids: Sequence[int], returns: frozenset[SearchReturn]) -> None:
    numbers = uids if command.by_uid else await session.mailbox.sequence_numbers(uids)
    modseq = None
    if command.uses_modseq and uids:
        # RFC 7162 §3.1.10: of MIN and MAX only, when nothing else is returned.
        modseq = await session.mailbox.modseq_of(_told(uids, returns))
    session.write(
        responses.esearch(
            session.tag,
            by_uid=command.by_uid,
            minimum=numbers[0] if numbers and SearchReturn.MIN in returns else None,
            maximum=numbers[-1] if numbers and SearchReturn.MAX in returns else None,
            count=len(numbers) if SearchReturn.COUNT in returns else None,
            numbers=NumberSet.of(numbers) if SearchReturn.ALL in returns else None,
            modseq=modseq,
        )
    )
