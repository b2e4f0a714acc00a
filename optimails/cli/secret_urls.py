"""``optimails calendar freebusy url``: addresses under which strangers read when somebody is busy, or a calendar."""

from typing import TYPE_CHECKING

import click

from optimails.cli import frame
from optimails.cli.app import App, since
from optimails.cli.errors import CommandFailed
from optimails.cli.frame import argument, option, say
from optimails.cli.groupware import groupware_of
from optimails.cli.mail import open_account
from optimails.model.account import Feature
from optimails.model.published import token_of

if TYPE_CHECKING:
    from optimails.directory.admin import SecretAddress

url = frame.group("url")
_calendar = option("--calendar", "name", metavar="NAME", text_key="url_calendar")


@frame.command(url, "create")
@argument("address", metavar="ADDRESS")
@_calendar
@option("--details", is_flag=True, text_key="url_details")
@click.pass_obj
def create(app: App, address: str, name: str | None, details: bool) -> None:
    """Refused where the plan does not allow it: nobody would be answered."""
    if details and name is None:
        raise click.UsageError(say("cli.url.details_of_calendar"))
    on = _object(app, address, name)
    plan = {one.id: one for one in app.admin.plan_list()}[app.admin.account_get(address).plan]
    if (Feature.SHARING if on else Feature.FREE_BUSY).value not in plan.features:
        raise CommandFailed("cli.url.not_by_plan", address=address, plan=plan.id)
    _tell(app, address, name, app.admin.secret_address_add(address, on, details=details))


@frame.command(url, "list")
@argument("address", metavar="ADDRESS")
@click.pass_obj
def list_(app: App, address: str) -> None:
    names = {one: name for name, one in _calendars(app, address).items()}
    rows = [_row(app, names.get(one.object_id, one.object_id), one) for one in app.admin.secret_addresses(address)]
    app.rows(("calendar", "details", "created", "url"), rows, {"details": app.yes_no})


@frame.command(url, "renew")
@argument("address", metavar="ADDRESS")
@_calendar
@click.pass_obj
def renew(app: App, address: str, name: str | None) -> None:
    _tell(app, address, name, app.admin.secret_address_renew(address, _object(app, address, name)))


@frame.command(url, "revoke")
@argument("address", metavar="ADDRESS")
@_calendar
@click.pass_obj
def revoke(app: App, address: str, name: str | None) -> None:
    """What programs have the address of is not found any more, from the next request on."""
    app.admin.secret_address_remove(address, _object(app, address, name))
    app.done("cli.url.revoked", {"address": address, "calendar": name}, address=address)


def _calendars(app: App, address: str) -> dict[str, str]:
    """Object ids of the account's calendars, by name."""
    from optimails.groupware.api import Kind  # noqa: PLC0415 - when needed

    groupware = groupware_of(app)
    try:
        with groupware.open(open_account(app, address)) as account:
            return {one.name: one.object_id for one in account.collections() if one.kind is Kind.CALENDAR}
    finally:
        groupware.close()


def _object(app: App, address: str, name: str | None) -> str:
    if name is None:
        return ""
    found = _calendars(app, address).get(name)
    if found is None:
        raise CommandFailed("cli.groupware.unknown", address=address, name=name)
    return found


def _row(app: App, name: str, one: "SecretAddress") -> dict[str, object]:
    from caldav.published import KEY  # noqa: PLC0415 - when needed
    from optimails.store.secret import secret  # noqa: PLC0415 - when needed
    from webmail.servers import offer_of  # noqa: PLC0415 - when needed

    token = token_of(secret(app.own_data() / KEY), one.name)
    path = f"calendar/{token}.ics" if one.object_id else f"freebusy/{token}.ifb"
    return {
        "calendar": name or None,
        "details": one.details,
        "created": since(one.created),
        "url": f"{offer_of(app.config).web}/{path}",
    }


def _tell(app: App, address: str, name: str | None, one: "SecretAddress") -> None:
    row = _row(app, name or "", one)
    app.done("cli.url.made", {"address": address, **row}, url=row["url"])
