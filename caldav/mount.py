"""The door inside the web worker: who asks, how much they may send, and where they are answered.

Reading and log-in happen in the event loop, short requests on threads. Reports and listings are made in processes of
their own (``caldav.reporters``), and one account has few of them at a time: so nobody's slow question makes another's
write wait.
"""

import asyncio
import base64
import binascii
import logging
import secrets
from collections import Counter
from collections.abc import Callable, Coroutine, Iterable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import unquote

from starlette.requests import ClientDisconnect
from starlette.responses import RedirectResponse, Response
from starlette.types import Receive, Scope, Send

from caldav.answering import Answering, Asked, Place
from caldav.application import ACCOUNT, BODY
from caldav.reporters import Reporters
from caldav.session.dispatch import CAPABILITIES, options, slow
from caldav.session.errors import error
from caldav.session.exchange import Answer
from caldav.session.places import home_of
from caldav.session.visits import Visits
from caldav.sharing import Sharee, invited, owners, shared_with, sharees
from optimails.audit import AuditLog
from optimails.directory.cache import Cache
from optimails.groupware.scheduling.users import User, find_users, may_book
from optimails.groupware.service import LocalGroupware
from optimails.model.account import Account, Service
from optimails.model.address import EmailAddress
from optimails.model.errors import BadSyntax, Reason, Refused, Unavailable

if TYPE_CHECKING:
    from optimails.acl.decision import Effective
    from optimails.config import Config
    from optimails.directory.api import Directory
    from optimails.door.login import Login
    from optimails.model.company import CompanyEntry
    from optimails.model.ids import AccountId
    from optimails.model.photo import Photo
    from optimails.model.rights import Answer as Reply
    from optimails.model.rights import Delegation, Entry, Identifier, Object, Offer, SendRight, Sharing

ROOT = "/dav"
WELL_KNOWN = ("/.well-known/caldav", "/.well-known/carddav")
PATIENCE = 20.0  # seconds that a thread waits for the directory
PART = 65_536  # bytes
LOGGED_ANEW = 3600.0  # seconds after which a program's log-in stands in the log again
T = TypeVar("T")
log = logging.getLogger(__name__)


class _People:
    """The directory lives in the event loop; threads ask it from here."""

    def __init__(self, directory: "Directory") -> None:
        self._directory = directory
        self._loop = asyncio.get_running_loop()

    def by_address(self, address: str) -> Account | None:
        try:
            found = self._wait(self._directory.resolve(EmailAddress.parse(address)))
        except (BadSyntax, Refused):
            return None
        return found.accounts[0] if len(found.accounts) == 1 and not found.remote else None

    def effective(
        self, viewer: "AccountId", owner: "AccountId", objects: "Iterable[Object]"
    ) -> "dict[Object, Effective]":
        return self._wait(self._directory.rights.effective_on(viewer, owner, objects))

    def busy_seen(self, viewer: "AccountId", owner: "AccountId", calendars: "Iterable[Object]") -> "frozenset[Object]":
        return self._wait(self._directory.rights.busy_seen(viewer, owner, calendars))

    def owners(self, viewer: Account) -> list[tuple[Account, bool]]:
        return self._wait(owners(self._directory, viewer))

    def company(self, domain: str, known: int) -> "tuple[int, tuple[CompanyEntry, ...] | None]":
        return self._wait(self._directory.company(domain, known))

    def photos(self, ids: "Sequence[str]") -> "dict[str, Photo]":
        return self._wait(self._directory.photos(ids))

    def shared_with(self, viewer: Account) -> "list[tuple[Account, list[Offer]]]":
        return self._wait(shared_with(self._directory, viewer))

    def invited(self, viewer: Account) -> "list[tuple[Account, list[Offer]]]":
        return self._wait(invited(self._directory, viewer))

    def sharees(self, owner: "AccountId") -> "dict[Object, list[Sharee]]":
        return self._wait(sharees(self._directory, owner))

    def identify(self, address: str, owner: Account) -> "Identifier | None":
        try:
            return self._wait(self._directory.rights.identify(address, owner))
        except Refused:
            return None

    def shown(self, names: "Iterable[Identifier]") -> "dict[Identifier, str]":
        return self._wait(self._directory.rights.shown(names))

    def put_entries(self, owner: "AccountId", on: "Object", entries: "Iterable[Entry]") -> None:
        self._wait(self._directory.rights.put_entries(owner, on, entries))

    def set_delegations(self, given: "list[Delegation]", gone: "list[Delegation]") -> None:
        self._wait(self._directory.rights.set_delegations(given, gone))

    def sharing(self, owner: "AccountId") -> "Sharing":
        return self._wait(self._directory.rights.sharing(owner))

    def answer(self, viewer: "AccountId", owner: "AccountId", on: "Object", answer: "Reply | None") -> None:
        self._wait(self._directory.rights.answer(viewer, owner, on, answer))

    def users(self, addresses: "Iterable[str]") -> "dict[str, User]":
        return self._wait(find_users(self._directory, addresses))

    def may_book(self, sender: str, resource: Account) -> bool:
        return self._wait(may_book(self._directory, sender, resource))

    def resources(self, domain: str) -> list[Account]:
        return self._wait(self._directory.resources(domain))

    def addresses(self, account: Account) -> list[EmailAddress]:
        return self._wait(self._directory.addresses(account))

    def send_right(self, viewer: "AccountId", owner: "AccountId") -> "SendRight":
        return self._wait(self._directory.rights.send_right(viewer, owner))

    def forget(self, owner: "AccountId", on: "Object") -> None:
        try:
            self._wait(self._directory.rights.forget_object(owner, on))
        except Unavailable as away:  # ids are never given twice: what is left of it does no harm
            log.warning("rights_not_forgotten", extra={"fields": {"account": owner, "why": str(away)}})

    def _wait(self, question: Coroutine[Any, Any, T]) -> T:
        try:
            return asyncio.run_coroutine_threadsafe(question, self._loop).result(PATIENCE)
        except TimeoutError as late:
            raise Unavailable("The directory does not answer") from late


