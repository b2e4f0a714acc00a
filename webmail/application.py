"""Which address leads to which document.

Two questions decide every answer: is the domain one of ours, and what do our listeners offer. Whether an account
exists is never asked.
"""

import asyncio
import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from optimails.dns.records import sts_policy
from optimails.model.address import EmailAddress, domain_name
from optimails.model.dns_name import ascii_name
from optimails.model.errors import BadSyntax, Unavailable
from optimails.texts import LANGUAGES
from webmail import apple, outlook, thunderbird
from webmail.guard import Door, Guard
from webmail.servers import offer_of

if TYPE_CHECKING:
    from optimails.config import Config
    from optimails.directory.api import Directory

XML = "text/xml"
MAX_ADDRESS = 320  # characters (RFC 3696, erratum 1690), before anything looks closer
log = logging.getLogger(__name__)


def application(
    config: "Config", directory: "Directory", signer: apple.Signer | None, doors: Sequence[Door] = ()
) -> ASGIApp:
    """Everything the web worker serves. Without ``signer``, profiles are given unsigned."""
    pages = Setup(config, directory, signer)
    json = "/autodiscover/autodiscover.json"
    routes = [
        Route("/mail/config-v1.1.xml", pages.autoconfig),
        Route("/.well-known/autoconfig/mail/config-v1.1.xml", pages.autoconfig),
        Route("/autodiscover/autodiscover.xml", pages.autodiscover, methods=["POST"]),
        Route(json, pages.autodiscover_json),
        Route(f"{json}/v1.0/{{email}}", pages.autodiscover_json),
        Route("/mobileconfig", pages.mobileconfig),
        Route("/.well-known/mta-sts.txt", pages.mta_sts),
    ]
    # No Starlette application around them: it would answer errors of ours by itself, and Guard does.
    router = Router(routes, redirect_slashes=False)
    return Guard(_Lowered(ExceptionMiddleware(router, {BadSyntax: _bad, Unavailable: _away})), config.web, doors)


async def _bad(request: Request, error: Exception) -> Response:
    del request, error
    return PlainTextResponse("bad request\n", 400)


async def _away(request: Request, error: Exception) -> Response:
    del request
    log.warning("http_unavailable", extra={"fields": {"why": str(error)}})
    return PlainTextResponse("try again later\n", 503, {"Retry-After": "60"})


def _unknown() -> Response:
    return PlainTextResponse("not found\n", 404)


class _Lowered:
    """Outlook writes /Autodiscover/Autodiscover.xml in several ways."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"][:14].lower() == "/autodiscover/":
            scope = {**scope, "path": scope["path"].lower()}
        await self._app(scope, receive, send)


class Setup:
    """The pages."""

    def __init__(self, config: "Config", directory: "Directory", signer: apple.Signer | None) -> None:
        self._config = config
        self._directory = directory
        self._signer = signer
        self._offer = offer_of(config)
        self._policy = sts_policy([ascii_name(config.server.hostname)])

    async def autoconfig(self, request: Request) -> Response:
        """For the domain of ``emailaddress``, else for that of the host asked."""
        asked = request.query_params.get("emailaddress", "")
        domain = _domain_of(asked) if asked else _host(request, "autoconfig.")
        if not await self._ours(domain):
            return _unknown()
        return Response(thunderbird.autoconfig(ascii_name(domain), self._offer), media_type=XML)

    async def autodiscover(self, request: Request) -> Response:
        try:
            asked, schema = outlook.asked_address(await request.body())
            address = _address(asked)
        except BadSyntax:
            return Response(outlook.refusal(600, "Invalid Request"), 400, media_type=XML)
        if schema.lower() != outlook.OUTLOOK:
            return Response(outlook.refusal(601, "Provider is not available"), media_type=XML)
        if not await self._ours(address.domain):
            return Response(outlook.refusal(500, "The email address can't be found."), 404, media_type=XML)
        return Response(outlook.settings(str(address), self._offer), media_type=XML)

    async def autodiscover_json(self, request: Request) -> Response:
        given = {name.lower(): value for name, value in request.query_params.items()}
        asked = request.path_params.get("email") or given.get("email", "")
        if not await self._ours(_domain_of(asked)):
            return _unknown()
        status, body = outlook.json_answer(given.get("protocol", ""), self._offer)
        return Response(body, status, media_type="application/json")

    async def mobileconfig(self, request: Request) -> Response:
        address = _address(request.query_params.get("email", ""))
        if not await self._ours(address.domain):
            return _unknown()
        content = apple.profile(str(address), ascii_name(address.domain), self._offer, self._language(request))
        if content is None:
            return _unknown()
        if self._signer is not None:
            content = await asyncio.to_thread(self._signer.sign, content)
        headers = {"Content-Disposition": 'attachment; filename="mail.mobileconfig"'}
        return Response(content, media_type="application/x-apple-aspen-config", headers=headers)

    async def mta_sts(self, request: Request) -> Response:
        """The same text as ``optimails domain dns`` announces (RFC 8461 §3.3)."""
        domain = _host(request, "mta-sts.", required=True)
        if not await self._ours(domain):
            return _unknown()
        return PlainTextResponse(self._policy)

    async def _ours(self, domain: str) -> bool:
        return bool(domain) and await self._directory.is_local(domain)

    def _language(self, request: Request) -> str:
        """The first of ours that the client names; else the server's."""
        for part in request.headers.get("accept-language", "")[:200].split(","):
            tag = part.strip()[:2].lower()
            if tag in LANGUAGES:
                return tag
        return self._config.server.language.value


def _address(text: str) -> EmailAddress:
    """Raises ``BadSyntax``; control characters have no place in a document either."""
    if len(text) > MAX_ADDRESS or not text.isprintable():
        raise BadSyntax("Not an address")
    return EmailAddress.parse(text.strip())


def _domain_of(text: str) -> str:
    """The domain of an address; of its local part nothing is asked, not even whether it could be one.

    Raises ``BadSyntax``.
    """
    _, at, domain = text.rpartition("@")
    if len(text) > MAX_ADDRESS or not at:
        raise BadSyntax("Not an address")
    return domain_name(domain)


def _host(request: Request, prefix: str, *, required: bool = False) -> str:
    """The domain that the host asked stands for; empty when it does not begin with a required prefix.

    Raises ``BadSyntax``.
    """
    host = request.headers.get("host", "")[:MAX_ADDRESS].partition(":")[0].lower()
    if required and not host.startswith(prefix):
        return ""
    return domain_name(host.removeprefix(prefix))
