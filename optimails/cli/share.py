"""``optimails share``: folders and calendars of a domain, and what is shared with somebody."""

import asyncio
from typing import TYPE_CHECKING, Any

import click

from optimails.cli import frame, share_collections
from optimails.cli.app import App
from optimails.cli.errors import CommandFailed
from optimails.cli.frame import argument, option, say
from optimails.cli.mail import account_of, open_account, service, with_mail
from optimails.cli.sharing import MAILBOX, object_named, owner_of, tell
from optimails.model.account import Account
from optimails.model.rights import Answer, Entry, Kind, Object, answer_to, letters

if TYPE_CHECKING:
    from optimails.mailbox.account import LocalAccountMail

share = frame.group("share")
_kind = option(
    "--kind",
    type=click.Choice([MAILBOX, *share_collections.KINDS]),
    default=MAILBOX,
    show_default=True,
    text_key="share_kind",
)


@frame.command(share, "create")
@argument("name", metavar="DOMAIN", text_key="domain")
@argument("mailbox", metavar="FOLDER", text_key="share_folder")
@option("--for", "identifier", metavar="IDENTIFIER", default="anyone", show_default=True, text_key="share_for")
@option("--rights", metavar="RIGHTS", default="reader", show_default=True, text_key="share_rights")
@option("--plan", metavar="PLAN", default="basic", show_default=True, text_key="share_plan")
@_kind
@click.pass_obj
def create(app: App, /, name: str, mailbox: str, **given: str) -> None:
    """The first folder of a domain also makes the account that holds them; its limits are those of the plan."""
    from optimails.acl.bundles import named_rights  # noqa: PLC0415 - when needed

    wanted = named_rights(given["rights"])
    owner = account_of(app.admin.account_get(app.admin.folders_account(name, create=True, plan=given["plan"])))
    who = app.admin.identify(given["identifier"], owner)

    async def make(mail: "LocalAccountMail") -> str:
        return (await mail.create(mailbox)).object_id

    kind = given["kind"]
    if kind == MAILBOX:
        on = Object(Kind.MAILBOX, with_mail(app, owner, make))
    else:
        on = share_collections.create(app, owner, mailbox, kind)
    app.admin.acl_put(owner, on, Entry(who, wanted))
    tell(app, owner)
    shown = app.admin.identifiers_shown([who])[who]
    answer = {"domain": name, "mailbox": mailbox, "identifier": shown, "rights": letters(wanted), "account": owner.id}
    app.done("cli.share.created", answer, **answer)


@frame.command(share, "delete")
@argument("name", metavar="DOMAIN", text_key="domain")
@argument("mailbox", metavar="FOLDER", text_key="share_folder")
@_kind
@click.pass_obj
def delete(app: App, name: str, mailbox: str, kind: str) -> None:
    """Messages are expunged; ``optimails undelete`` brings them back for the plan's time."""
    owner = owner_of(app, name)

    async def drop(mail: "LocalAccountMail") -> None:
        from optimails.model.mailbox_name import canonical  # noqa: PLC0415 - when needed

        await mail.delete(canonical(mailbox))

    if kind == MAILBOX:
        on = object_named(app, owner, mailbox)
        with_mail(app, owner, drop)
    else:
        on = share_collections.delete(app, owner, mailbox, kind)
    app.admin.acl_forget(owner.id, on)
    tell(app, owner)
    app.done("cli.share.deleted", {"domain": name, "mailbox": mailbox}, mailbox=mailbox)


@frame.command(share, "list")
@argument("address", metavar="ADDRESS", text_key="share_viewer")
@click.pass_obj
def list_(app: App, address: str) -> None:
    """Mailboxes as mail programs name them, calendars as OWNER/NAME, with what was answered."""
    viewer = open_account(app, address)
    rows = [
        {
            "mailbox": str(line["mailbox"]),
            "kind": line["kind"],
            "owner": str(line["owner"]),
            "rights": line["rights"],
            "through": line["through"],
            "answer": line["answer"],
        }
        for line in _shared(app, viewer)
    ]
    show = {
        "kind": lambda word: say(f"cli.share.kind_{word}"),
        "through": lambda word: say(f"cli.acl.through_{word}"),
        "answer": lambda word: say(f"cli.share.answer_{word}"),
    }
    app.rows(("mailbox", "kind", "owner", "rights", "through", "answer"), rows, show)


@frame.command(share, "accept")
@argument("address", metavar="ADDRESS", text_key="share_viewer")
@argument("mailbox", metavar="MAILBOX", text_key="share_mailbox")
@click.pass_obj
def accept(app: App, address: str, mailbox: str) -> None:
    """Calendars and address books then stand in the account's own home. To subscribe to a mailbox does the same."""
    _answer(app, address, mailbox, Answer.ACCEPTED)


@frame.command(share, "refuse")
@argument("address", metavar="ADDRESS", text_key="share_viewer")
@argument("mailbox", metavar="MAILBOX", text_key="share_mailbox")
@click.pass_obj
def refuse(app: App, address: str, mailbox: str) -> None:
    """It is not listed any more, until it is accepted."""
    _answer(app, address, mailbox, Answer.REFUSED)


def _answer(app: App, address: str, mailbox: str, answer: Answer) -> None:
    viewer = open_account(app, address)
    for line in _shared(app, viewer):
        if str(line["mailbox"]) == mailbox:
            on = line["object"] if line["offered"] else None
            app.admin.answer(viewer.id, line["owner_id"], on, answer)
            app.announce(viewer.id)
            app.done(f"cli.share.{answer}", {"mailbox": mailbox, "answer": answer.value}, mailbox=mailbox)
            return
    raise CommandFailed("cli.error.not_shared", mailbox=mailbox, address=address)


def _shared(app: App, viewer: Account) -> list[dict[str, Any]]:
    return [*_mailboxes(app, viewer), *share_collections.shared_with(app, viewer)]


def _mailboxes(app: App, viewer: Account) -> list[dict[str, Any]]:
    """Every mailbox of others that the viewer may look up."""
    from optimails.mailbox.sharing.neighbours import object_of, rows_of  # noqa: PLC0415 - when needed
    from optimails.mailbox.sharing.places import name_for_others  # noqa: PLC0415 - when needed
    from optimails.model.rights import Right  # noqa: PLC0415 - when needed

    admin = app.admin
    offers = admin.offers(viewer, Kind.MAILBOX)
    owners = {offer.owner: account_of(admin.account_get(offer.owner)) for offer in offers}

    async def visit() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        async with service(app) as mail:
            for owner in owners.values():
                mine = [offer for offer in offers if offer.owner == owner.id]
                async with await mail.open(owner) as opened:
                    for row in rows_of(opened):
                        on = object_of(row)
                        effective = admin.effective(viewer.id, owner.id, on)
                        if effective.may(Right.LOOKUP):
                            answer = answer_to(on, mine)
                            line = {
                                "mailbox": name_for_others(owner, row.name),
                                "kind": MAILBOX,
                                "owner": owner.address,
                                "rights": letters(effective.rights),
                                "through": effective.through.value,
                                "answer": answer.value if answer else "offered",
                                "object": on,
                                "offered": any(offer.object == on for offer in mine),
                                "owner_id": owner.id,
                            }
                            found.append(line)
        return found

    return asyncio.run(visit())
