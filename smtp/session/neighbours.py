"""XCLIENT and XFORWARD: trusted servers in front of us say whom they speak for.

With XCLIENT the session becomes that of the client, from its beginning: its address counts for limits, log-in and
filters, and stands in the Received line. XFORWARD only says where the next message came from: the session stays the
neighbour's, for it received that message and has written so; who asks about the origin (``Session.origin``) hears of
the client. What the neighbour itself may do hangs on its own address and never changes.
"""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import replace
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import TYPE_CHECKING, Any

from optimails.model.account import Service
from optimails.model.errors import MailError
from smtp.session import answers
from smtp.wire import replies
from smtp.wire.commands import Greeting, XClient, XForward
from smtp.wire.neighbours import XCLIENT, XFORWARD, Missing, Value

if TYPE_CHECKING:
    from smtp.session.session import Session

log = logging.getLogger(__name__)

_FIELDS = {"NAME": "name", "ADDR": "address", "PORT": "port", "HELO": "hello", "LOGIN": "login",
           "DESTADDR": "server", "DESTPORT": "server_port"}  # fmt: skip
_NUMBERS = frozenset({"PORT", "DESTPORT"})


def offered(session: "Session") -> list[str]:
    """What EHLO announces to servers that may say so, and to nobody else."""
    settings = session.door.settings
    lines = []
    if _trusted(session, settings.xclient_networks):
        lines.append(f"XCLIENT {' '.join(XCLIENT)}")
    if _trusted(session, settings.xforward_networks):
        lines.append(f"XFORWARD {' '.join(XFORWARD)}")
    return lines


async def xclient(session: "Session", command: XClient) -> None:
    """The session begins anew, as the client's."""
    if not _trusted(session, session.door.settings.xclient_networks):
        session.refuse(replies.NOT_A_NEIGHBOUR)
        return
    attributes = command.attributes
    changes = _changes(attributes) | {"proxy": session.direct}
    if "ADDR" in attributes and "NAME" not in attributes:
        changes["name"] = ""  # it belonged to the address before
    # What is not said again goes with the session that ends here, and so does the log-in.
    changes = {"hello": "", "login": ""} | changes
    before = session.peer.address
    session.restart()
    session.peer = replace(session.peer, **changes)
    if attributes.get("PROTO") is not None:
        session.greeting = Greeting.HELO if attributes["PROTO"] == "SMTP" else Greeting.EHLO
    session.hello = session.peer.hello
    fields = {"session": session.id, "proxy": session.direct, "peer": session.peer.address}
    log.info("xclient", extra={"fields": fields})
    refusal = session.moved() if session.moved is not None and session.peer.address != before else None
    if refusal is not None:
        session.hang_up(refusal)
    elif session.peer.login and session.door.submission:
        await _enter(session)
    else:
        session.welcome()


async def _enter(session: "Session") -> None:
    """The neighbour has checked the password of this login."""
    peer = session.peer
    try:
        account = await session.door.login.vouched(peer.login, Service.SUBMISSION, peer.address, session=session.id)
        session.entry = await session.door.sessions.enter(account, session)
    except MailError as error:
        session.refuse(answers.of_login_error(error))
        return
    session.account = account
    session.welcome()


async def xforward(session: "Session", command: XForward) -> None:
    """The next message came from this client; said in several commands, when one line is not enough."""
    if not _trusted(session, session.door.settings.xforward_networks):
        session.refuse(replies.NOT_A_NEIGHBOUR)
        return
    forwarded = session.forwarded or replace(session.peer, name="", hello="", login="", port=0, proxy=session.direct)
    session.forwarded = replace(forwarded, **_changes(command.attributes))
    session.answer(replies.OK)


def _changes(attributes: Mapping[str, Value]) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    for key, value in attributes.items():
        name = _FIELDS.get(key)
        if name is None or (key == "ADDR" and isinstance(value, Missing)):
            continue  # without the client's address, the neighbour's own is what limits count
        if isinstance(value, Missing):
            changes[name] = 0 if key in _NUMBERS else ""
        else:
            changes[name] = int(value) if key in _NUMBERS else value
    return changes


def _trusted(session: "Session", networks: Iterable[IPv4Network | IPv6Network]) -> bool:
    return bool(session.direct) and any(ip_address(session.direct) in network for network in networks)
