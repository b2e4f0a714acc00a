"""What tests of mail that leaves have in common: a configuration, a message, a courier."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from optimails.config import Config
from optimails.model.address import EmailAddress
from optimails.queue.api import Job, QueuedRecipient, RecipientResult
from smtp.outbound.courier import Courier

MESSAGE = b"From: ann@here.example\r\nTo: bob@there.example\r\nSubject: hello\r\n\r\nHello.\r\n.dot\r\n..\r\nbye\r\n"


def config(folder: Path, *, nameserver: str = "127.0.0.1:9", routes: tuple[Any, ...] = (), **outbound: Any) -> Config:
    """``outbound`` settings; waits are short, so that a test that waits for one is not long."""
    patience = {"greeting_timeout": 5, "command_timeout": 5, "data_timeout": 5, "block_timeout": 5, "end_timeout": 5}
    return Config.model_validate(
        {
            "server": {"data": str(folder), "hostname": "mail.here.example"},
            "dns": {"nameservers": [nameserver], "timeout": 0.5, "lifetime": 1.0},
            "outbound": {"idle_seconds": 0, "connect_timeout": 3, "tls_timeout": 5, "families": ["ipv4"]}
            | patience
            | outbound,
            "outbound_route": list(routes),
        },
        context={"folder": folder},
    )


def job(folder: Path, *recipients: str, content: bytes = MESSAGE, sender: str = "ann@here.example", **more: Any) -> Job:
    """A message in a file, for these recipients."""
    path = folder / f"message-{len(list(folder.iterdir()))}"
    path.write_bytes(content)
    addresses = [EmailAddress.parse(one) for one in recipients or ("bob@there.example",)]
    settings: dict[str, Any] = {
        "message_id": "m1",
        "sender": EmailAddress.parse(sender) if sender else None,
        "recipients": tuple(QueuedRecipient(one) for one in addresses),
        "destination": addresses[0].domain,
        "content": path,
        "size": len(content),
    }
    return Job(**(settings | more))


@asynccontextmanager
async def courier(settings: Config) -> AsyncIterator[Courier]:
    """One that is closed at the end."""
    made = Courier(settings)
    try:
        yield made
    finally:
        await made.close()


def states(results: list[RecipientResult]) -> list[str]:
    return [result.state.value for result in results]
