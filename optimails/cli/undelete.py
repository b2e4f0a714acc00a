"""``optimails undelete``: what was expunged and can be brought back."""

from dataclasses import asdict
from datetime import datetime

import click

from optimails.cli import frame
from optimails.cli.app import App
from optimails.cli.frame import option, say
from optimails.cli.mail import open_account, with_mail
from optimails.cli.output import NOTHING, progress, size
from optimails.cli.values import Moment

_root = frame.Group("")


@frame.command(_root, "undelete")
@option("--account", required=True, metavar="ADDRESS")
@option("--mailbox", metavar="NAME", text_key="mailbox_only")
@option("--at", type=Moment(), metavar="TIME")
@option("--restore", is_flag=True, text_key="undelete_restore")
@click.pass_obj
def undelete(app: App, account: str, mailbox: str | None, at: datetime | None, restore: bool) -> None:
    """Shows; with --restore brings back. With --at only what was there at that time."""
    from optimails.mailbox.undelete import expunged, restore_expunged  # noqa: PLC0415 - when needed

    owner = open_account(app, account)
    found = with_mail(app, owner, lambda mail: expunged(mail, mailbox, at))
    if not restore:
        columns = ("mailbox", "expunged", "sender", "subject", "size")
        app.rows(columns, [asdict(message) for message in found], {"size": size})
        if found and not app.json:
            click.echo(say("cli.undelete.hint", count=len(found)))
        return
    with progress(say("cli.undelete.progress"), len(found)) as step:
        done = with_mail(app, owner, lambda mail: restore_expunged(mail, mailbox, at, step))
    answer = {"messages": done.messages, "mailboxes": done.mailboxes}
    app.done("cli.undelete.done", answer, count=done.messages, mailboxes=", ".join(done.mailboxes) or NOTHING)
