"""Scripts that wait for what a command did (IMAPSIEVE, RFC 6785): they run when it is done, and never harm it."""

from collections.abc import Sequence
from dataclasses import replace

from imap.session.session import Session
from imap.wire import responses
from imap.wire.responses import Condition
from optimails.delivery.stored.api import Happened, MailEvents
from optimails.door import incident


async def run_scripts(session: Session, event: Happened) -> None:
    """What went wrong is told as a warning (RFC 9051 §7.1.2): the command itself was carried out."""
    events = session.surroundings.events
    if events is None or not event.uids:
        return
    try:
        problems = await _run(session, events, event)
    except Exception as error:  # noqa: BLE001 - noted with its trace
        reference = incident.note(error, session=session.id, protocol="imap", command="scripts")
        problems = (f"Scripts could not be run, reference {reference}",)
    for problem in problems:
        session.write(responses.untagged(Condition.NO, problem))


async def _run(session: Session, events: MailEvents, event: Happened) -> Sequence[str]:
    """The scripts of a mailbox are its owner's, whoever puts something there; their trouble is his alone to see."""
    mail = session.mail
    owner, name = await mail.owner_of(event.mailbox)
    if owner.id == mail.account.id:
        return await events.happened(owner, event)
    source = event.source
    if source is not None:
        whose, known = await mail.owner_of(source)
        source = known if whose.id == owner.id else source
    await events.happened(owner, replace(event, mailbox=name, source=source, user=str(mail.account.address)))
    return ()
