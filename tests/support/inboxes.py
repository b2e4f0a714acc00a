"""What is in a mailbox of the running service, read as a mail program reads it."""

import imaplib
import ssl

from tests.support.peer import MailUser
from tests.support.service import Service


def inbox(service: Service, user: MailUser, mailbox: str = "INBOX") -> list[bytes]:
    """The messages, oldest first."""
    context = ssl.create_default_context(cafile=str(service.peer.ca_file))
    with imaplib.IMAP4_SSL("localhost", service.peer.ports["imaps"], ssl_context=context) as client:
        client.login(user.login, user.password)
        client.select(mailbox, readonly=True)
        numbers = client.search(None, "ALL")[1][0].split()
        parts = [client.fetch(number.decode(), "(BODY.PEEK[])")[1][0] for number in numbers]
        return [part[1] for part in parts if isinstance(part, tuple)]
