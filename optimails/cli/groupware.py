"""``optimails calendar`` and ``optimails contacts``: what an account has, in and out."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from optimails.cli import frame
from optimails.cli.app import App
from optimails.cli.errors import CommandFailed, Exit
from optimails.cli.frame import argument, option, say
from optimails.cli.mail import open_account
from optimails.cli.output import print_json
from optimails.cli.refusals import translated

if TYPE_CHECKING:
    from optimails.groupware.account import AccountGroupware
    from optimails.groupware.api import Collection
    from optimails.groupware.service import LocalGroupware
    from optimails.groupware.transfer import Report

calendar = frame.group("calendar")
contacts = frame.group("contacts")
STANDARD = "-"


def groupware_of(app: App) -> "LocalGroupware":
    """The calendars and contacts of this machine."""
    from optimails.groupware.service import LocalGroupware, bounds_of  # noqa: PLC0415 - when needed

    return LocalGroupware(app.own_data(), bounds_of(app.config.dav))


def in_account(app: App, address: str, work: "Callable[[AccountGroupware], int | None]") -> int | None:
    groupware = groupware_of(app)
    try:
        with groupware.open(open_account(app, address)) as account:
            return work(account)
    finally:
        groupware.close()


def collection_of(account: "AccountGroupware", address: str, name: str, *, books: bool) -> "Collection":
    from optimails.groupware.api import Kind  # noqa: PLC0415 - when needed

    found = account.collection(name)
    if found is None or (found.kind is Kind.BOOK) is not books:
        raise CommandFailed("cli.groupware.unknown", address=address, name=name)
    return found


def _list(app: App, address: str, *, books: bool) -> int | None:
    from optimails.groupware.api import Kind  # noqa: PLC0415 - when needed

    def work(account: "AccountGroupware") -> None:
        rows = [
            {
                "name": one.name,
                "display_name": one.display_name,
                "components": ", ".join(one.components),
                "items": one.items,
                "size": one.size,
            }
            for one in account.collections()
            if (one.kind is Kind.BOOK) is books
        ]
        columns = ("name", "display_name", "components", "items", "size")
        app.rows([name for name in columns if not books or name != "components"], rows)

    return in_account(app, address, work)


def _read(path: str) -> bytes:
    return sys.stdin.buffer.read() if path == STANDARD else Path(path).read_bytes()


def _import(app: App, address: str, path: str, name: str, *, books: bool) -> int | None:
    from optimails.groupware.transfer import import_radicale, import_text  # noqa: PLC0415 - when needed

    def work(account: "AccountGroupware") -> int:
        if path != STANDARD and Path(path).is_dir():
            reports = import_radicale(account, Path(path))
        else:
            reports = [(name, import_text(account, collection_of(account, address, name, books=books), _read(path)))]
        return _told(app, address, reports)

    return in_account(app, address, work)


def _told(app: App, address: str, reports: "list[tuple[str, Report]]") -> int:
    """What was stored, and what was not."""
    if app.json:
        print_json(
            [
                {"collection": name, "items": one.stored, "skipped": [{"name": n, "reason": r} for n, r in one.refused]}
                for name, one in reports
            ]
        )
    else:
        for name, one in reports:
            for item, reason in one.refused:
                click.echo(say("cli.groupware.skipped", name=item, reason=translated(reason)), err=True)
            click.echo(say("cli.groupware.imported", count=one.stored, collection=name, address=address))
    return Exit.FOUND if any(one.refused for _, one in reports) else Exit.OK


def _export(app: App, address: str, path: str, name: str, *, books: bool) -> int | None:
    from optimails.groupware.transfer import export_text  # noqa: PLC0415 - when needed

    def work(account: "AccountGroupware") -> None:
        text = export_text(account, collection_of(account, address, name, books=books))
        if path == STANDARD:
            click.echo(text, nl=False)
            return
        try:
            with Path(path).open("x", encoding="utf-8", newline="") as file:
                file.write(text)
        except FileExistsError as exists:
            raise CommandFailed("cli.groupware.exists", path=path) from exists
        app.done("cli.groupware.written", None, collection=name, address=address, path=path)

    return in_account(app, address, work)


@frame.command(calendar, "list")
@argument("address", metavar="ADDRESS")
@click.pass_obj
def calendar_list(app: App, address: str) -> int | None:
    return _list(app, address, books=False)


@frame.command(calendar, "import")
@argument("address", metavar="ADDRESS")
@argument("path", metavar="PATH", type=click.Path(exists=True, allow_dash=True), text_key="calendar_path")
@option("--calendar", "name", metavar="NAME", default="calendar", show_default=True)
@click.pass_obj
def calendar_import(app: App, address: str, path: str, name: str) -> int | None:
    """What cannot be taken is named, and the exit code is 3; the rest is in."""
    return _import(app, address, path, name, books=False)


@frame.command(calendar, "export")
@argument("address", metavar="ADDRESS")
@argument("path", metavar="[PATH]", default=STANDARD, type=click.Path(allow_dash=True), text_key="groupware_out")
@option("--calendar", "name", metavar="NAME", default="calendar", show_default=True)
@click.pass_obj
def calendar_export(app: App, address: str, path: str, name: str) -> int | None:
    return _export(app, address, path, name, books=False)


@frame.command(contacts, "list")
@argument("address", metavar="ADDRESS")
@click.pass_obj
def contacts_list(app: App, address: str) -> int | None:
    return _list(app, address, books=True)


@frame.command(contacts, "import")
@argument("address", metavar="ADDRESS")
@argument("path", metavar="PATH", type=click.Path(exists=True, allow_dash=True), text_key="contacts_path")
@option("--book", "name", metavar="NAME", default="contacts", show_default=True)
@click.pass_obj
def contacts_import(app: App, address: str, path: str, name: str) -> int | None:
    """The same for contacts."""
    return _import(app, address, path, name, books=True)


@frame.command(contacts, "export")
@argument("address", metavar="ADDRESS")
@argument("path", metavar="[PATH]", default=STANDARD, type=click.Path(allow_dash=True), text_key="groupware_out")
@option("--book", "name", metavar="NAME", default="contacts", show_default=True)
@click.pass_obj
def contacts_export(app: App, address: str, path: str, name: str) -> int | None:
    return _export(app, address, path, name, books=True)
