"""Radicale's application with our log-in, storage and rights, and our answers to its methods.

Radicale takes the request apart (paths, prefixes, encodings), asks its plug-ins, compresses answers and speaks WSGI.
Every method is answered by ``caldav.session`` from the tables of ``optimails.groupware``: Radicale's own handlers parse
the texts of a collection for each of them. So the storage plug-in has one duty left, to say that a user's principal
exists; it is made by the groupware at first use.
"""

import logging
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from radicale import config
from radicale.app import Application
from radicale.auth import BaseAuth
from radicale.rights import BaseRights
from radicale.storage import BaseStorage

from caldav.session.dispatch import METHODS, dispatch
from caldav.session.exchange import Answer, Exchange, read_query
from caldav.session.world import World

ACCOUNT = "optimails.account"
"""The key of the WSGI environment under which the account stands that logged in."""
BODY = "optimails.body"
logging.getLogger("radicale").setLevel(logging.CRITICAL)  # it logs each request; ours are in http_request

_Response = tuple[int, Mapping[str, str], bytes | None, None]


class _Auth(BaseAuth):
    """Who asks was found out by the directory before (``caldav.mount``)."""

    def get_external_login(self, environ: Mapping[str, Any]) -> tuple[()] | tuple[str, str]:
        account = environ.get(ACCOUNT)
        return (str(account.address).lower(), "") if account is not None else ("", "")

    def _login(self, login: str, password: str) -> str:
        del password
        return login


class _Storage(BaseStorage):
    """Principals are always there."""

    _is_collision_free = _supports_unicode = _supports_trailing_whitespace = _supports_problematic_chars = True

    def discover(self, path: str, depth: str = "0", *_: Any, **__: Any) -> Iterable[Any]:
        del depth
        return [path]

    @contextmanager
    def acquire_lock(self, mode: str, user: str = "", *_: Any, **__: Any) -> Iterator[None]:
        """The groupware has transactions of its own."""
        del mode, user
        yield


class _Rights(BaseRights):
    """Rights are decided where the collection is known (``caldav.session.places``)."""

    def authorization(self, user: str, user_groups: set[str], path: str) -> str:
        del user_groups
        return "RWrw" if user and path.strip("/").partition("/")[0].lower() == user else ""


def _configuration(max_body: int) -> Any:
    found = config.load()
    found.update(
        {
            "auth": {"type": _Auth, "delay": "0"},
            "storage": {"type": _Storage},
            "rights": {"type": _Rights},
            "web": {"type": "none"},
            # Names may be what they like but control characters; those of Radicale's store are names of files.
            "server": {"max_content_length": str(max_body), "max_resource_size": str(max_body), "delay_on_error": "0",
                       "validate_user_value": "none", "validate_path_value": "none"},
        },
        "optimails",
        privileged=True,
    )  # fmt: skip
    return found


class DavApplication(Application):
    """WSGI; thread-safe."""

    def __init__(self, world: World, max_body: int) -> None:
        super().__init__(_configuration(max_body))
        self._world = world

    def _answer(  # noqa: PLR0913, PLR0917 - as Radicale calls it
        self,
        environ: Mapping[str, Any],
        base_prefix: str,
        path: str,
        user: str,
        user_groups: set[str],
        request_info: dict[str, Any],
    ) -> _Response:
        del user, user_groups, request_info
        headers = {key[5:].replace("_", "-").lower(): value for key, value in environ.items() if key[:5] == "HTTP_"}
        headers["content-type"] = environ.get("CONTENT_TYPE", "")
        exchange = Exchange(
            environ["REQUEST_METHOD"].upper(), base_prefix, path, environ[ACCOUNT], headers, environ[BODY],
            read_query(environ.get("QUERY_STRING", "")), environ.get("wsgi.url_scheme", "https"),
        )  # fmt: skip
        answer: Answer = dispatch(self._world, exchange)
        return answer.status, answer.headers, answer.body, None


for _method in [*METHODS, "OPTIONS"]:  # all that Radicale knows, so that nothing of its own is left
    setattr(DavApplication, f"do_{_method}", DavApplication._answer)  # noqa: SLF001 - our own