@dataclass(frozen=True, slots=True)
class ReportProcess:
    """How a process for reports is started: its command, and what it is told first."""

    command: Sequence[str]
    first: "Callable[[Place], object]"


class Dav:
    """The ASGI application for everything below ``/dav``, and for the two well-known addresses."""

    def __init__(
        self,
        config: "Config",
        directory: "Directory",
        login: "Login",
        groupware: LocalGroupware,
        process: ReportProcess,
    ) -> None:
        self._config = config
        self._directory = directory
        self._login = login
        self._groupware = groupware
        self._process = process
        self._answering: Answering | None = None
        self._reporters: Reporters | None = None
        self._quick = ThreadPoolExecutor(config.dav.threads, "dav")
        self._seen: Cache[tuple[str, str], bool] = Cache(20_000)
        self._busy: Counter[str] = Counter()
        self._free = asyncio.Condition()

    name = ROOT

    @property
    def max_body(self) -> int:
        """Bytes of a request's body; one more is told in our own words."""
        return self._config.dav.max_body + 1_048_576

    def start(self) -> None:
        """In the event loop, before the first request."""
        dav, web = self._config.dav, self._config.web
        place = Place(self._config.server.data, dav, self._config.store.open_accounts)
        asked = Asked(_People(self._directory), Visits(AuditLog(self._config.server.data)))
        self._answering = Answering(place, asked, self._groupware)
        self._reporters = Reporters(
            self._process.command,
            self._process.first(place),
            asked,
            size=dav.report_processes,
            patience=web.answer_timeout,
        )
        self._reporters.warm()

    def close(self) -> None:
        if self._reporters is not None:
            self._reporters.close()
        self._quick.shutdown(wait=True, cancel_futures=True)
        if self._answering is not None:
            self._answering.close()

    def covers(self, scope: Scope) -> bool:
        """Whether the request is ours; programs that know a host alone ask its root where to go."""
        path = scope["path"]
        if path == "/":
            return scope["method"] in ("PROPFIND", "OPTIONS", "REPORT")
        return path == ROOT or path.startswith(ROOT + "/") or path.rstrip("/") in WELL_KNOWN

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        response = await self._respond(scope, headers, receive)
        if scope["method"] == "HEAD":
            response.body = b""
        await response(scope, receive, send)

    async def _respond(self, scope: Scope, headers: dict[str, str], receive: Receive) -> Response:
        path: str = scope["path"]
        if scope["method"] == "OPTIONS":  # programs look for what we can before they log in
            return _response(options())
        if path.rstrip("/") in WELL_KNOWN and "authorization" not in headers:
            return RedirectResponse(f"{ROOT}/", 301)
        if self._too_long(headers):
            return _response(error(413, "C:max-resource-size"))
        account = await self._account(scope, headers)
        if isinstance(account, Response):
            return account
        if path.rstrip("/") in WELL_KNOWN:  # RFC 6764 §5; straight to the principal
            return RedirectResponse(home_of(ROOT, account), 301)
        body = await self._body(receive)
        if body is None:
            return _response(error(413, "C:max-resource-size"))
        environ = _environ(scope, headers, account, body)
        if self._config.dav.allow_plain:  # the proxy in front has TLS
            environ["wsgi.url_scheme"] = "https"
        assert self._answering is not None
        if slow(scope["method"], scope["path"], headers.get("depth", "")):
            return await self._slowly(account, environ)
        return await self._run(self._quick, self._answering.answer, environ)

    def _too_long(self, headers: dict[str, str]) -> bool:
        length = headers.get("content-length", "0")
        return length.isdigit() and (len(length) > 12 or int(length) > self._config.dav.max_body)

    async def _account(self, scope: Scope, headers: dict[str, str]) -> Account | Response:
        """Who asks, or what he is told."""
        given = _basic(headers.get("authorization", ""))
        if given is None:
            return Response(status_code=401, headers={"WWW-Authenticate": 'Basic realm="Optimails", charset="UTF-8"'})
        peer = (scope.get("client") or ("", 0))[0]
        if not self._config.dav.allow_plain and scope["scheme"] != "https" and not _local(peer):
            return Response("TLS is required\n", 403, media_type="text/plain")
        try:
            return await self._logged_in(*given, peer)
        except Refused as refused:
            if refused.reason is Reason.LIMIT:
                return Response(status_code=429, headers={"Retry-After": "60"})
            return Response(status_code=401, headers={"WWW-Authenticate": 'Basic realm="Optimails", charset="UTF-8"'})
        except Unavailable:
            return Response(status_code=503, headers={"Retry-After": "30"})

    async def _logged_in(self, login: str, password: str, peer: str) -> Account:
        """Raises ``Refused``, ``Unavailable``. The log has one line for a program that asks all day."""
        key = (login, peer)
        again = self._seen.get(key) is not None
        session = secrets.token_hex(6)
        account = await self._login.password(login, password, Service.DAV, peer, session=session, again=again)
        if not again:
            self._seen.put(key, True, LOGGED_ANEW)
        return account

    async def _body(self, receive: Receive) -> bytes | None:
        """None when it is too long."""
        parts, size = [], 0
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise ClientDisconnect
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            if size > self._config.dav.max_body:
                return None
            if not message.get("more_body"):
                return b"".join(parts)

    async def _slowly(self, account: Account, environ: dict[str, Any]) -> Response:
        """One account has only some of the processes."""
        assert self._reporters is not None
        async with self._free:
            await self._free.wait_for(lambda: self._busy[account.id] < self._config.dav.reports_per_account)
            self._busy[account.id] += 1
        try:
            return await self._run(self._reporters.threads, self._reporters.answer, environ)
        finally:
            async with self._free:
                self._busy[account.id] -= 1
                if not self._busy[account.id]:
                    del self._busy[account.id]
                self._free.notify_all()

    @staticmethod
    async def _run(threads: Executor, answer: Callable[[dict[str, Any]], Answer], environ: dict[str, Any]) -> Response:
        return _response(await asyncio.get_running_loop().run_in_executor(threads, answer, environ))


