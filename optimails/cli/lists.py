"""``optimails list``: distribution lists, their settings and people."""

from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from optimails.cli import frame
from optimails.cli.app import App
from optimails.cli.contact import hidden_option
from optimails.cli.frame import argument, option, say
from optimails.cli.list_members import members
from optimails.cli.list_posts import add_commands
from optimails.cli.output import size
from optimails.cli.values import UNLIMITED, Limit
from optimails.model.mailing_list import FromRewrite, Others, Posting, ReplyTo, Role

if TYPE_CHECKING:
    from optimails.directory.admin import ListInfo

list_ = frame.group("list")


def _choices(kind: Any) -> click.Choice[str]:
    return click.Choice([one.value for one in kind])


def _settings(function: Callable[..., Any]) -> Callable[..., Any]:
    """The options that ``add`` and ``set`` share."""
    for decorate in reversed(
        (
            option("--name", text_key="list_name"),
            option("--description", text_key="list_description"),
            option("--language", type=click.Choice(["en", "fr"]), text_key="list_language"),
            option("--post", "posting", type=_choices(Posting), text_key="list_post"),
            option("--others", type=_choices(Others), text_key="list_others"),
            option("--reply-to", type=_choices(ReplyTo), text_key="list_reply_to"),
            option("--subject-tag", metavar="TEXT", text_key="list_subject_tag"),
            option("--max-size", type=Limit(size=True, of_plan=False), text_key="list_max_size"),
            option("--from", "from_rewrite", type=_choices(FromRewrite), text_key="list_from"),
            option("--everyone/--no-everyone", default=None, text_key="list_everyone"),
            option("--leave/--no-leave", default=None, text_key="list_leave"),
            option("--hold-days", type=int, text_key="list_hold_days"),
            option("--bounces", type=int, text_key="list_bounces"),
            option("--bounce-days", type=int, text_key="list_bounce_days"),
            hidden_option(),
        )
    ):
        function = decorate(function)
    return function


def _wishes(settings: dict[str, Any]) -> dict[str, Any]:
    """What was said."""
    given = {name: value for name, value in settings.items() if value is not None}
    if given.get("max_size") == UNLIMITED:
        given["max_size"] = None
    return given


def _row(info: "ListInfo") -> dict[str, Any]:
    values = asdict(info.settings)
    return {
        **values,
        "address": str(info.settings.address),
        "members": info.members,
        "suspended": info.suspended,
        "created": info.created,
        "hidden": info.hidden,
    }


@frame.command(list_, "add")
@argument("address", metavar="LIST", text_key="list")
@option("--owner", "owners", metavar="ADDRESS", multiple=True, text_key="list_owner")
@_settings
@click.pass_obj
def add(app: App, /, address: str, owners: tuple[str, ...], **settings: Any) -> None:
    """Members are added afterwards, by `members add`."""
    hidden = settings.pop("hidden")
    info = app.admin.list_add(address, owners=owners, **_wishes(settings))
    info = app.admin.list_hide(address, hidden=True) if hidden else info
    app.done("cli.list.added", _row(info), list=info.settings.address)


@frame.command(list_, "set")
@argument("address", metavar="LIST", text_key="list")
@_settings
@click.pass_obj
def set_(app: App, /, address: str, **settings: Any) -> None:
    """What is not named stays. Takes effect at once."""
    hidden, wishes = settings.pop("hidden"), _wishes(settings)
    if not wishes and hidden is None:
        raise click.UsageError(say("cli.error.nothing_to_set"))
    info = app.admin.list_set(address, **wishes)
    info = app.admin.list_hide(address, hidden=hidden) if hidden is not None else info
    app.done("cli.list.changed", _row(info), list=info.settings.address)


@frame.command(list_, "list")
@option("--domain", metavar="DOMAIN")
@click.pass_obj
def all_(app: App, domain: str | None) -> None:
    rows = [_row(info) for info in app.admin.list_list(domain)]
    columns = ("address", "name", "members", "suspended", "posting", "others")
    app.rows(columns, rows)


@frame.command(list_, "show")
@argument("address", metavar="LIST", text_key="list")
@click.pass_obj
def show(app: App, address: str) -> None:
    row = _row(app.admin.list_get(address))
    app.record(
        row, {"max_size": size, "everyone": app.yes_no, "leave": app.yes_no, "created": app.shown, "hidden": app.yes_no}
    )


@frame.command(list_, "remove")
@argument("address", metavar="LIST", text_key="list")
@click.pass_obj
def remove(app: App, address: str) -> None:
    """At once and for good, as with aliases; posts that are on their way to it are given up."""
    info = app.admin.list_remove(address)
    app.done("cli.list.removed", _row(info), list=info.settings.address)


def _people(role: Role) -> None:
    """The commands for people of one role."""
    group = frame.group(f"{role.value}s")

    @frame.command(group, "add")
    @argument("address", metavar="LIST", text_key="list")
    @argument("people", metavar="ADDRESS...", nargs=-1, required=True, text_key="list_people")
    @click.pass_obj
    def add_people(app: App, address: str, people: tuple[str, ...]) -> None:
        info = app.admin.list_people_add(address, role, people)
        app.done("cli.list.changed", _row(info), list=info.settings.address)

    @frame.command(group, "remove")
    @argument("address", metavar="LIST", text_key="list")
    @argument("people", metavar="ADDRESS...", nargs=-1, required=True, text_key="list_people")
    @click.pass_obj
    def remove_people(app: App, address: str, people: tuple[str, ...]) -> None:
        info = app.admin.list_people_remove(address, role, people)
        app.done("cli.list.changed", _row(info), list=info.settings.address)

    list_.add_command(group)


list_.add_command(members)
for _role in Role:
    _people(_role)
add_commands(list_)
