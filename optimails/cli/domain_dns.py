"""``optimails domain dns`` and ``optimails domain dkim``: what a domain needs in the DNS, and its signing keys."""

import asyncio
from typing import TYPE_CHECKING

import click

from optimails.cli import frame
from optimails.cli.app import App
from optimails.cli.errors import CommandFailed, Exit
from optimails.cli.frame import argument, option, say
from optimails.model.address import domain_name

if TYPE_CHECKING:
    from optimails.directory.admin import DomainInfo
    from optimails.dkim import KeyStore, SigningKey
    from optimails.dns.check import Checked
    from optimails.dns.records import Record


def add_to(domain: frame.Group) -> None:
    """The two commands, as part of ``optimails domain``."""

    @frame.command(domain, "dns")
    @argument("name", metavar="DOMAIN", text_key="domain")
    @option("--check", is_flag=True)
    @click.pass_obj
    def dns(app: App, name: str, check: bool) -> int | None:
        return show(app, _known(app, name), check=check)

    @frame.command(domain, "dkim")
    @argument("name", metavar="DOMAIN", text_key="domain")
    @option("--rotate", is_flag=True)
    @click.pass_obj
    def dkim(app: App, name: str, rotate: bool) -> None:
        keys(app, _known(app, name), rotate=rotate)


def show(app: App, info: "DomainInfo", *, check: bool) -> int | None:
    """All records; with ``check``, whether they are there. The exit code says so as well."""
    from optimails.dns.records import records_for, sts_policy  # noqa: PLC0415 - when needed
    from optimails.model.dns_name import ascii_name  # noqa: PLC0415 - when needed
    from webmail.servers import services_of  # noqa: PLC0415 - when needed

    hostname = app.config.server.hostname
    if "." not in hostname:
        raise CommandFailed("cli.dns.no_hostname", hostname=hostname)
    found = [(key.selector, key.record) for key in _store(app).all(ascii_name(info.name))]
    postmaster = info.postmaster or f"postmaster@{ascii_name(info.name)}"
    services = services_of(app.config)
    records = records_for(info.name, hostname, dkim=found, postmaster=postmaster, services=services)
    if check:
        return _checked(app, records)
    policy = sts_policy([ascii_name(hostname)])
    if app.json:
        app.done("cli.nothing", {"records": [_row(one) for one in records], "mta_sts_policy": policy})
        return None
    purpose = ""
    for record in records:
        if record.purpose != purpose:
            purpose = record.purpose
            click.echo(f"\n; {say(f'cli.dns.purpose.{purpose}')}")
        click.echo(record.zone_line)
    if not found:
        click.echo(f"\n; {say('cli.dns.no_dkim', name=info.name)}")
    click.echo(f"\n; {say('cli.dns.policy', url=f'https://mta-sts.{ascii_name(info.name)}/.well-known/mta-sts.txt')}")
    for line in policy.splitlines():
        click.echo(f";   {line}")
    return None


def _checked(app: App, records: list["Record"]) -> int | None:
    from optimails.dns import Resolver  # noqa: PLC0415 - when needed
    from optimails.dns.check import Standing, check  # noqa: PLC0415 - when needed

    async def ask() -> list["Checked"]:
        return await check(Resolver(app.config.dns), records)

    results = asyncio.run(ask())
    rows = [
        _row(one.record) | {"standing": one.standing.value, "found": list(one.found), "needed": one.record.needed}
        for one in results
    ]
    show = {
        "standing": lambda value: say(f"cli.dns.standing.{value}"),
        "found": lambda value: "; ".join(value)[:60] or None,
    }
    app.rows(("name", "type", "standing", "found"), rows, show)
    if any(one.standing is Standing.UNKNOWN for one in results):
        return Exit.TEMPORARY
    wrong = any(one.standing is not Standing.PRESENT and one.record.needed for one in results)
    return Exit.FOUND if wrong else None


def keys(app: App, info: "DomainInfo", *, rotate: bool) -> None:
    """Make keys where there are none, or new ones with ``rotate``, and show the records of those that sign."""
    from optimails.dns.records import Record  # noqa: PLC0415 - when needed
    from optimails.model.dns_name import ascii_name  # noqa: PLC0415 - when needed

    store, name = _store(app), ascii_name(info.name)
    active = store.active(name)
    made: tuple[SigningKey, ...] = ()
    if rotate or not active:
        active = made = store.make(name)
    records = [Record(f"{key.selector}._domainkey.{name}", "TXT", key.record, "dkim") for key in active]
    if app.json:
        app.done("cli.nothing", {"made": bool(made), "records": [_row(one) for one in records]})
        return
    click.echo(f"; {say('cli.dns.keys_made' if made else 'cli.dns.keys_kept', name=info.name)}")
    for record in records:
        click.echo(record.zone_line)


def _known(app: App, name: str) -> "DomainInfo":
    wanted = domain_name(name)
    found = next((info for info in app.admin.domain_list() if info.name == wanted), None)
    if found is None:
        raise CommandFailed("cli.refused.no_domain", name=wanted)
    return found


def _store(app: App) -> "KeyStore":
    from optimails.dkim import KeyStore  # noqa: PLC0415 - when needed

    return KeyStore(app.own_data() / "dkim")


def _row(record: "Record") -> dict[str, object]:
    return {"name": record.name, "type": record.kind, "value": record.value, "purpose": record.purpose}
