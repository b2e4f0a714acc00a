"""``optimails account``: the people whose mail is here."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from optimails.cli import contact, frame
from optimails.cli.app import App, since
from optimails.cli.frame import argument, option, say
from optimails.cli.output import count, print_json, size
from optimails.cli.values import OF_PLAN, Limit, password
from optimails.model.account import AccountState, OverQuota, Service

if TYPE_CHECKING:
    from optimails.directory.admin import AccountInfo

account = frame.group("account")
app_password = frame.group("app-password")

_FREE_BUSY = {"yes": True, "no": False, "domain": None}
_SHOW = {"storage_limit": size, "messages_limit": count}


def _settings(command: Any) -> Any:
    """Options that ``add`` and ``set`` have in common."""
    command = contact.options(command)  # in the help they stand last
    for decorate in reversed(
        (
            option("--name", metavar="TEXT"),
            option("--language", type=click.Choice(["en", "fr"])),
            option("--storage", type=Limit(size=True), metavar="SIZE"),
            option("--messages", type=Limit(size=False), metavar="NUMBER"),
            option("--retention", type=Limit(size=False, unlimited=False), metavar="DAYS"),
            option("--over-quota", type=click.Choice([policy.value for policy in OverQuota])),
        )
    ):
        command = decorate(command)
    return command


def _wishes(given: dict[str, Any]) -> dict[str, Any]:
    """Only what was named on the line; ``plan`` as a limit means that of the plan."""
    shown = contact.taken_out(given)
    wishes: dict[str, Any] = {
        key: None if value == OF_PLAN and key != "plan" else value for key, value in given.items() if value is not None
    }
    if shown is not None:
        wishes["shown"] = shown
    if "over_quota" in wishes:
        wishes["over_quota"] = OverQuota(wishes["over_quota"])
    return wishes


@frame.command(account, "add")
@argument("address", metavar="ADDRESS")
@option("--plan", default="basic", show_default=True, metavar="PLAN")
@option("--password-file", metavar="FILE")
@_settings
@click.pass_obj
def add(app: App, /, address: str, plan: str, password_file: str | None, **settings: Any) -> None:
    """Without --password-file the password is asked for at a terminal, else made up and shown once."""
    admin = app.admin  # a wrong configuration is told before anything is asked
    secret, made_up = password(password_file)
    wishes = {"language": frame.language()} | _wishes(settings)
    info = admin.account_add(address, plan=plan, password=secret, **wishes)
    _tell("cli.account.added", app, info, secret if made_up else None)


def _tell(key: str, app: App, info: "AccountInfo", shown_password: str | None) -> None:
    """One line; with the password when we made it up."""
    answer = _row(info) | ({"password": shown_password} if shown_password else {})
    app.done(key, answer, address=info.address, plan=info.plan)
    if shown_password and not app.json:
        click.echo(say("cli.password.made", password=shown_password))


@frame.command(account, "set")
@argument("address", metavar="ADDRESS")
@option("--plan", metavar="PLAN")
@option("--state", type=click.Choice([AccountState.ACTIVE.value, AccountState.SUSPENDED.value]))
@option("--forward", multiple=True, metavar="ADDRESS")
@option("--no-forward", is_flag=True)
@option("--local-copy/--no-local-copy", default=None)
@option("--free-busy", type=click.Choice([*_FREE_BUSY]), text_key="account_free_busy")
@_settings
@click.pass_obj
def set_(  # noqa: PLR0913 - one for each option that only this command has
    app: App,
    /,
    address: str,
    *,
    state: str | None,
    forward: tuple[str, ...],
    no_forward: bool,
    local_copy: bool | None,
    free_busy: str | None,
    **settings: Any,
) -> None:
    """Takes effect at once, also for sessions that are open."""
    if no_forward and (forward or local_copy is not None):
        raise click.UsageError(say("cli.error.forward_or_not"))
    wishes = _wishes(settings | {"forward_copy": True if no_forward else local_copy})
    wishes |= {"state": AccountState(state)} if state else {}
    wishes |= {"free_busy": _FREE_BUSY[free_busy]} if free_busy else {}
    wishes |= {"forward": forward} if forward or no_forward else {}
    if not wishes:
        raise click.UsageError(say("cli.error.nothing_to_set"))
    info = app.admin.account_set(address, **wishes)
    app.announce(info.id)
    app.done("cli.account.changed", _row(info), address=info.address)


@frame.command(account, "list")
@option("--domain", metavar="DOMAIN")
@option("--removed", is_flag=True)
@click.pass_obj
def list_(app: App, domain: str | None, removed: bool) -> None:
    # That which holds a domain's shared folders is nobody's.
    people = [info for info in app.admin.account_list(domain, closed=removed) if info.source != "domain"]
    rows = [_row(info) for info in people]
    columns = ["address", "name", "plan", "state", "storage_limit", *(["kept_until", "id"] if removed else [])]
    app.rows(columns, rows, {**_SHOW, "state": app.state})


@frame.command(account, "show")
@argument("address", metavar="ADDRESS")
@click.pass_obj
def show(app: App, address: str) -> None:
    info = app.admin.account_get(address)
    row = _row(info)
    row["aliases"] = [alias.alias for alias in app.admin.alias_list(target=info.address)]
    words = dict.fromkeys(("has_password", "forward_copy", "hidden"), app.yes_no)
    app.record(row, {**_SHOW, **words, "state": app.state})


@frame.command(account, "password")
@argument("address", metavar="ADDRESS")
@option("--password-file", metavar="FILE")
@click.pass_obj
def password_(app: App, address: str, password_file: str | None) -> None:
    info = app.admin.account_get(address)
    secret, made_up = password(password_file)
    info = app.admin.account_password(str(info.id), secret)
    app.announce(info.id)
    _tell("cli.account.password_set", app, info, secret if made_up else None)


@frame.command(account, "remove")
@argument("address", metavar="ADDRESS")
@click.pass_obj
def remove(app: App, address: str) -> None:
    """Closes it; mail and address are kept for the stated time."""
    info = app.admin.account_remove(address)
    app.announce(info.id)
    app.done("cli.account.removed", _row(info), address=info.address, until=app.shown(info.kept_until), id=info.id)


@frame.command(account, "restore")
@argument("address", metavar="ADDRESS|ID", text_key="address_or_id")
@click.pass_obj
def restore(app: App, address: str) -> None:
    info = app.admin.account_restore(address)
    app.announce(info.id)
    app.done("cli.account.restored", _row(info), address=info.address)


@app_password.command("add", cls=frame.Command, help=say("cli.help.app_password_add"))
@argument("address", metavar="ADDRESS")
@option("--label", required=True, metavar="TEXT")
@option("--service", "services", multiple=True, type=click.Choice([service.value for service in Service]))
@click.pass_obj
def app_password_add(app: App, address: str, label: str, services: tuple[str, ...]) -> None:
    wanted = [Service(service) for service in services] or list(Service)
    info, secret = app.admin.app_password_add(address, label, wanted)
    if app.json:
        print_json({**asdict(info), "password": secret, "created": since(info.created)})
        return
    click.echo(say("cli.app_password.added", label=info.label, id=info.id))
    click.echo(say("cli.password.made", password=secret))


@app_password.command("list", cls=frame.Command, help=say("cli.help.app_password_list"))
@argument("address", metavar="ADDRESS")
@click.pass_obj
def app_password_list(app: App, address: str) -> None:
    rows = [
        {
            "id": info.id,
            "label": info.label,
            "services": sorted(info.services),
            "created": since(info.created),
            "last_used": since(info.last_used),
        }
        for info in app.admin.app_password_list(address)
    ]
    app.rows(("id", "label", "services", "created", "last_used"), rows, {"services": ", ".join})


@app_password.command("remove", cls=frame.Command, help=say("cli.help.app_password_remove"))
@argument("address", metavar="ADDRESS")
@argument("number", metavar="ID", type=int, text_key="app_password_id")
@click.pass_obj
def app_password_remove(app: App, address: str, number: int) -> None:
    info = app.admin.account_get(address)
    app.admin.app_password_remove(address, number)
    app.announce(info.id)
    app.done("cli.app_password.removed", {"id": number, "address": info.address}, id=number, address=info.address)


account.add_command(app_password)


def _row(info: "AccountInfo") -> dict[str, Any]:
    return {
        "address": info.address,
        "id": info.id,
        "name": info.name,
        "plan": info.plan,
        "state": info.state.value,
        "language": info.language,
        "storage_limit": info.limits.storage,
        "messages_limit": info.limits.messages,
        "retention": info.limits.retention,
        "over_quota": info.over_quota.value,
        "forward": info.forward,
        "forward_copy": info.forward_copy,
        "free_busy": {allowed: word for word, allowed in _FREE_BUSY.items()}[info.free_busy],
        "source": info.source,
        "has_password": info.has_password,
        "created": since(info.created),
        "kept_until": since(info.kept_until),
        **contact.row(info),
    }
