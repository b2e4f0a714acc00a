"""Scripts that wait for what a command did (IMAPSIEVE, RFC 6785): they run when it is done, and never harm it."""

from imap.session.session import Session
from imap.wire import responses
from imap.wire.responses import Condition
from optimails.delivery.stored.api import Happened
from optimails.door import incident
from optimails.mailbox.sharing.places import place_of


async def run_scripts(session: Session, event: Happened) -> None:
    """What went wrong is told as a warning (RFC 9051 §7.1.2): the command itself was carried out."""
    events = session.surroundings.events
    # The scripts of a mailbox are its owner's; what a visitor does there runs none.
    if events is None or not event.uids or place_of(event.mailbox) is not None:
        return
    try:
        problems = await events.happened(session.mail, event)
    except Exception as error:  # noqa: BLE001 - noted with its trace
        reference = incident.note(error, session=session.id, protocol="imap", command="scripts")
        problems = (f"Scripts could not be run, reference {reference}",)
    for problem in problems:
        session.write(responses.untagged(Condition.NO, problem))
