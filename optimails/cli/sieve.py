"""``optimails sieve``: the scripts that sort an account's mail."""

from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from optimails.cli import frame
from optimails.cli.app import App
from optimails.cli.errors import CommandFailed
from optimails.cli.frame import argument, option
from optimails.cli.mail import open_account
from optimails.cli.output import print_json

if TYPE_CHECKING:
    from optimails.delivery.scripts import ScriptFiles
    from sieve.language import Script

sieve = frame.group("sieve")


def files_of(app: App, address: str) -> "ScriptFiles":
    from optimails.delivery.scripts import ScriptFiles  # noqa: PLC0415 - when needed
    from optimails.store.places import account_directory  # noqa: PLC0415 - when needed

    account = open_account(app, address)
    return ScriptFiles(account_directory(app.own_data(), account.id), app.config.sieve)


def compiled(content: bytes, name: str) -> "Script":
    from sieve.language import SieveError, compile_script  # noqa: PLC0415 - when needed

    try:
        return compile_script(content)
    except SieveError as wrong:
        raise CommandFailed("cli.sieve.wrong", script=name, why=wrong) from wrong


@frame.command(sieve, "put")
@argument("address", metavar="ADDRESS")
@argument("name", metavar="NAME", text_key="sieve_name")
@argument("path", metavar="PATH", type=click.Path(exists=True, path_type=Path), text_key="sieve_path")
@click.pass_obj
def put(app: App, address: str, name: str, path: Path) -> None:
    content = path.read_bytes()
    compiled(content, path.name)
    files_of(app, address).put(name, content)
    app.done("cli.sieve.stored", None, script=name, address=address)


@frame.command(sieve, "list")
@argument("address", metavar="ADDRESS")
@click.pass_obj
def list_(app: App, address: str) -> None:
    rows = [asdict(script) for script in files_of(app, address).list()]
    app.rows(("name", "size", "active"), rows, {"active": app.yes_no})


@frame.command(sieve, "show")
@argument("address", metavar="ADDRESS")
@argument("name", metavar="NAME", text_key="sieve_name")
@click.pass_obj
def show(app: App, address: str, name: str) -> None:
    script = files_of(app, address).get(name).decode("utf-8", "replace")
    if app.json:
        print_json({"name": name, "script": script})
    else:
        click.echo(script, nl=not script.endswith("\n"))


@frame.command(sieve, "activate")
@argument("address", metavar="ADDRESS")
@argument("name", metavar="[NAME]", required=False, text_key="sieve_name_or_none")
@click.pass_obj
def activate(app: App, address: str, name: str | None) -> None:
    files = files_of(app, address)
    if name is not None:
        compiled(files.get(name), name)
    files.activate(name)
    key = "cli.sieve.activated" if name is not None else "cli.sieve.deactivated"
    app.done(key, {"address": address, "active": name}, script=name, address=address)


@frame.command(sieve, "check")
@argument("path", metavar="PATH", type=click.Path(exists=True, path_type=Path), text_key="sieve_path")
@argument("message", metavar="[MESSAGE]", required=False, type=click.Path(exists=True, path_type=Path))
@option("--sender", metavar="ADDRESS", default="sender@example.org", show_default=True)
@option("--recipient", metavar="ADDRESS", default="recipient@example.org", show_default=True)
@click.pass_obj
def check(app: App, path: Path, message: Path | None, sender: str, recipient: str) -> None:
    """With a message: what the script would do with it. Nothing is done."""
    from sieve.run import Message, ScriptFailed, run  # noqa: PLC0415 - when needed
    from sieve.run.environment import Envelope  # noqa: PLC0415 - when needed

    script = compiled(path.read_bytes(), path.name)
    if message is None:
        app.done("cli.sieve.valid", None, script=path.name)
        return
    try:
        outcome = run(script, Message(message.read_bytes()), _Nowhere(Envelope(sender, recipient)))
    except ScriptFailed as failed:
        raise CommandFailed("cli.sieve.wrong", script=path.name, why=failed) from failed
    rows = []
    for action in outcome.actions:
        given = {key: value for key, value in asdict(action).items() if value not in (None, "", (), False)}
        details = ", ".join(f"{key}={_plain(value)}" for key, value in given.items())
        rows.append({"action": type(action).__name__.lower(), "details": details})
    app.rows(("action", "details"), rows)


def _plain(value: object) -> str:
    if isinstance(value, bytes):  # a header that the script edited
        return "edited"
    return " ".join(map(str, value)) if isinstance(value, tuple | list) else str(value)


class _Nowhere:
    """The surroundings of a script that is only tried: every mailbox is there, nothing was seen."""

    user = ""

    def __init__(self, envelope: object) -> None:
        from sieve.run.environment import Envelope  # noqa: PLC0415 - when needed

        assert isinstance(envelope, Envelope)
        self.envelope = envelope

    def now(self) -> datetime:
        return datetime.now().astimezone()

    def item(self, name: str) -> str | None:
        return {"location": "MDA", "phase": "during", "name": "Optimails"}.get(name)

    def mailbox_exists(self, name: str) -> bool:
        return bool(name)

    def mailbox_id_exists(self, identity: str) -> bool:
        return not identity

    def special_use_exists(self, use: str, mailbox: str | None) -> bool:
        return bool(use) and mailbox is None

    def annotation(self, mailbox: str | None, entry: str) -> str | None:
        del mailbox, entry
        return None

    def included(self, name: str, *, everybodys: bool) -> "Script | None":
        del name, everybodys
        return None

    def seen(self, key: bytes) -> bool:
        return not key
