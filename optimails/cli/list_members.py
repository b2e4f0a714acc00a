"""``optimails list members``: who gets a list's mail."""

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from optimails.cli import frame
from optimails.cli.app import App
from optimails.cli.frame import argument, option
from optimails.cli.output import print_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from optimails.directory.admin import MemberInfo

members = frame.group("members")


def _done(app: App, key: str, address: str, left: "Sequence[MemberInfo]") -> None:
    if app.json:
        print_json([asdict(one) for one in left])
    else:
        app.done(key, None, list=address, count=len(left))


@frame.command(members, "add")
@argument("address", metavar="LIST", text_key="list")
@argument("people", metavar="ADDRESS...", nargs=-1, required=True, text_key="list_members")
@click.pass_obj
def add(app: App, address: str, people: tuple[str, ...]) -> None:
    """Accounts, aliases, other lists, and addresses elsewhere."""
    _done(app, "cli.list.members", address, app.admin.member_add(address, people))


@frame.command(members, "remove")
@argument("address", metavar="LIST", text_key="list")
@argument("people", metavar="ADDRESS...", nargs=-1, required=True, text_key="list_members")
@click.pass_obj
def remove(app: App, address: str, people: tuple[str, ...]) -> None:
    _done(app, "cli.list.members", address, app.admin.member_remove(address, people))


@frame.command(members, "list")
@argument("address", metavar="LIST", text_key="list")
@click.pass_obj
def list_(app: App, address: str) -> None:
    rows = [asdict(one) for one in app.admin.member_list(address)]
    app.rows(("address", "suspended", "suspended_at", "bounces"), rows, {"suspended_at": app.shown})


@frame.command(members, "suspend")
@argument("address", metavar="LIST", text_key="list")
@argument("people", metavar="ADDRESS...", nargs=-1, required=True, text_key="list_members")
@option("--reason", metavar="TEXT", default="", text_key="list_suspend_reason")
@click.pass_obj
def suspend(app: App, address: str, people: tuple[str, ...], reason: str) -> None:
    """They stay members, may post, and get no mail."""
    _done(app, "cli.list.suspended", address, app.admin.member_suspend(address, people, reason))


@frame.command(members, "resume")
@argument("address", metavar="LIST", text_key="list")
@argument("people", metavar="ADDRESS...", nargs=-1, required=True, text_key="list_members")
@click.pass_obj
def resume(app: App, address: str, people: tuple[str, ...]) -> None:
    """Their bounces are forgotten."""
    _done(app, "cli.list.resumed", address, app.admin.member_resume(address, people))
