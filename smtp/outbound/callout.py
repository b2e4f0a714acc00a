"""Asks the server of a relay domain whether a recipient exists there; ``optimails.delivery.callouts`` says when.

It is an ordinary attempt (route, hosts, TLS, connections used again) whose transaction ends before the content.
"""

import os
from collections.abc import Mapping
from pathlib import Path

from optimails.config import Config
from optimails.model.address import EmailAddress
from optimails.queue.api import Job, QueuedRecipient, RecipientResult, Route, State
from smtp.outbound.courier import Courier

_NO = ("5.0.", "5.1.", "5.2.1", "5.5.0")  # RFC 3463: of addresses. What speaks of policy, size or us says nothing


class Callout:
    """``optimails.delivery.callouts.Prober``; one per worker."""

    def __init__(self, config: Config, routes: Mapping[str, Route]) -> None:
        self._config = config
        self._routes = routes
        self._courier: Courier | None = None  # made in the event loop, when it is first needed

    async def exists(self, recipient: EmailAddress) -> bool | None:
        if self._courier is None:
            self._courier = Courier(self._config)
        job = Job(
            message_id="",
            sender=None,
            recipients=(QueuedRecipient(recipient),),
            destination=recipient.domain,
            content=Path(os.devnull),
            size=0,
            smtputf8=not recipient.local.isascii(),
            probe=True,
            route=self._routes.get(recipient.domain),
        )
        (result,) = await self._courier.deliver(job)
        return _meaning(result)

    async def close(self) -> None:
        if self._courier is not None:
            await self._courier.close()


def _meaning(result: RecipientResult) -> bool | None:
    if result.state is State.DELIVERED:
        return True
    said_no = result.state is State.FAILED and result.remote and result.status.startswith(_NO)
    return False if said_no else None
