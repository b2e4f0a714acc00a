"""``optimails alias``: addresses that lead to others."""

from typing import TYPE_CHECKING, Any

import click

from optimails.cli import frame
from optimails.cli.app import App
from optimails.cli.contact import hidden_option
from optimails.cli.frame import argument, option, say
from optimails.events.api import EVERYBODY

if TYPE_CHECKING:
    from optimails.directory.admin import AliasInfo

alias = frame.group("alias")


@frame.command(alias, "add")
@argument("address", metavar="ALIAS", text_key="alias")
@argument("targets", metavar="TARGET...", nargs=-1, required=True)
@click.pass_obj
def add(app: App, address: str, targets: tuple[str, ...]) -> None:
    """Adds the targets to those that are there already."""
    info = app.admin.alias_add(address, targets)
    app.announce(EVERYBODY)  # aliases are groups, which rights may name
    app.done("cli.alias.added", _row(info), alias=info.alias, targets=", ".join(info.targets))


@frame.command(alias, "set")
@argument("address", metavar="ALIAS", text_key="alias")
@hidden_option()
@click.pass_obj
def set_(app: App, address: str, hidden: bool | None) -> None:
    if hidden is None:
        raise click.UsageError(say("cli.error.nothing_to_set"))
    info = app.admin.alias_hide(address, hidden=hidden)
    app.done("cli.alias.hidden" if hidden else "cli.alias.visible", _row(info), alias=info.alias)


@frame.command(alias, "list")
@option("--domain", metavar="DOMAIN")
@option("--target", metavar="ADDRESS")
@click.pass_obj
def list_(app: App, domain: str | None, target: str | None) -> None:
    rows = [_row(info) for info in app.admin.alias_list(domain, target=target)]
    app.rows(("alias", "targets"), rows, {"targets": ", ".join})


@frame.command(alias, "remove")
@argument("address", metavar="ALIAS", text_key="alias")
@argument("targets", metavar="[TARGET...]", nargs=-1, text_key="targets_to_remove")
@click.pass_obj
def remove(app: App, address: str, targets: tuple[str, ...]) -> None:
    """Without targets the alias itself goes."""
    left = app.admin.alias_remove(address, targets)
    app.announce(EVERYBODY)
    if left is None:
        app.done("cli.alias.removed", {"alias": address, "targets": []}, alias=address)
    else:
        app.done("cli.alias.added", _row(left), alias=left.alias, targets=", ".join(left.targets))


def _row(info: "AliasInfo") -> dict[str, Any]:
    return {"alias": info.alias, "targets": info.targets, "hidden": info.hidden}
