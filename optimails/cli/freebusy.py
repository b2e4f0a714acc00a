"""``optimails calendar freebusy``: when people are busy, and their working hours."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, time, timedelta, tzinfo
from typing import TYPE_CHECKING, Any

import click

from optimails.cli import frame
from optimails.cli.app import App
from optimails.cli.errors import CommandFailed
from optimails.cli.frame import argument, option, say
from optimails.cli.groupware import calendar, groupware_of
from optimails.cli.mail import account_of, open_account
from optimails.cli.output import print_json
from optimails.cli.secret_urls import url
from optimails.cli.timeline import Row, common, day_of, picture
from optimails.cli.values import Day, Weekdays, Zone
from optimails.model.address import EmailAddress
from optimails.model.errors import BadSyntax, Refused

if TYPE_CHECKING:
    from optimails.directory.admin import Admin
    from optimails.groupware.colleagues import Told
    from optimails.model.account import Account
    from optimails.model.ids import AccountId
    from optimails.model.rights import Object

freebusy = frame.group("freebusy")
freebusy.add_command(url)
calendar.add_command(freebusy)
MAX_DAYS = 62


class _Directory:
    """What the lookup asks of the directory."""

    def __init__(self, admin: "Admin") -> None:
        self._admin = admin

    def by_address(self, address: str) -> "Account | None":
        try:
            info = self._admin.account_get(address)
        except Refused:
            return None
        return account_of(info) if info.closed_at is None else None

    def addresses(self, account: "Account") -> "list[EmailAddress]":
        aliases = self._admin.alias_list(target=str(account.address))
        alone = [EmailAddress.parse(one.alias) for one in aliases if len(one.targets) == 1]
        return [account.address, *alone]

    def busy_seen(self, viewer: "AccountId", owner: "AccountId", calendars: "Iterable[Object]") -> "frozenset[Object]":
        return self._admin.busy_seen(str(viewer), owner, calendars)


@frame.command(freebusy, "show")
@argument("addresses", metavar="ADDRESS…", nargs=-1, required=True, text_key="freebusy_addresses")
@option("--from", "first", type=Day(), metavar="DAY", text_key="freebusy_from")
@option("--days", type=click.IntRange(1, MAX_DAYS), default=1, show_default=True, text_key="freebusy_days")
@option("--zone", type=Zone(), metavar="ZONE", text_key="freebusy_zone")
@option("--as", "viewer", metavar="ADDRESS", text_key="freebusy_as")
@click.pass_obj
def show(  # noqa: PLR0913 - one for each option
    app: App, *, addresses: tuple[str, ...], first: datetime | None, days: int, zone: tzinfo | None, viewer: str | None
) -> None:
    """A picture of each day; with --as, what that account may know."""
    from optimails.groupware.colleagues import Colleagues  # noqa: PLC0415 - when needed
    from optimails.groupware.filters import TimeRange  # noqa: PLC0415 - when needed

    start = day_of(first or datetime.now(zone), zone)
    end = day_of(start + timedelta(days=days, hours=6), zone)
    groupware, directory = groupware_of(app), _Directory(app.admin)
    onlooker = open_account(app, viewer) if viewer else None
    try:
        lookup = Colleagues(groupware, directory)
        asked = TimeRange(int(start.timestamp()), int(end.timestamp()))
        told = [lookup.told(onlooker, address, asked) for address in dict.fromkeys(addresses)]
    finally:
        groupware.close()
    rows = [Row(one.address, None if one.no else one.periods) for one in told]
    free = common(rows, asked)
    if app.json:
        print_json({"people": [_person(one) for one in told], "free": [_span(*one) for one in free]})
        return
    for one in told:
        if one.no is not None:
            click.echo(say(f"cli.freebusy.{one.no.value}", address=one.address), err=True)
    for number in range(days):
        day = day_of(start + timedelta(days=number, hours=6), zone)
        click.echo(picture(day, day_of(day + timedelta(days=1, hours=6), zone), rows, free))
    click.echo(say("cli.freebusy.legend"))


def _person(told: "Told") -> dict[str, Any]:
    from optimails.groupware.freebusy import NAMES  # noqa: PLC0415 - when needed

    return {
        "address": told.address,
        "refused": told.no.value if told.no else None,
        "busy": [{**_span(start, end), "kind": NAMES[kind].lower()} for start, end, kind in told.periods],
    }


def _span(start: int, end: int) -> dict[str, Any]:
    return {"start": datetime.fromtimestamp(start, UTC), "end": datetime.fromtimestamp(end, UTC)}


@frame.command(freebusy, "hours")
@argument("address", metavar="ADDRESS")
@option("--on", "week", multiple=True, type=Weekdays(), metavar="DAYS HOURS", text_key="freebusy_on")
@option("--zone", "zone", type=Zone(), metavar="ZONE", text_key="freebusy_hours_zone")
@option("--none", "clear", is_flag=True, text_key="freebusy_clear")
@click.pass_obj
def hours(
    app: App, *, address: str, week: "Sequence[list[tuple[str, list[tuple[time, time]]]]]", zone: Any, clear: bool
) -> None:
    """Without an option, shows them as programs get them."""
    from optimails.groupware.hours import availability, set_availability, working_hours  # noqa: PLC0415 - when needed

    if week and zone is None:
        raise click.UsageError(say("cli.freebusy.zone_wanted"))
    if clear and week:
        raise click.UsageError(say("cli.freebusy.hours_or_none"))
    groupware = groupware_of(app)
    try:
        with groupware.open(open_account(app, address)) as account:
            if not week and not clear:
                text = availability(account)
                if app.json:
                    print_json({"address": address, "availability": text or None})
                else:
                    click.echo(text.rstrip() if text else say("cli.freebusy.no_hours", address=address))
                return
            try:
                text = working_hours(str(zone), [one for days in week for one in days]) if week else ""
            except BadSyntax as wrong:
                raise CommandFailed("cli.freebusy.bad_hours", address=address) from wrong
            set_availability(account, text)
    finally:
        groupware.close()
    app.done(f"cli.freebusy.{'hours_set' if week else 'hours_gone'}", None, address=address)
