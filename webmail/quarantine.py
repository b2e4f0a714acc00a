"""The page behind the links of digests: what is kept, shown safely, and the forms that decide about it."""

import asyncio
import logging
import time
from collections.abc import Mapping
from email.utils import formatdate
from html import escape
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.types import Receive, Scope, Send

from optimails.audit import AuditLog
from optimails.directory.api import Directory
from optimails.model.address import EmailAddress
from optimails.model.errors import BadSyntax, Refused, Unavailable
from optimails.texts import DEFAULT, supported, text
from securemail.case import Health
from securemail.digest.links import Links, Ticket
from securemail.examined import Examined
from securemail.ledger.ledger import End, Ledger
from securemail.ledger.reading import Entry, Tracked
from securemail.ledger.values import KEPT, State
from webmail.page import POLICY, html

PATH = "/quarantine/"
_SHOWN = 4_000  # characters of the message's text
_READ = 262_144  # bytes of it that are looked at
_MAX_BODY = 4_096
log = logging.getLogger(__name__)


class QuarantinePages:
    """``webmail.guard.Door``: its addresses are secrets, and stay out of the log."""

    name = "quarantine"

    def __init__(self, ledger: Ledger, directory: Directory, audit: AuditLog) -> None:
        self._ledger = ledger
        self._directory = directory
        self._audit = audit
        self._links = Links(ledger.key_file)

    @property
    def max_body(self) -> int:
        return _MAX_BODY

    def covers(self, scope: Scope) -> bool:
        return bool(scope["path"].startswith(PATH))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        await (await self._answer(request))(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        token = request.url.path.removeprefix(PATH)
        ticket = await asyncio.to_thread(self._links.ticket, token, time.time())
        language = supported(request.headers.get("accept-language", DEFAULT).partition(",")[0])
        if ticket is None:
            return _page(language, "unknown", 404)
        language = await self._language(ticket) or language
        try:
            message = await self._ledger.message(ticket.message)
            entry = (
                next((one for one in message.recipients if one.address == ticket.address), None) if message else None
            )
            if message is None or entry is None or entry.state not in KEPT:
                return _page(language, "done", 410)
            if request.method == "POST":
                return await self._decide(request, ticket, message, language)
            if request.method not in ("GET", "HEAD"):
                return Response("method not allowed\n", 405, {"Allow": "GET, POST"})
            return HTMLResponse(
                await asyncio.to_thread(self._shown, message, entry, language),
                headers={"Content-Security-Policy": POLICY},
            )
        except Unavailable:
            return _page(language, "away", 503)

    async def _decide(self, request: Request, ticket: Ticket, message: Tracked, language: str) -> Response:
        """The form was sent."""
        form = parse_qs((await request.body()).decode("ascii", "replace"), max_num_fields=4)
        actor, action = f"{ticket.address} (digest)", form.get("action", [""])[0]
        if action == "release" and message.findings.health is not Health.INFECTED:
            await asyncio.to_thread(self._note, ticket, "quarantine release")
            await self._ledger.release(ticket.message, ticket.address, actor)
            return _page(language, "released")
        if action == "delete":
            await asyncio.to_thread(self._note, ticket, "quarantine delete")
            await self._ledger.decide_again(ticket.message, ticket.address, End(State.DELETED), actor)
            return _page(language, "deleted")
        return _page(language, "unknown", 400)

    def _note(self, ticket: Ticket, act: str) -> None:
        self._audit.record(ticket.address, "digest", act, ticket.address, {"message": ticket.message})

    async def _language(self, ticket: Ticket) -> str | None:
        try:
            accounts = (await self._directory.resolve(EmailAddress.parse(ticket.address))).accounts
        except (Refused, Unavailable, BadSyntax):
            return None
        return accounts[0].language if len(accounts) == 1 else None

    def _shown(self, message: Tracked, entry: Entry, language: str) -> str:
        arrival = message.arrival
        decided = entry.decision.decided_by if entry.decision else None
        values = {
            "from": arrival.author or arrival.sender or "<>",
            "to": entry.address,
            "subject": arrival.subject,
            "date": formatdate(arrival.arrived, localtime=True),
            "rule": f"{decided.rule} ({', '.join(decided.seen)})" if decided and decided.seen else entry.zone,
            "files": ", ".join(one.path for one in message.findings.files[:20]),
        }
        listed = "".join(
            f"<dt>{escape(text(f'filter.page.{key}', language))}</dt><dd>{escape(value)}</dd>"
            for key, value in values.items()
            if value
        )
        forms = _form("delete", language, plain=True)
        if message.findings.health is not Health.INFECTED:
            forms = _form("release", language) + forms
        body = f"<dl>{listed}</dl><pre>{escape(self._text(message))}</pre>{forms}"
        return html(language, text("filter.page.title", language), body)

    def _text(self, message: Tracked) -> str:
        """The beginning of what a reader would see, as plain text: nothing is loaded, nothing can be clicked."""
        content = self._ledger.contents.read(message.arrival.id)
        try:
            examined = Examined(content.head()[:_READ])
        finally:
            content.close()
        plain = next((one.shown for one in examined.texts if not one.html), None)
        return (examined.text if plain is None else plain)[:_SHOWN].strip()


def _form(action: str, language: str, *, plain: bool = False) -> str:
    style = ' class="plain"' if plain else ""
    shown = escape(text(f"filter.page.{action}", language))
    return f'<form method="post"><button name="action" value="{action}"{style}>{shown}</button></form>'


def _page(language: str, key: str, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    said = escape(text(f"filter.page.{key}", language))
    page = html(language, text("filter.page.title", language), f"<p>{said}</p>")
    return HTMLResponse(page, status, {"Content-Security-Policy": POLICY, **(headers or {})})
