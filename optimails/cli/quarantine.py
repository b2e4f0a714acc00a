"""``optimails quarantine``: what the filter keeps, and what somebody decides about it."""

import sys
from typing import TYPE_CHECKING

import click

from optimails.cli import frame
from optimails.cli.app import App
from optimails.cli.audit import actor
from optimails.cli.errors import CommandFailed
from optimails.cli.filtering import explained, row, shows, with_ledger
from optimails.cli.frame import argument, option, say
from optimails.cli.output import print_json, size

if TYPE_CHECKING:
    from securemail.ledger.ledger import Ledger
    from securemail.ledger.reading import Tracked

quarantine = frame.group("quarantine")


@frame.command(quarantine, "list")
@option("--domain", metavar="DOMAIN", text_key="quarantine_domain")
@option("--recipient", metavar="ADDRESS|@DOMAIN", default="", text_key="quarantine_recipient")
@option("--sender", metavar="ADDRESS|@DOMAIN", default="", text_key="quarantine_sender")
@option("--subject", metavar="TEXT", default="", text_key="quarantine_subject")
@option("--zone", metavar="ZONE", default="", text_key="quarantine_zone")
@option("--limit", type=click.IntRange(1), default=100, show_default=True, text_key="queue_limit")
@click.pass_obj
def list_(app: App, /, domain: str | None, **wanted: str) -> None:
    """The newest first; what is held until somebody looks at it is among them."""
    from securemail.ledger.reading import Search  # noqa: PLC0415 - when needed
    from securemail.ledger.values import KEPT  # noqa: PLC0415 - when needed

    search = Search(domains=(domain.lower(),) if domain else (), states=KEPT, **wanted)  # type: ignore[arg-type]
    found = with_ledger(app, lambda ledger: ledger.find(search))
    rows = [row(message, entry) for message in found for entry in message.recipients if entry.state in KEPT]
    app.rows(("message", "arrived", "sender", "address", "subject", "zone", "rule", "expires"), rows, shows(app))


@frame.command(quarantine, "show")
@argument("message", metavar="MESSAGE", text_key="queue_message")
@option("--header", is_flag=True, text_key="quarantine_header")
@click.pass_obj
def show(app: App, message: str, header: bool) -> None:
    """What was found, and why it is here; with --header the header of the message as it came."""
    found = _found(app, message)
    entries = [row(found, entry) for entry in found.recipients]
    if app.json:
        print_json({**entries[0], "recipients": entries, "header": _header(app, message) if header else None})
        return
    for entry in found.recipients:
        app.record(row(found, entry), {**shows(app), "size": size, "subject": str})
        if entry.decision:
            click.echo("\n".join(explained(entry.decision)))
        click.echo()
    if header:
        click.echo(_header(app, message))


@frame.command(quarantine, "release")
@argument("message", metavar="MESSAGE", text_key="queue_message")
@option("--recipient", metavar="ADDRESS", multiple=True, text_key="quarantine_for")
@option("--infected", is_flag=True, text_key="quarantine_infected")
@click.pass_obj
def release(app: App, message: str, recipient: tuple[str, ...], infected: bool) -> None:
    """Delivered for certain, and not judged again. Infected mail needs --infected."""
    from securemail.case import Health  # noqa: PLC0415 - when needed

    found = _found(app, message)
    if found.findings.health is Health.INFECTED and not infected:
        raise CommandFailed("cli.error.quarantine_infected", message=message)
    who = actor()

    async def work(ledger: "Ledger") -> int:
        return sum([await ledger.release(message, address, who) for address in _chosen(found, recipient)])

    app.done("cli.quarantine.released", count=with_ledger(app, work))


@frame.command(quarantine, "delete")
@argument("message", metavar="MESSAGE", text_key="queue_message")
@option("--recipient", metavar="ADDRESS", multiple=True, text_key="quarantine_for")
@click.pass_obj
def delete(app: App, message: str, recipient: tuple[str, ...]) -> None:
    """For good; nobody is told."""
    from securemail.ledger.ledger import End  # noqa: PLC0415 - when needed
    from securemail.ledger.values import State  # noqa: PLC0415 - when needed

    found, who = _found(app, message), actor()

    async def work(ledger: "Ledger") -> int:
        ends = [
            await ledger.decide_again(message, address, End(State.DELETED), who)
            for address in _chosen(found, recipient)
        ]
        return sum(ends)

    app.done("cli.quarantine.deleted", count=with_ledger(app, work))


@frame.command(quarantine, "keep")
@argument("message", metavar="MESSAGE", text_key="queue_message")
@option("--days", type=click.IntRange(1, 3650), required=True, text_key="quarantine_days")
@click.pass_obj
def keep(app: App, message: str, days: int) -> None:
    """So many days from now, for all its recipients."""
    _found(app, message)
    app.done("cli.quarantine.kept", count=with_ledger(app, lambda ledger: ledger.keep_for(message, days, actor())))


@frame.command(quarantine, "read")
@argument("message", metavar="MESSAGE", text_key="queue_message")
@click.pass_obj
def read(app: App, message: str) -> None:
    """The whole message as it came, to standard output. It is somebody's mail: this is noted in the audit log."""
    from optimails.model.errors import Unavailable  # noqa: PLC0415 - when needed

    _found(app, message)

    async def work(ledger: "Ledger") -> None:
        content = ledger.contents.read(message)
        for piece in content.pieces():
            sys.stdout.buffer.write(piece)
        content.close()

    try:
        with_ledger(app, work)
    except Unavailable as wrong:
        raise CommandFailed("cli.error.quarantine_gone", message=message) from wrong
    sys.stdout.buffer.flush()


def _found(app: App, message: str) -> "Tracked":
    found = with_ledger(app, lambda ledger: ledger.message(message))
    if found is None:
        raise CommandFailed("cli.error.queue_unknown", message=message)
    return found


def _chosen(message: "Tracked", recipients: tuple[str, ...]) -> list[str]:
    wanted = {one.casefold() for one in recipients}
    return [one.address for one in message.recipients if not wanted or one.address.casefold() in wanted]


def _header(app: App, message: str) -> str:
    async def work(ledger: "Ledger") -> str:
        content = ledger.contents.read(message)
        try:
            header = content.header()
        finally:
            content.close()
        return header[0].decode("utf-8", "replace") if header else say("cli.nothing")

    return with_ledger(app, work)
