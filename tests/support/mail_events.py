"""Scripts after IMAP commands, over the mailboxes of a small world, without a service."""

import tempfile
from pathlib import Path

from optimails.config import parse
from optimails.delivery.local import LocalDelivery
from optimails.delivery.stored.events import LocalMailEvents


class Events(LocalMailEvents):
    """``data`` is the folder of scripts; ``delivery`` carries what they send."""

    def __init__(self, config, mail, delivery) -> None:
        super().__init__(config, mail, delivery.filters)
        self.data = config.server.data
        self.delivery = delivery
        self.stays = None


def mail_events(world, settings: str = "", queue=None) -> Events:
    """``settings`` is TOML; scripts may be waited for as long as they take."""
    folder = tempfile.TemporaryDirectory(prefix="sieve-")
    listener = '[[listener]]\nprotocol = "managesieve"\naddress = "127.0.0.1:4190"\n'
    text = f'[server]\ndata = "{folder.name}"\nhostname = "mx.demo.test"\n{listener}{settings}'
    config = parse(text, Path(folder.name) / "optimails.toml", {})
    events = Events(config, world.mail, LocalDelivery(world.directory, world.mail, config, queue))
    events.stays = folder  # removed with it
    return events
