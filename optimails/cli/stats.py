"""``optimails stats``: what was received and sent, and what contracts count."""

from dataclasses import asdict

import click

from optimails.cli import frame
from optimails.cli.app import App
from optimails.cli.filtering import with_ledger
from optimails.cli.frame import option
from optimails.cli.output import size

stats = frame.group("stats")
_domain = option("--domain", "domains", metavar="DOMAIN", multiple=True, text_key="stats_domain")


@frame.command(stats, "daily")
@_domain
@option("--days", type=click.IntRange(1, 4000), default=30, show_default=True, text_key="stats_days")
@click.pass_obj
def daily(app: App, domains: tuple[str, ...], days: int) -> None:
    """A line for each day and side; the newest first."""
    found = with_ledger(app, lambda ledger: ledger.days(_lower(domains), days))
    rows = [asdict(one) for one in found]
    columns = ("day", "side", "messages", "bytes", "delivered", "kept", "refused", "spam", "infected")
    app.rows(columns, rows, {"bytes": size})


@frame.command(stats, "counters")
@_domain
@click.pass_obj
def counters(app: App, domains: tuple[str, ...]) -> None:
    """DEST-3M: recipients with mail in each of the last three whole months; DEST-30J, SEND-30J: within 30 days."""
    app.record(asdict(with_ledger(app, lambda ledger: ledger.counters(_lower(domains)))))


@frame.command(stats, "usage")
@_domain
@option("--days", type=click.IntRange(1, 366), default=30, show_default=True, text_key="stats_days")
@option("--beyond", is_flag=True, text_key="stats_beyond")
@click.pass_obj
def usage(app: App, domains: tuple[str, ...], days: int, *, beyond: bool) -> None:
    """Messages and bytes of each address, a day on average; fair use is 300 messages and 100 MB."""
    found = with_ledger(app, lambda ledger: ledger.usage(_lower(domains), days))
    rows = [{**asdict(one), "fair": one.fair} for one in found if not (beyond and one.fair)]
    shown = {"bytes": lambda count: size(int(count)), "messages": lambda count: f"{count:.1f}", "fair": app.yes_no}
    app.rows(("address", "messages", "bytes", "fair"), rows, shown)


def _lower(domains: tuple[str, ...]) -> list[str]:
    return [one.lower() for one in domains]
