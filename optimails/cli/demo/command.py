"""``optimails demo``: a service to try out. Everything lies in one folder; deleting it ends the demo."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from optimails.cli import frame, service_file
from optimails.cli.app import App
from optimails.cli.errors import Exit
from optimails.cli.frame import option, say
from optimails.cli.output import print_json, progress, size, table
from optimails.cli.prepare import prepare
from optimails.cli.start import check_sockets, describe, run_service

_root = frame.Group("")
FILLED = ".demo-filled"


@frame.command(_root, "demo")
@option(
    "--data", type=click.Path(file_okay=False, path_type=Path), default=Path("var"), metavar="DIR", text_key="demo_data"
)
@option("--no-serve", is_flag=True)
@click.pass_context
def demo(context: click.Context, data: Path, no_serve: bool) -> int:
    """The second start finds everything and keeps it."""
    file = data / service_file.FILE_NAME
    language = frame.language()
    made = prepare(data, hostname="localhost", language=language, high_ports=True, log="optimails.log", filtered=True)
    app = App(context, file)
    for item in made:
        if item.new and not app.json:
            click.echo(describe(item))
    if not no_serve:
        check_sockets(app)
    _fill(app, data)
    _print(app, data)
    if no_serve:
        return Exit.OK
    code = run_service(app, None)
    if code:
        click.echo(say("cli.demo.failed", log=data / "optimails.log"), err=True)
    else:
        click.echo(say("cli.demo.ended", data=data))
    return code


def _fill(app: App, data: Path) -> None:
    """Company, mail and calendars, once: what the user deletes later stays deleted."""
    from optimails.cli.demo import agenda, company  # noqa: PLC0415 - when needed

    secrets = company.passwords(data)
    if (data / FILLED).exists():
        return
    accounts = company.found(app.admin, secrets)
    with progress(say("cli.demo.filling"), 20) as step:
        asyncio.run(company.fill(app, accounts, step))
    agenda.fill(app, company.shortly(accounts), datetime.now().astimezone())
    (data / FILLED).touch()


def _print(app: App, data: Path) -> None:
    from optimails.cli.demo import company  # noqa: PLC0415 - when needed

    secrets = company.passwords(data)
    listeners = [
        {"protocol": entry.protocol.value, "host": entry.host or "*", "port": entry.port, "tls": entry.tls.value}
        for entry in app.config.listener
    ]
    accounts = [
        {
            "name": info.name,
            "plan": info.plan,
            "storage_limit": info.limits.storage,
            "login": info.address,
            "password": secrets[info.address],
        }
        for info in app.admin.account_list(company.DOMAIN)
        if info.address in secrets
    ]
    certificate = app.config.tls.certificate
    if app.json:
        print_json(
            {"listeners": listeners, "accounts": accounts, "certificate": certificate, "config": app.config_file}
        )
        return
    click.echo()
    click.echo(say("cli.demo.listeners"))
    click.echo(_table(listeners, {"tls": lambda value: say(f"cli.tls.{value}"), "protocol": str.upper, "port": str}))
    if app.config.management.address:
        click.echo(say("cli.demo.management", address=app.config.management.address))
    click.echo()
    click.echo(say("cli.demo.accounts"))
    click.echo(_table(accounts, {"storage_limit": size, "plan": str.upper}))
    click.echo(say("cli.demo.aliases", aliases=", ".join(alias for alias, _ in company.ALIASES)))
    click.echo()
    click.echo(say("cli.demo.certificate", path=_near(certificate)))
    click.echo(say("cli.demo.stop", data=data))


def _table(rows: Sequence[dict[str, Any]], show: dict[str, Callable[[Any], object]]) -> str:
    columns = list(rows[0]) if rows else []
    cells = [[show.get(column, str)(row[column]) for column in columns] for row in rows]
    return table([say(f"cli.column.{column}") for column in columns], cells)


def _near(path: Path) -> Path:
    try:
        return path.relative_to(Path.cwd())
    except ValueError:
        return path
