"""A mail service on disk, and accounts opened without a service around them."""

from optimails.events.memory import MemoryBus
from optimails.mailbox.service import LocalMailService, open_engine, places


class NoBus:
    """For tests below the event loop: nobody listens."""

    def publish(self, account, mailbox, modseq):
        pass

    def publish_account(self, account, kind):
        pass


def disk_mail(path):
    return LocalMailService(places(path), MemoryBus())


def disk_engine(path, account, files=None):
    """An engine of the account; ``files`` wraps its store."""

    def place(identity):
        store, index = places(path)(identity)
        return (files(store) if files else store), index

    engine = open_engine(account.id, place, NoBus())
    engine.limits = account.limits
    return engine
