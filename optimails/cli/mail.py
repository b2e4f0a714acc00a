"""The mail of one account, for commands: open, work, close."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, TypeVar

from optimails.cli.app import App
from optimails.cli.errors import CommandFailed
from optimails.model.account import Account
from optimails.model.address import EmailAddress

if TYPE_CHECKING:
    from optimails.directory.admin import AccountInfo
    from optimails.mailbox.account import LocalAccountMail
    from optimails.mailbox.service import LocalMailService

T = TypeVar("T")


def account_of(info: "AccountInfo") -> Account:
    """The account as services see it."""
    return Account(
        id=info.id,
        address=EmailAddress.parse(info.address),
        plan=info.plan,
        state=info.state,
        limits=info.limits,
        name=info.name,
        language=info.language,
        over_quota=info.over_quota,
        domain_folders=info.source == "domain",
    )


def open_account(app: App, address: str) -> Account:
    """An account that is not removed."""
    info = app.admin.account_get(address)
    if info.closed_at is not None:
        raise CommandFailed("cli.error.account_removed", address=info.address, id=info.id)
    return account_of(info)


def accounts(app: App, address: str | None) -> list[Account]:
    """That account, or all that are not removed."""
    if address is not None:
        return [open_account(app, address)]
    return [account_of(info) for info in app.admin.account_list()]


@asynccontextmanager
async def service(app: App) -> "AsyncIterator[LocalMailService]":
    """The mail service of this machine, as one more process beside the workers."""
    from optimails.cli.prepare import EVENTS  # noqa: PLC0415 - when needed
    from optimails.events.datagram import DatagramBus  # noqa: PLC0415 - when needed
    from optimails.mailbox.service import LocalMailService, places  # noqa: PLC0415 - when needed

    bus = DatagramBus(app.config.server.data / EVENTS)
    try:
        mail = LocalMailService(places(app.config.server.data), bus)
        try:
            yield mail
        finally:
            await mail.close()
    finally:
        bus.close()


def with_mail(app: App, account: Account, work: "Callable[[LocalAccountMail], Awaitable[T]]") -> T:
    """Run ``work`` on the account's mail; gives what it gives."""

    async def run() -> T:
        async with service(app) as mail, await mail.open(account) as opened:
            return await work(opened)

    return asyncio.run(run())
