"""``optimails collect``: mail fetched from accounts with other providers."""

import asyncio
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import click

from optimails.cli import frame
from optimails.cli.app import App
from optimails.cli.errors import CommandFailed, Exit
from optimails.cli.frame import argument, option, say
from optimails.cli.mail import account_of, open_account, service
from optimails.cli.values import password as read_password
from optimails.model.account import Account
from optimails.model.ids import AccountId
from optimails.model.mailbox_name import mailbox_name

if TYPE_CHECKING:
    from optimails.collection.api import Access, CollectFailed, Source
    from optimails.collection.store import SourceStore

collect = frame.group("collect")
_PASSING = ("connect", "silent", "storage", "quota")


def _settings(function: Callable[..., Any]) -> Callable[..., Any]:
    """The options that add and set have in common."""
    for decorate in (
        option("--protocol", type=click.Choice(("imap", "pop3")), text_key="collect_protocol"),
        option("--port", type=click.IntRange(1, 65_535), text_key="collect_port"),
        option("--tls", type=click.Choice(("implicit", "starttls")), text_key="collect_tls"),
        option("--login", metavar="NAME", text_key="collect_login"),
        option("--password-file", metavar="FILE"),
        option("--mailbox", metavar="NAME", text_key="collect_mailbox"),
        option("--delete-after", type=click.FloatRange(0, 36_500), metavar="DAYS", text_key="collect_delete_after"),
        option("--enabled/--disabled", "enabled", default=None, text_key="collect_enabled"),
        option("--no-check", is_flag=True, text_key="collect_no_check"),
    ):
        function = decorate(function)
    return function


@frame.command(collect, "add")
@argument("address", metavar="ADDRESS")
@argument("host", metavar="HOST", text_key="collect_host")
@_settings
@click.pass_obj
def add(app: App, /, address: str, host: str, password_file: str | None, *, no_check: bool, **given: Any) -> None:
    from optimails.collection.api import PORTS, Access, Source, SourceTls, Spoken  # noqa: PLC0415 - when needed

    account = open_account(app, address)
    protocol, tls = Spoken(given["protocol"] or "imap"), SourceTls(given["tls"] or "implicit")
    login = given["login"] or click.prompt(say("cli.collect.login"), err=True)
    access = Access(protocol, _word(host), given["port"] or PORTS[protocol, tls], tls, _word(login, spaces=True))
    password = _password(password_file)
    if not no_check:
        _check(app, access, password)
    source = Source(
        id=0,
        account=account.id,
        access=access,
        mailbox=mailbox_name(given["mailbox"] or "INBOX"),
        delete_after=given["delete_after"],
        enabled=given["enabled"] is not False,
    )
    with closing(_store(app)) as store:
        identity = store.add(source, password, app.config.collection.max_sources)
    app.done("cli.collect.added", {"id": identity}, id=identity, address=address, host=access.host)


@frame.command(collect, "list")
@argument("address", metavar="[ADDRESS]", required=False, text_key="address_or_all")
@click.pass_obj
def list_(app: App, address: str | None) -> None:
    account = open_account(app, address).id if address else None
    with closing(_store(app)) as store:
        rows = [_row(app, source) for source in store.sources(account)]
    columns = ("id", "address", "protocol", "host", "login", "enabled", "last_success", "fetched", "trouble")
    app.rows(columns, rows, _shown(app))


@frame.command(collect, "show")
@argument("address", metavar="ADDRESS")
@argument("source", metavar="ID", type=int, text_key="collect_id")
@click.pass_obj
def show(app: App, address: str, source: int) -> None:
    with closing(_store(app)) as store:
        row = _row(app, _found(app, store, address, source))
    app.record(row, _shown(app))


@frame.command(collect, "set")
@argument("address", metavar="ADDRESS")
@argument("source", metavar="ID", type=int, text_key="collect_id")
@option("--host", metavar="HOST", text_key="collect_host")
@_settings
@option("--keep", is_flag=True, text_key="collect_keep")
@click.pass_obj
def set_(app: App, /, address: str, source: int, *, no_check: bool, keep: bool, **given: Any) -> None:
    """What is not named stays as it is; the server is asked when access changes."""
    from optimails.collection.api import SourceTls, Spoken  # noqa: PLC0415 - when needed

    with closing(_store(app)) as store:
        before = _found(app, store, address, source)
        access = before.access
        if given["host"]:
            access = replace(access, host=_word(given["host"]))
        if given["login"]:
            access = replace(access, login=_word(given["login"], spaces=True))
        if given["protocol"]:
            access = replace(access, protocol=Spoken(given["protocol"]))
        if given["tls"]:
            access = replace(access, tls=SourceTls(given["tls"]))
        if given["port"]:
            access = replace(access, port=given["port"])
        password = _password(given["password_file"]) if given["password_file"] else None
        if (access != before.access or password) and not no_check:
            _check(app, access, password or store.password(before))
        after = replace(before, access=access)
        if given["mailbox"]:
            after = replace(after, mailbox=mailbox_name(given["mailbox"]))
        if keep or given["delete_after"] is not None:
            after = replace(after, delete_after=None if keep else given["delete_after"])
        if given["enabled"] is not None:
            after = replace(after, enabled=given["enabled"])
        store.change(after, password)
    app.done("cli.collect.changed", {"id": source}, id=source, address=address)


