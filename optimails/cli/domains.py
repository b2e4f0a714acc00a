"""``optimails domain``: the domains whose mail is here."""

from typing import TYPE_CHECKING, Any

import click

from optimails.cli import domain_dns, frame
from optimails.cli.app import App, since
from optimails.cli.frame import argument, option

if TYPE_CHECKING:
    from optimails.directory.admin import DomainInfo

domain = frame.group("domain")


@frame.command(domain, "add")
@argument("name", metavar="DOMAIN", text_key="domain")
@option("--postmaster", metavar="ADDRESS")
@click.pass_obj
def add(app: App, name: str, postmaster: str | None) -> None:
    info = app.admin.domain_add(name, postmaster=postmaster)
    app.done("cli.domain.added", _row(info), name=info.name)


@frame.command(domain, "list")
@option("--removed", is_flag=True)
@click.pass_obj
def list_(app: App, removed: bool) -> None:
    rows = [_row(info) for info in app.admin.domain_list(closed=removed)]
    app.rows(("name", "state", "accounts", "aliases", "lists", "postmaster", "catch_all"), rows, {"state": app.state})


@frame.command(domain, "set")
@argument("name", metavar="DOMAIN", text_key="domain")
@option("--postmaster", metavar="ADDRESS")
@option("--catch-all", metavar="ADDRESS")
@option("--free-busy", type=click.Choice(["yes", "no"]), text_key="domain_free_busy")
@click.pass_obj
def set_(app: App, name: str, postmaster: str | None, catch_all: str | None, free_busy: str | None) -> None:
    """An empty value (``--catch-all ""``), or ``none``, takes the setting away."""
    wishes: dict[str, Any] = {"postmaster": postmaster, "catch_all": catch_all}
    wishes = {key: None if value in ("", "none") else value for key, value in wishes.items() if value is not None}
    if free_busy is not None:
        wishes["free_busy"] = free_busy == "yes"
    info = app.admin.domain_set(name, **wishes)
    app.done("cli.domain.changed", _row(info), name=info.name)


@frame.command(domain, "remove")
@argument("name", metavar="DOMAIN", text_key="domain")
@click.pass_obj
def remove(app: App, name: str) -> None:
    """Closes it with its accounts; nothing is destroyed."""
    info = app.admin.domain_remove(name)
    app.announce(*(account.id for account in app.admin.account_list(info.name, closed=True)))
    app.done("cli.domain.removed", _row(info), name=info.name, days=app.config.directory.keep_removed_days)


@frame.command(domain, "restore")
@argument("name", metavar="DOMAIN", text_key="domain")
@click.pass_obj
def restore(app: App, name: str) -> None:
    info = app.admin.domain_restore(name)
    app.announce(*(account.id for account in app.admin.account_list(info.name)))
    app.done("cli.domain.restored", _row(info), name=info.name)


domain_dns.add_to(domain)


def _row(info: "DomainInfo") -> dict[str, object]:
    return {
        "name": info.name,
        "state": "active" if info.active else "closed",
        "accounts": info.accounts,
        "aliases": info.aliases,
        "lists": info.lists,
        "postmaster": info.postmaster,
        "catch_all": info.catch_all,
        "free_busy": info.free_busy,
        "created": since(info.created),
        "closed_at": since(info.closed_at),
    }
