"""``optimails delegate``: accounts that may act in others."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from optimails.cli import frame
from optimails.cli.app import App, since
from optimails.cli.frame import argument, option, say
from optimails.cli.sharing import Ahead, owner_of, tell_when_useless
from optimails.events.api import EVERYBODY
from optimails.model.rights import Bundle, Kind, Object, Scope, SendRight

if TYPE_CHECKING:
    from optimails.model.rights import Delegation

delegate = frame.group("delegate")
_BUNDLES = [bundle.value for bundle in Bundle]
_SCOPES = [scope.value for scope in Scope]
_SEND = [right.value for right in SendRight if right is not SendRight.OWN]


@frame.command(delegate, "add")
@argument("address", metavar="OWNER", text_key="delegate_owner")
@argument("to", metavar="DELEGATE", text_key="delegate_to")
@option("--bundle", type=click.Choice(_BUNDLES), default="assistant", show_default=True, text_key="delegate_bundle")
@option("--send", type=click.Choice(_SEND), text_key="delegate_send")
@option("--from", "starts", type=Ahead(), metavar="TIME", text_key="delegate_from")
@option("--until", "ends", type=Ahead(end=True), metavar="TIME", text_key="delegate_until")
@option("--see-private", is_flag=True, text_key="delegate_private")
@option("--scope", type=click.Choice(_SCOPES), default=Scope.ALL.value, show_default=True, text_key="delegate_scope")
@option("--invitations", is_flag=True, text_key="delegate_invitations")
@click.pass_obj
def add(app: App, /, address: str, to: str, bundle: str, send: str | None, **given: Any) -> None:
    """In place of what the owner has given this delegate before."""
    from optimails.acl.bundles import send_of  # noqa: PLC0415 - when needed

    what, scope = Bundle(bundle), Scope(given["scope"])
    none = SendRight.NO if scope is not Scope.ALL else send_of(what)
    made = app.admin.delegate_add(
        address,
        to,
        what,
        send=SendRight(send) if send and scope is Scope.ALL else none,
        hide_private=not given["see_private"] and what is not Bundle.FULL,
        starts=_seconds(given["starts"]),
        ends=_seconds(given["ends"]),
        scope=scope,
        invitations=given["invitations"],
    )
    app.announce(made.owner, EVERYBODY)
    row = _row(address, to, made)
    app.done("cli.delegate.added", row, owner=address, delegate=to, bundle=say(f"cli.delegate.{bundle}"))
    if row["active"]:
        tell_when_useless(app, to, owner_of(app, address), Object(Kind.CALENDAR, ""))


@frame.command(delegate, "list")
@argument("which", metavar="[ADDRESS|DOMAIN]", required=False, text_key="delegate_which")
@click.pass_obj
def list_(app: App, which: str | None) -> None:
    """All, or those of an account, as owner and as delegate, or of a domain."""
    rows = [_row(owner, to, given) for owner, to, given in app.admin.delegate_list(which)]
    show: dict[str, Callable[[Any], object]] = {
        "scope": lambda word: say(f"cli.delegate.scope_{word}"),
        "bundle": lambda word: say(f"cli.delegate.{word}"),
        "send": lambda word: say(f"cli.delegate.send_{word.replace('-', '_')}"),
        "invitations": app.yes_no,
        "active": app.yes_no,
    }
    columns = ("owner", "delegate", "scope", "bundle", "send", "invitations", "starts", "ends", "active")
    app.rows(columns, rows, show)


@frame.command(delegate, "remove")
@argument("address", metavar="OWNER", text_key="delegate_owner")
@argument("to", metavar="DELEGATE", text_key="delegate_to")
@click.pass_obj
def remove(app: App, address: str, to: str) -> None:
    """Good at once, also for what the delegate has open."""
    app.announce(app.admin.delegate_remove(address, to), EVERYBODY)
    app.done("cli.delegate.removed", {"owner": address, "delegate": to}, owner=address, delegate=to)


def _seconds(moment: datetime | None) -> int | None:
    return None if moment is None else int(moment.timestamp())


def _row(owner: str, to: str, given: "Delegation") -> dict[str, Any]:
    return {
        "owner": owner,
        "delegate": to,
        "scope": given.scope.value,
        "bundle": given.bundle.value,
        "send": given.send.value,
        "hide_private": given.hide_private,
        "invitations": given.invitations,
        "starts": since(given.starts),
        "ends": since(given.ends),
        "active": given.active(datetime.now(UTC).timestamp()),
    }