@frame.command(collect, "remove")
@argument("address", metavar="ADDRESS")
@argument("source", metavar="ID", type=int, text_key="collect_id")
@click.pass_obj
def remove(app: App, address: str, source: int) -> None:
    """What was fetched stays."""
    with closing(_store(app)) as store:
        store.remove(_found(app, store, address, source).id)
    app.done("cli.collect.removed", {"id": source}, id=source, address=address)


@frame.command(collect, "run")
@argument("address", metavar="ADDRESS")
@argument("source", metavar="[ID]", type=int, required=False, text_key="collect_id_or_all")
@click.pass_obj
def run(app: App, address: str, source: int | None) -> int:
    """Now, whatever its turn is. The exit code tells whether all went well."""
    from optimails.collection.api import CollectFailed  # noqa: PLC0415 - when needed
    from optimails.collection.runner import Busy, Collector  # noqa: PLC0415 - when needed

    account = open_account(app, address)
    with closing(_store(app)) as store:
        chosen = [_found(app, store, address, source)] if source else store.sources(account.id)

    async def visit() -> list[dict[str, Any]]:
        rows = []
        async with service(app) as mail:
            data, settings = app.config.server.data, app.config.collection
            collector = Collector(data, settings, _Known(account), mail)
            with closing(collector.store):
                for one in chosen:
                    row: dict[str, Any] = {"id": one.id, "host": one.access.host, "trouble": None}
                    try:
                        visited = await collector.visit(one)
                    except CollectFailed as failed:
                        row |= {"trouble": failed.trouble.value, "detail": failed.detail, "says": _says(failed)}
                    except Busy:
                        row |= {"trouble": "busy", "says": say("collection.trouble.busy")}
                    else:
                        row |= asdict(visited) if visited else {}
                    rows.append(row)
        return rows

    rows = asyncio.run(visit())
    app.rows(("id", "host", "fetched", "deleted", "too_big", "says"), rows)
    return Exit.REFUSED if any(row["trouble"] for row in rows) else Exit.OK


# -- what commands share


class _Known:
    """The directory, as far as a visit asks it."""

    def __init__(self, account: Account) -> None:
        self._account = account

    async def account(self, account_id: AccountId) -> Account | None:
        return self._account if account_id == self._account.id else None


def _store(app: App) -> "SourceStore":
    from optimails.collection.store import SourceStore  # noqa: PLC0415 - when needed

    return SourceStore(app.own_data())


def _found(app: App, store: "SourceStore", address: str, source: int) -> "Source":
    account = account_of(app.admin.account_get(address))
    for one in store.sources(account.id):
        if one.id == source:
            return one
    raise CommandFailed("cli.collect.unknown", id=source, address=address)


def _check(app: App, access: "Access", password: str) -> None:
    """Log in there once, and look whether its messages can be listed."""
    from optimails.collection.api import CollectFailed  # noqa: PLC0415 - when needed
    from optimails.collection.visit import log_in  # noqa: PLC0415 - when needed

    async def attempt() -> None:
        remote = await log_in(access, password, app.config.collection)
        try:
            await remote.messages()
        finally:
            remote.abort()

    try:
        asyncio.run(attempt())
    except CollectFailed as failed:
        code = Exit.TEMPORARY if failed.trouble.value in _PASSING else Exit.REFUSED
        raise CommandFailed("cli.collect.check_failed", code, host=access.host, why=_says(failed)) from failed


def _says(failed: "CollectFailed | Source") -> str:
    """What is wrong, in the user's language."""
    trouble = say(f"collection.trouble.{failed.trouble}")
    return f"{trouble} ({failed.detail})" if failed.detail else trouble


def _password(file: str | None) -> str:
    if file is None:
        password = str(click.prompt(say("cli.collect.password"), hide_input=True, err=True))
    else:
        password, _ = read_password(file)
    return _word(password, spaces=True)


def _word(text: str, *, spaces: bool = False) -> str:
    """Nothing that would end a line at the far server."""
    if not text or len(text) > 500 or not all(char.isprintable() and (spaces or char != " ") for char in text):
        raise CommandFailed("cli.collect.not_possible")
    return text


def _row(app: App, source: "Source") -> dict[str, Any]:
    account = app.admin.account_get(source.account)
    values = asdict(source)
    access = values.pop("access")
    return {
        "id": values.pop("id"),
        "address": account.address,
        **access,
        **{key: values[key] for key in ("mailbox", "delete_after", "enabled", "last_visit", "last_success", "due")},
        **{key: values[key] for key in ("fetched", "too_big", "failures")},
        "trouble": source.trouble,
        "says": _says(source) if source.trouble else None,
    }


def _shown(app: App) -> dict[str, Callable[[Any], object]]:
    def moment(when: float | None) -> str:
        return app.shown(int(when) if when else None)

    def days(value: float | None) -> str:
        return say("cli.collect.kept") if value is None else f"{value:g}"

    moments = dict.fromkeys(("last_visit", "last_success", "due"), moment)
    return {**moments, "enabled": app.yes_no, "delete_after": days}