def _basic(value: str) -> tuple[str, str] | None:
    """Login and password (RFC 7617)."""
    scheme, _, encoded = value.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        text = base64.b64decode(encoded.strip(), validate=True).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError):
        return None
    login, colon, password = text.partition(":")
    return (unquote(login) if "%40" in login else login, password) if colon and login else None


def _local(peer: str) -> bool:
    return peer in ("127.0.0.1", "::1", "")


def _environ(scope: Scope, headers: dict[str, str], account: Account, body: bytes) -> dict[str, Any]:
    environ: dict[str, Any] = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": ROOT,
        "PATH_INFO": scope["path"].removeprefix(ROOT) or "/",
        "QUERY_STRING": scope.get("query_string", b"").decode("latin-1"),
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.url_scheme": scope["scheme"],
        "CONTENT_TYPE": headers.get("content-type", ""),
        "CONTENT_LENGTH": str(len(body)),
        ACCOUNT: account,
        BODY: body,
    }
    for name, value in headers.items():
        if name not in ("content-type", "content-length", "authorization") and not name.startswith("x-"):
            environ["HTTP_" + name.upper().replace("-", "_")] = value
    return environ


class _InParts(Response):
    """A long answer goes out in parts: the event loop copies, or encrypts, one at a time."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        del scope, receive
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        whole = memoryview(self.body)
        for at in range(0, len(whole), PART):
            await send({"type": "http.response.body", "body": bytes(whole[at : at + PART]), "more_body": True})
        await send({"type": "http.response.body", "body": b""})


def _response(answer: Answer) -> Response:
    response = _InParts(answer.body or b"", answer.status)
    for name, value in answer.headers.items():
        if not (name.lower() == "content-length" and response.status_code in (204, 304)):
            response.headers[name] = value
    response.headers.setdefault("DAV", CAPABILITIES)
    return response
