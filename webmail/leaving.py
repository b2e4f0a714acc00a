"""The page where a member leaves a list, and the one click of mail programs (RFC 8058).

The address is in what the member got, and proves who it is. To look at it changes nothing, for scanners follow every
link; only POST does. What is asked goes the way of a mail to the same address: safe on disk, then worked on.
"""

import asyncio
import time
from html import escape

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.types import Receive, Scope, Send

from optimails.directory.api import Directory
from optimails.lists.addresses import PAGES, Addresses, Leaves
from optimails.lists.api import Arrived
from optimails.lists.store import ListStore
from optimails.model.address import EmailAddress
from optimails.model.errors import BadSyntax, Unavailable
from optimails.model.mailing_list import OWNER, MailingList
from optimails.texts import DEFAULT, supported, text
from webmail.page import POLICY, html

_MAX_BODY = 4_096
_TWICE = 5.0  # seconds: who clicks again so soon asks for nothing new
_REMEMBERED = 10_000
_ONE_CLICK = b"One-Click"  # RFC 8058 §3.2: List-Unsubscribe=One-Click, as a form of either kind
_ASKED = b"Subject: unsubscribe\r\n\r\n"


class LeavePages:
    """``webmail.guard.Door``: its addresses are secrets, and stay out of the log."""

    name = "lists"

    def __init__(self, store: ListStore, directory: Directory, addresses: Addresses) -> None:
        self._store = store
        self._directory = directory
        self._addresses = addresses
        self._clicked: dict[int, float] = {}  # when, by member

    @property
    def max_body(self) -> int:
        return _MAX_BODY

    def covers(self, scope: Scope) -> bool:
        return bool(scope["path"].startswith(PAGES))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await (await self._answer(Request(scope, receive)))(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        language = supported(request.headers.get("accept-language", DEFAULT).partition(",")[0])
        try:
            of, tag, member = await self._known(request.scope["path"].removeprefix(PAGES))
            if of is None:
                return _page(language, "unknown", 404)
            if not of.leave:
                return _page(language, "closed", 410, list=of.title, owner=of.tagged(OWNER))
            if request.method == "POST":
                return await self._leave(request, of, tag, member, language)
        except Unavailable:
            return _page(language, "away", 503)
        if request.method not in ("GET", "HEAD"):
            return Response("method not allowed\n", 405, {"Allow": "GET, POST"})
        return _page(language, "ask", form=True, list=of.title)

    async def _known(self, path: str) -> tuple[MailingList | None, str, int]:
        """The list, and who wants to leave it; no list: the address is none of ours."""
        name, _, tag = path.rpartition("/")
        try:
            of = await self._directory.mailing_list(EmailAddress.parse(name))
            errand = await asyncio.to_thread(self._addresses.read, of, tag) if of is not None else None
        except (BadSyntax, ValueError):
            return None, "", 0
        if isinstance(errand, Leaves) and errand.member:
            return of, tag.lower(), errand.member
        return None, "", 0

    async def _leave(self, request: Request, of: MailingList, tag: str, member: int, language: str) -> Response:
        if _ONE_CLICK not in await request.body():
            return _page(language, "ask", 400, form=True, list=of.title)
        now = time.monotonic()
        if now - self._clicked.get(member, -_TWICE) >= _TWICE:
            await self._store.accept(Arrived(of.key, tag, of.address), [_ASKED])
            if len(self._clicked) >= _REMEMBERED:
                self._clicked.clear()
            self._clicked[member] = now
        return _page(language, "left", list=of.title)


def _page(language: str, key: str, status: int = 200, *, form: bool = False, **values: object) -> Response:
    body = f"<p>{escape(text(f'list.page.{key}', language, **values))}</p>"
    if form:
        leave = escape(text("list.page.leave", language))
        body += f'<form method="post"><button name="List-Unsubscribe" value="One-Click">{leave}</button></form>'
    page = html(language, text("list.page.title", language), body)
    return HTMLResponse(page, status, {"Content-Security-Policy": POLICY})
