"""``optimails import`` and ``export``: mail from and to the forms that other programs read."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from optimails.cli import frame
from optimails.cli.app import App
from optimails.cli.errors import Exit
from optimails.cli.frame import argument, option, say
from optimails.cli.mail import open_account, with_mail
from optimails.cli.output import print_json, progress

if TYPE_CHECKING:
    from optimails.mailbox.account import LocalAccountMail
    from optimails.mailbox.transfer import Transferred

FORMS = ("maildir", "mbox", "eml")
_root = frame.Group("")


@frame.command(_root, "import")
@argument("form", metavar="maildir|mbox|eml", type=click.Choice(FORMS))
@argument("path", metavar="PATH", type=click.Path(exists=True, path_type=Path))
@option("--account", required=True, metavar="ADDRESS")
@option("--mailbox", metavar="NAME", text_key="mailbox_into")
@click.pass_obj
def import_(app: App, form: str, path: Path, account: str, mailbox: str | None) -> int:
    """What cannot be taken is named, and the exit code is 3; the rest is in."""
    from optimails.mailbox.transfer import count, import_mail  # noqa: PLC0415 - when needed

    owner = open_account(app, account)
    with progress(say("cli.import.progress"), count(form, path)) as step:
        done = with_mail(app, owner, lambda mail: import_mail(mail, form, path, mailbox, step))
    if app.json:
        skipped = [{"place": place, "reason": reason} for place, reason in done.skipped]
        print_json({"messages": done.messages, "mailboxes": done.mailboxes, "skipped": skipped})
    else:
        for place, reason in done.skipped:
            click.echo(say("cli.import.skipped", place=place, reason=reason), err=True)
        click.echo(say("cli.import.done", count=done.messages, mailboxes=done.mailboxes, address=owner.address))
    return Exit.FOUND if done.skipped else Exit.OK


@frame.command(_root, "export")
@argument("path", metavar="PATH", type=click.Path(path_type=Path), text_key="export_path")
@option("--account", required=True, metavar="ADDRESS")
@option("--mailbox", metavar="NAME", text_key="mailbox_only")
@option("--format", "form", type=click.Choice(FORMS[:2]), default="maildir", show_default=True)
@click.pass_obj
def export(app: App, path: Path, account: str, mailbox: str | None, form: str) -> None:
    """Never writes over what is there: PATH must be new or empty."""
    from optimails.mailbox.transfer import export_mail  # noqa: PLC0415 - when needed

    owner = open_account(app, account)

    async def work(mail: "LocalAccountMail") -> "Transferred":
        total = (await mail.usage()).messages
        with progress(say("cli.export.progress"), total) as step:
            return await export_mail(mail, form, path, mailbox, step)

    done = with_mail(app, owner, work)
    answer = {"messages": done.messages, "mailboxes": done.mailboxes, "path": path}
    app.done("cli.export.done", answer, count=done.messages, mailboxes=done.mailboxes, path=path)
