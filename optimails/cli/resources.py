"""``optimails resource``: rooms and equipment, and how they answer invitations."""

import re
from typing import TYPE_CHECKING, Any

import click

from optimails.cli import frame
from optimails.cli.app import App
from optimails.cli.frame import argument, option, say
from optimails.model.resource import EVERYBODY, Booking, Resource, ResourceKind
from optimails.model.rights import Bundle, Identifier, SendRight

if TYPE_CHECKING:
    from optimails.model.account import Account

resource = frame.group("resource")
_NONE = ("none", "aucun", "aucune", "")
_LENGTH = re.compile(r"(\d{1,6})\s*(m|min|h|d|j)?", re.ASCII)
_MINUTES = {None: 1, "m": 1, "min": 1, "h": 60, "d": 1440, "j": 1440}


class _Length(click.ParamType[int | str]):
    """A length of time in ``unit`` minutes: ``90``, ``4h``, ``2d``; or ``none``."""

    name = "length"

    def __init__(self, unit: int) -> None:
        self._unit = unit

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int | str:
        if isinstance(value, int):
            return value
        text = str(value).strip().lower()
        if text in _NONE:
            return ""
        found = _LENGTH.fullmatch(text)
        if not found:
            self.fail(say("cli.error.length", value=value), param, ctx)
        minutes = int(found[1]) * (_MINUTES[found[2]] if found[2] else self._unit)
        return max(1, minutes // self._unit)


def _settings(command: Any) -> Any:
    """Options that ``add`` and ``set`` have in common."""
    for decorate in reversed(
        (
            option("--name", metavar="TEXT", text_key="resource_name"),
            option("--capacity", type=click.IntRange(0), metavar="NUMBER"),
            option("--description", metavar="TEXT", text_key="resource_description"),
            option("--booking", type=click.Choice([one.value for one in Booking])),
            option("--max-duration", type=_Length(1), metavar="TIME"),
            option("--horizon", type=_Length(1440), metavar="TIME"),
            option("--recurring/--no-recurring", default=None),
            option("--conflicts", type=click.IntRange(0, 100), metavar="PERCENT"),
            option("--booker", "bookers", multiple=True, metavar="WHO"),
            option("--manager", "managers", multiple=True, metavar="ADDRESS"),
        )
    ):
        command = decorate(command)
    return command


def _values(given: dict[str, Any]) -> dict[str, Any]:
    """Values of ``Resource``, of what was named on the line."""
    plain = ("capacity", "description", "recurring", "conflicts", "max_duration", "horizon")
    values = {name: given[name] for name in plain if given[name] is not None}
    for name in ("max_duration", "horizon", "capacity"):
        if name in values:
            values[name] = values[name] or None
    if given["booking"]:
        values["booking"] = Booking(given["booking"])
    return values


def _bookers(app: App, owner: "Account", names: tuple[str, ...]) -> dict[str, Any]:
    """The same of who may book it; whom a name means depends on whose it is."""
    found = [
        EVERYBODY if one.lower() in (EVERYBODY, "tous") else str(app.admin.identify(one, owner))
        for one in names
        if one not in _NONE
    ]
    return {"bookers": tuple(dict.fromkeys(found))} if names else {}


@frame.command(resource, "add")
@argument("address", metavar="ADDRESS", text_key="resource_address")
@option(
    "--kind",
    type=click.Choice([one.value for one in ResourceKind]),
    default="room",
    show_default=True,
    text_key="resource_kind",
)
@option("--plan", default="basic", show_default=True, metavar="PLAN")
@_settings
@click.pass_obj
def add(app: App, /, address: str, kind: str, plan: str, **given: Any) -> None:
    """The account is made first: whom the names of those who book it mean, depends on its domain."""
    made = app.admin.resource_add(
        address, Resource(ResourceKind(kind), **_values(given)), name=given["name"] or "", plan=plan
    )
    if given["bookers"]:
        made = app.admin.resource_set(address, **_bookers(app, made, given["bookers"]))
    _managed(app, made, given["managers"])
    app.done("cli.resource.added", _row(app, made), address=made.address)


@frame.command(resource, "set")
@argument("address", metavar="ADDRESS", text_key="resource_address")
@_settings
@click.pass_obj
def set_(app: App, /, address: str, **given: Any) -> None:
    """What is not named stays. ``none`` takes a limit away; managers are added."""
    found = app.admin.resource_get(address)
    values = _values(given) | _bookers(app, found, given["bookers"])
    if not values and given["name"] is None and not given["managers"]:
        raise click.UsageError(say("cli.error.nothing_to_set"))
    changed = app.admin.resource_set(address, name=given["name"], **values)
    _managed(app, changed, given["managers"])
    app.done("cli.resource.changed", _row(app, changed), address=changed.address)


def _managed(app: App, found: "Account", managers: tuple[str, ...]) -> None:
    """They answer in its place, by a delegation that their calendar programs show, and are told when they have to."""
    assert found.resource is not None
    asked = found.resource.booking is not Booking.AUTOMATIC
    for one in managers:
        app.admin.delegate_add(
            str(found.address), one, Bundle.ASSISTANT, send=SendRight.ON_BEHALF, hide_private=False, invitations=asked
        )
    app.announce(found.id)


@frame.command(resource, "list")
@option("--domain", metavar="DOMAIN")
@click.pass_obj
def list_(app: App, domain: str | None) -> None:
    rows = [_row(app, one) for one in app.admin.resource_list(domain)]
    show = {"kind": lambda word: say(f"cli.resource.{word}"), "booking": lambda word: say(f"cli.resource.{word}")}
    app.rows(("address", "name", "kind", "capacity", "booking", "description"), rows, show)


@frame.command(resource, "show")
@argument("address", metavar="ADDRESS", text_key="resource_address")
@click.pass_obj
def show(app: App, address: str) -> None:
    row = _row(app, app.admin.resource_get(address))
    row["managers"] = [to for owner, to, _ in app.admin.delegate_list(address) if owner == row["address"]]
    words = {name: (lambda word: say(f"cli.resource.{word}")) for name in ("kind", "booking")}
    app.record(row, {**words, "recurring": app.yes_no})


@frame.command(resource, "remove")
@argument("address", metavar="ADDRESS", text_key="resource_address")
@click.pass_obj
def remove(app: App, address: str) -> None:
    """Closes its account; nothing is destroyed, and ``account restore`` brings it back."""
    found = app.admin.resource_get(address)
    app.admin.account_remove(address)
    app.announce(found.id)
    app.done("cli.resource.removed", {"address": str(found.address), "id": found.id}, address=found.address)


def _row(app: App, found: "Account") -> dict[str, Any]:
    what = found.resource
    assert what is not None
    named = [Identifier.parse(one) for one in what.bookers if one != EVERYBODY]
    shown = app.admin.identifiers_shown(named)
    return {
        "address": str(found.address),
        "name": found.name,
        "kind": what.kind.value,
        "capacity": what.capacity,
        "description": what.description,
        "booking": what.booking.value,
        "max_duration": what.max_duration,
        "horizon": what.horizon,
        "recurring": what.recurring,
        "conflicts": what.conflicts,
        "bookers": [*([EVERYBODY] if EVERYBODY in what.bookers else []), *(shown[one] for one in named)],
    }
