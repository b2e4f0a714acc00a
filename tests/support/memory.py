"""A mail service without disk: in-memory files and index, and the in-process bus."""

from optimails.events.memory import MemoryBus
from optimails.mailbox.service import LocalMailService
from optimails.model.account import Account, AccountState, Limits
from optimails.model.address import EmailAddress
from optimails.model.ids import AccountId
from optimails.store.memory import MemoryFiles


def account(name="ann", *, storage=None, messages=None, **more):
    """An account of demo.test whose id is made from its name."""
    return Account(
        id=AccountId(name.encode().hex()),
        address=EmailAddress(name, "demo.test"),
        plan="premium",
        state=AccountState.ACTIVE,
        limits=Limits(storage, messages, 30),
        **more,
    )


def memory_mail(bus=None):
    """A ``LocalMailService`` that keeps everything in memory; ``service.files`` has the files by account id."""
    files = {}

    def place(identity):
        return files.setdefault(identity, MemoryFiles()), None

    service = LocalMailService(place, bus or MemoryBus())
    service.files = files
    return service
