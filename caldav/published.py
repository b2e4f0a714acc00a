"""What accounts publish under secret addresses, for whoever has them: ``/freebusy/TOKEN`` and ``/calendar/TOKEN``.

No log-in; the address is the secret, so it stands in no log. Wrong ones, those that were taken back, and those whose
owner's plan does not allow it are all answered alike.
"""

import asyncio
import logging
import re
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from optimails.door import incident
from optimails.door.rates import Rates, Span
from optimails.door.traffic import network
from optimails.groupware.publishing import busy_text, calendar_text, window
from optimails.groupware.service import LocalGroupware
from optimails.model.account import Feature
from optimails.model.errors import BadSyntax, Refused, Unavailable
from optimails.model.published import Published, name_of
from optimails.store.secret import secret

if TYPE_CHECKING:
    from optimails.config import Config
    from optimails.directory.api import Directory

KEY = "published.key"
_PATH = re.compile(r"/(freebusy|calendar)/([0-9a-z]{48})(?:\.(?:ics|ifb|vfb))?/?", re.ASCII)
_HEADERS = {"X-Robots-Tag": "noindex, nofollow", "Referrer-Policy": "no-referrer"}
T = TypeVar("T")
log = logging.getLogger(__name__)


class PublishedPages:
    """An ASGI application."""

    name = "/published"  # for the log: never the path
    max_body = 0

    def __init__(
        self, config: "Config", directory: "Directory", groupware: LocalGroupware, rates: Rates, *, threads: int = 2
    ) -> None:
        self._settings = config.dav
        self._allow = config.traffic.allow
        self._key_file = config.server.data / KEY
        self._directory = directory
        self._groupware = groupware
        self._rates = rates
        self._threads = ThreadPoolExecutor(threads, "published")

    def close(self) -> None:
        self._threads.shutdown(wait=True, cancel_futures=True)
        self._rates.close()

    def covers(self, scope: Scope) -> bool:
        """Also what is no address of ours below: an address with a mistake in it is a secret, too."""
        path: str = scope["path"]
        return path.startswith(("/freebusy/", "/calendar/"))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            response = await self._respond(Request(scope, receive))
        except BadSyntax:
            response = PlainTextResponse("bad request\n", 400)
        except Unavailable as away:
            log.warning("http_unavailable", extra={"fields": {"why": str(away)}})
            response = PlainTextResponse("try again later\n", 503, {"Retry-After": "60"})
        except Exception as error:  # noqa: BLE001  # an error of ours: the client gets its number
            number = incident.note(error, page=self.name)
            response = PlainTextResponse(f"internal error {number}\n", 500)
        response.headers.update(_HEADERS)
        if scope["method"] == "HEAD":
            response.body = b""
        await response(scope, receive, send)

    async def _respond(self, request: Request) -> Response:
        if request.method not in ("GET", "HEAD"):
            return PlainTextResponse("method not allowed\n", 405, {"Allow": "GET, HEAD"})
        if not self._may_ask(request):
            return PlainTextResponse("too many requests\n", 429, {"Retry-After": "60"})
        found = _PATH.fullmatch(request.url.path)
        what = await self._what(found[2]) if found else None
        if found is None or what is None or bool(what.object_id) is not (found[1] == "calendar"):
            return PlainTextResponse("not found\n", 404)
        try:
            return await (self._calendar(request, what) if what.object_id else self._busy(request, what))
        except Refused:
            return PlainTextResponse("not found\n", 404)

    def _may_ask(self, request: Request) -> bool:
        name = network(request.client.host if request.client else "", self._allow)
        if name is None:
            return True
        key = f"published {name}"
        if self._rates.count(key, Span.MINUTE) >= self._settings.published_per_minute:
            return False
        self._rates.add(key, Span.MINUTE)
        return True

    async def _what(self, token: str) -> Published | None:
        """What it stands for, as the owner's plan is now."""
        try:
            key = await self._run(lambda: secret(self._key_file))
        except OSError as wrong:
            raise Unavailable("The key of secret addresses cannot be read") from wrong
        name = name_of(key, token)
        what = await self._directory.published(name) if name is not None else None
        if what is None:
            return None
        wanted = Feature.SHARING if what.object_id else Feature.FREE_BUSY
        return what if wanted in what.account.entitlements.features else None

    async def _busy(self, request: Request, what: Published) -> Response:
        asked = window(request.query_params, time.time())
        text = await self._run(lambda: busy_text(self._groupware, what.account, asked))
        return _calendar(text)

    async def _calendar(self, request: Request, what: Published) -> Response:
        known = request.headers.get("if-none-match", "").strip().strip('"')
        etag, text = await self._run(lambda: calendar_text(self._groupware, what, known))
        if text is None:
            return Response(status_code=304, headers={"ETag": f'"{etag}"'})
        response = _calendar(text)
        response.headers["ETag"] = f'"{etag}"'
        return response

    async def _run(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)


def _calendar(text: str) -> Response:
    return Response(text.encode("utf-8", "replace"), media_type="text/calendar; charset=utf-8")
