"""``optimails sieve``, continued: scripts over mail that lies in mailboxes already."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import click

from optimails.cli import frame
from optimails.cli.app import App
from optimails.cli.errors import CommandFailed, Exit
from optimails.cli.frame import argument, option, say
from optimails.cli.mail import open_account, service, with_mail
from optimails.cli.output import print_json, progress
from optimails.cli.sieve import compiled, files_of, sieve

if TYPE_CHECKING:
    from optimails.delivery.filters import Filters
    from optimails.delivery.scripts import ScriptFiles
    from optimails.delivery.stored.decide import Wish
    from optimails.mailbox.service import LocalMailService
    from optimails.model.account import Account
    from sieve.language import Script

__all__ = ["sieve"]


@frame.command(sieve, "attach")
@argument("address", metavar="ADDRESS")
@argument("name", metavar="[NAME]", required=False, text_key="sieve_name_or_none")
@option("--mailbox", metavar="MAILBOX", text_key="sieve_mailbox")
@click.pass_obj
def attach(app: App, address: str, name: str | None, mailbox: str | None) -> None:
    """Without a mailbox: for all that have no script of their own."""
    from optimails.delivery.stored.rules import ENTRY  # noqa: PLC0415 - when needed
    from optimails.mailbox.api import AnnotationLimits  # noqa: PLC0415 - when needed
    from optimails.model.mailbox_name import canonical  # noqa: PLC0415 - when needed

    owner = open_account(app, address)
    if name is not None:
        compiled(files_of(app, address).get(name), name)
    settings = app.config.imap
    limits = AnnotationLimits(settings.metadata_entries, settings.metadata_total)
    value = None if name is None else name.encode()
    place = None if mailbox is None else canonical(mailbox)
    with_mail(app, owner, lambda mail: mail.annotations.set(place, {ENTRY: value}, limits))
    key = "cli.sieve.attached" if name is not None else "cli.sieve.detached"
    answer = {"address": address, "mailbox": mailbox, "script": name}
    app.done(key, answer, script=name, mailbox=mailbox or say("cli.sieve.everywhere"), address=address)


@frame.command(sieve, "mailboxes")
@argument("address", metavar="ADDRESS")
@click.pass_obj
def mailboxes(app: App, address: str) -> None:
    from optimails.delivery.stored.rules import ENTRY  # noqa: PLC0415 - when needed

    owner = open_account(app, address)
    files = files_of(app, address)
    found = with_mail(app, owner, lambda mail: mail.annotations.everywhere((ENTRY,)))
    rows = []
    for mailbox, values in sorted(found.items(), key=lambda item: item[0] or ""):
        script = values[ENTRY].decode("utf-8", "replace")
        rows.append({"mailbox": mailbox, "script": script, "trouble": _trouble(files, script)})
    app.rows(("mailbox", "script", "trouble"), rows, {"mailbox": lambda name: name or say("cli.sieve.everywhere")})


def _trouble(files: "ScriptFiles", script: str) -> str | None:
    """Why it cannot run."""
    from optimails.model.errors import MailError  # noqa: PLC0415 - when needed

    if not script:
        return None
    try:
        compiled(files.get(script), script)
    except (CommandFailed, MailError) as wrong:
        return str(wrong)
    return None


@dataclass(slots=True)
class _Report:
    messages: int = 0
    actions: dict[str, int] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    wishes: list[dict[str, object]] = field(default_factory=list)  # of a dry run


@frame.command(sieve, "apply")
@argument("script", metavar="SCRIPT", text_key="sieve_script")
@option("--account", required=True, metavar="ADDRESS")
@option("--mailbox", metavar="MAILBOX", default="INBOX", show_default=True, text_key="sieve_apply_mailbox")
@option("--dry-run", is_flag=True, text_key="sieve_dry_run")
@option("--expunge", is_flag=True, text_key="sieve_expunge")
@click.pass_obj
def apply(  # noqa: PLR0913 - what the command line says
    app: App, script: str, account: str, mailbox: str, *, dry_run: bool, expunge: bool
) -> int:
    owner = open_account(app, account)
    path = Path(script)
    content = path.read_bytes() if path.is_file() else files_of(app, account).get(script)
    ready = compiled(content, path.name)
    report = asyncio.run(_apply(app, owner, mailbox, (path.name, ready), dry_run=dry_run, expunge=expunge))
    if app.json:
        print_json({name: value for name, value in asdict(report).items() if name != "wishes" or dry_run})
    else:
        if dry_run:
            app.rows(("uid", "actions"), report.wishes, {"actions": ", ".join})
        for problem in report.problems:
            click.echo(problem, err=True)
        click.echo(say("cli.sieve.tried" if dry_run else "cli.sieve.applied", count=report.messages))
        for name, count in report.actions.items():
            click.echo(f"  {name}: {count}")
    return Exit.FOUND if report.problems else Exit.OK


async def _apply(  # noqa: PLR0913 - what the command line says
    app: App, owner: "Account", mailbox: str, script: "tuple[str, Script]", *, dry_run: bool, expunge: bool
) -> _Report:
    from optimails.delivery.stored.carry import BATCH, StoredScripts  # noqa: PLC0415 - when needed
    from optimails.model.mailbox_name import canonical  # noqa: PLC0415 - when needed

    report = _Report()
    name = canonical(mailbox)
    about = {"imap.user": str(owner.address), "imap.email": str(owner.address), "imap.mailbox": str(name)}
    async with (
        service(app) as mail,
        _filters(app, mail) as filters,
        await mail.open(owner) as opened,
        StoredScripts(filters, opened, name, [script], about, expunge=expunge) as stored,
    ):
        uids = await stored.all_uids()
        with progress(say("cli.sieve.progress"), len(uids)) as step:
            for at in range(0, len(uids), BATCH):
                wishes = await stored.wishes(uids[at : at + BATCH])
                if dry_run:
                    report.wishes += _shown(wishes)
                else:
                    await stored.carry_out(wishes)
                step(len(uids[at : at + BATCH]))
        tally = stored.tally
    report.messages, report.problems = tally.messages, tally.problems
    report.actions = dict(sorted(tally.actions.items()))
    return report


@asynccontextmanager
async def _filters(app: App, mail: "LocalMailService") -> "AsyncIterator[Filters]":
    """What carries scripts out, also what they send."""
    from optimails.cli.queue import opened_queue  # noqa: PLC0415 - when needed
    from optimails.delivery.local import LocalDelivery  # noqa: PLC0415 - when needed
    from optimails.directory.database import open_database  # noqa: PLC0415 - when needed
    from optimails.directory.local import LocalDirectory  # noqa: PLC0415 - when needed

    config = app.config
    with closing(open_database(config.directory, config.server.data)) as database, opened_queue(app) as queue:
        directory = LocalDirectory(database, config.directory, config.ldap)
        try:
            yield LocalDelivery(directory, mail, config, queue).filters
        finally:
            await directory.close()


def _shown(wishes: "list[Wish]") -> list[dict[str, object]]:
    """Only messages that something would become of."""
    rows: list[dict[str, object]] = []
    for wish in wishes:
        texts = [f"fileinto {action.mailbox}" for action in wish.files]
        texts += [f"redirect {action.address}" for action in wish.redirects]
        texts += [f"notify {note.method}" for note, _, _ in wish.notes]
        if wish.kept:
            added, removed = wish.changes
            texts += [f"+{name}" for name in sorted(added)] + [f"-{name}" for name in sorted(removed)]
        else:
            texts.append("discard")
        if texts:
            rows.append({"uid": wish.uid, "actions": texts})
    return rows
