"""``optimails track``: where a message is, and why."""

from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from optimails.cli import frame
from optimails.cli.app import App
from optimails.cli.errors import CommandFailed
from optimails.cli.filtering import explained, row, shows, with_ledger
from optimails.cli.frame import argument, option
from optimails.cli.output import print_json, size

if TYPE_CHECKING:
    from securemail.ledger.ledger import Ledger
    from securemail.ledger.reading import Tracked
    from securemail.ledger.values import Step

track = frame.group("track")
_DATE = click.DateTime(["%Y-%m-%d", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S"])


@frame.command(track, "find")
@option("--sender", metavar="ADDRESS|@DOMAIN", default="", text_key="quarantine_sender")
@option("--recipient", metavar="ADDRESS|@DOMAIN", default="", text_key="quarantine_recipient")
@option("--subject", metavar="TEXT", default="", text_key="quarantine_subject")
@option("--message-id", metavar="ID", default="", text_key="track_message_id")
@option("--domain", metavar="DOMAIN", text_key="track_domain")
@option("--state", "states", multiple=True, metavar="STATE", text_key="track_state")
@option("--since", type=_DATE, text_key="track_since")
@option("--until", type=_DATE, text_key="track_until")
@option("--limit", type=click.IntRange(1), default=100, show_default=True, text_key="queue_limit")
@click.pass_obj
def find(  # noqa: PLR0913 - one for each option
    app: App,
    /,
    *,
    domain: str | None,
    states: tuple[str, ...],
    since: datetime | None,
    until: datetime | None,
    limit: int,
    **wanted: str,
) -> None:
    """One line for each recipient, the newest first."""
    from securemail.ledger.reading import Search  # noqa: PLC0415 - when needed
    from securemail.ledger.values import State  # noqa: PLC0415 - when needed

    unknown = set(states) - {one.value for one in State}
    if unknown:
        raise CommandFailed("cli.error.track_state", states=", ".join(one.value for one in State))
    search = Search(
        domains=(domain.lower(),) if domain else (),
        states=tuple(State(one) for one in states),
        since=since.timestamp() if since else 0.0,
        until=until.timestamp() if until else None,
        limit=limit,
        **wanted,  # type: ignore[arg-type]  # addresses and texts
    )
    found = with_ledger(app, lambda ledger: ledger.find(search))
    rows = [row(message, entry) for message in found for entry in message.recipients]
    app.rows(("message", "arrived", "sender", "address", "subject", "state", "rule"), rows, shows(app))


@frame.command(track, "show")
@argument("message", metavar="MESSAGE", text_key="queue_message")
@click.pass_obj
def show(app: App, message: str) -> None:
    """Every step of it, what was found, and which rules decided."""

    async def work(ledger: "Ledger") -> "tuple[Tracked | None, list[Step]]":
        return await ledger.message(message), await ledger.steps(message)

    found, steps = with_ledger(app, work)
    if found is None:
        raise CommandFailed("cli.error.queue_unknown", message=message)
    entries = [row(found, entry) for entry in found.recipients]
    journal: list[dict[str, Any]] = [
        {"changed": one.at, "address": one.address, "act": one.what, "details": one.detail, "actor": one.actor}
        for one in steps
    ]
    facts = [
        {"symbol": one.symbol, "weight": one.weight, "seen": list(one.evidence), "analyser": one.analyser}
        for one in found.findings.facts
    ]
    if app.json:
        print_json({**entries[0], "recipients": entries, "facts": facts, "steps": journal})
        return
    for entry in found.recipients:
        app.record(row(found, entry), {**shows(app), "size": size, "subject": str})
        if entry.decision:
            click.echo("\n".join(explained(entry.decision)))
        click.echo()
    if facts:
        app.rows(("symbol", "weight", "seen", "analyser"), facts, {"seen": ", ".join})
        click.echo()
    app.rows(("changed", "address", "act", "details", "actor"), journal, shows(app))
