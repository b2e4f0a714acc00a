"""What holds for every answer: bounded bodies, bounded time, the same headers, and errors that tell nothing."""

import asyncio
import email.utils
import logging
from collections.abc import Sequence
from typing import Protocol

from prometheus_client import Counter
from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from optimails.config.web import WebSettings
from optimails.door import incident

_REQUESTS = Counter("optimails_http_requests_total", "HTTP requests, by status.", ["status"])
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
log = logging.getLogger(__name__)


class Door(Protocol):
    """Another application on the same listeners."""

    name: str  # for the log

    @property
    def max_body(self) -> int: ...
    def covers(self, scope: Scope) -> bool:
        """Whether it answers this request."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None: ...


class TooLarge(Exception):
    """The body is longer than allowed."""


class Guard:
    """Stands around the application."""

    def __init__(self, app: ASGIApp, settings: WebSettings, doors: Sequence[Door] = ()) -> None:
        self._app = app
        self._settings = settings
        self._doors = doors

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, whatever happens."""
        if scope["type"] == "http":
            door = next((one for one in self._doors if one.covers(scope)), None)
            await _Exchange(scope, receive, send, self._settings, door).run(door or self._app)


class _Exchange:
    """One request and its answer."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, settings: WebSettings, door: Door | None) -> None:
        self._door = door
        self._limit = door.max_body if door else settings.max_body
        self._scope = scope
        self._receive = receive
        self._send = send
        self._settings = settings
        self._received = 0
        self._status = 0

    async def run(self, app: ASGIApp) -> None:
        try:
            async with asyncio.timeout(self._settings.answer_timeout):
                await app(self._scope, self._measured, self._dressed)
        except ClientDisconnect:
            log.debug("http_disconnected")
        except TooLarge:
            await self._refuse(413, "too large\n")
        except TimeoutError:
            await self._refuse(408, "too slow\n")
        except Exception as error:  # noqa: BLE001  # an error of ours: the client gets its number
            number = incident.note(error, page=self._scope["path"])
            await self._refuse(500, f"internal error {number}\n")
        finally:
            self._account()

    async def _measured(self) -> Message:
        message = await self._receive()
        self._received += len(message.get("body", b""))
        if self._received > self._limit:
            raise TooLarge
        return message

    async def _dressed(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._status = message["status"]
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers.setdefault(name, value)
            headers["Date"] = email.utils.formatdate(usegmt=True)
        await self._send(message)

    async def _refuse(self, status: int, text: str) -> None:
        """Unless an answer has begun; the connection ends, for what else may come is not wanted."""
        if not self._status:
            await PlainTextResponse(text, status, {"Connection": "close"})(self._scope, self._receive, self._dressed)

    def _account(self) -> None:
        _REQUESTS.labels(str(self._status)).inc()
        peer = (self._scope.get("client") or ("",))[0]
        # Behind it stands somebody's address.
        page = self._door.name if self._door else self._scope["path"].partition("/v1.0/")[0]
        fields = {"method": self._scope["method"], "page": page, "status": self._status, "peer": peer}
        log.info("http_request", extra={"fields": fields})
