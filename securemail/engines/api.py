"""What every engine looks like from outside."""

from typing import Protocol

from optimails.delivery.spool import Spool
from securemail.facts import Examination


class Engine(Protocol):
    """Looks at a whole message. An engine that does not answer in time says ``EngineError``; it never raises."""

    @property
    def name(self) -> str: ...

    async def examine(self, content: Spool) -> Examination: ...

    async def close(self) -> None: ...
