"""``optimails alias``: addresses that lead to others."""

import click

from optimails.cli import frame
from optimails.cli.app import App
from optimails.cli.frame import argument, option
from optimails.events.api import EVERYBODY

alias = frame.group("alias")


@frame.command(alias, "add")
@argument("address", metavar="ALIAS", text_key="alias")
@argument("targets", metavar="TARGET...", nargs=-1, required=True)
@click.pass_obj
def add(app: App, address: str, targets: tuple[str, ...]) -> None:
    """Adds the targets to those that are there already."""
    info = app.admin.alias_add(address, targets)
    app.announce(EVERYBODY)  # aliases are groups, which rights may name
    answer = {"alias": info.alias, "targets": info.targets}
    app.done("cli.alias.added", answer, alias=info.alias, targets=", ".join(info.targets))


@frame.command(alias, "list")
@option("--domain", metavar="DOMAIN")
@option("--target", metavar="ADDRESS")
@click.pass_obj
def list_(app: App, domain: str | None, target: str | None) -> None:
    rows = [{"alias": info.alias, "targets": info.targets} for info in app.admin.alias_list(domain, target=target)]
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
        answer = {"alias": left.alias, "targets": left.targets}
        app.done("cli.alias.added", answer, alias=left.alias, targets=", ".join(left.targets))
