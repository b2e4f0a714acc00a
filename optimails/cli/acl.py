"""``optimails acl``: who may do what with somebody's mailboxes."""

from typing import Any

import click

from optimails.cli import frame
from optimails.cli.app import App
from optimails.cli.frame import argument, option, say
from optimails.cli.sharing import KINDS, MAILBOX, object_named, objects_of, owner_of, tell, tell_when_useless
from optimails.model.rights import NOTHING, Entry, Identifier, Who, letters

acl = frame.group("acl")
_kind = option("--kind", type=click.Choice(KINDS), default=MAILBOX, show_default=True, text_key="acl_kind")
_SIGNS = ("+", "-")


@frame.command(acl, "get")
@argument("address", metavar="ADDRESS|DOMAIN", text_key="acl_owner")
@argument("mailbox", metavar="[MAILBOX]", required=False, text_key="acl_mailbox_or_all")
@_kind
@click.pass_obj
def get(app: App, address: str, mailbox: str | None, kind: str) -> None:
    """Without a mailbox: those that are shared."""
    owner = owner_of(app, address)
    names = objects_of(app, owner, kind) if mailbox is None else {mailbox: object_named(app, owner, mailbox, kind)}
    shared = app.admin.sharing(owner.id)
    found = [(name, entry) for name, on in sorted(names.items()) for entry in shared.entries.get(on, ())]
    shown = app.admin.identifiers_shown([entry.identifier for _, entry in found])
    rows = [
        {
            "mailbox": name,
            "identifier": shown[entry.identifier],
            "rights": letters(entry.rights),
            "negative": entry.negative,
            "seen": "common" if names[name] in shared.common_seen else "own",
        }
        for name, entry in found
    ]
    show = {"negative": app.yes_no, "seen": lambda word: say(f"cli.acl.seen_{word}")}
    app.rows(("mailbox", "identifier", "rights", "negative", "seen"), rows, show)


@frame.command(acl, "set")
@argument("address", metavar="ADDRESS|DOMAIN", text_key="acl_owner")
@argument("mailbox", metavar="MAILBOX", text_key="acl_mailbox")
@argument("identifier", metavar="IDENTIFIER", text_key="acl_identifier")
@argument("rights", metavar="RIGHTS", text_key="acl_rights")
@option("--negative", is_flag=True, text_key="acl_negative")
@_kind
@click.pass_obj
def set_(app: App, /, address: str, mailbox: str, **given: Any) -> None:
    """``+`` before the rights adds to what is there, ``-`` (written ``-- -w``) takes away."""
    from optimails.acl.bundles import named_rights  # noqa: PLC0415 - when needed

    rights, negative = str(given["rights"]), bool(given["negative"])
    owner = owner_of(app, address)
    on = object_named(app, owner, mailbox, given["kind"])
    sign = rights[:1] if rights[:1] in _SIGNS else ""
    wanted = named_rights(rights.removeprefix(sign))
    who = app.admin.identify(given["identifier"], owner)
    before = next(
        (
            entry.rights
            for entry in app.admin.sharing(owner.id).entries.get(on, ())
            if entry.identifier == who and entry.negative == negative
        ),
        NOTHING,
    )
    now = {"": wanted, "+": before | wanted, "-": before & ~wanted}[sign]
    app.admin.acl_put(owner, on, Entry(who, now, negative))
    tell(app, owner)
    _done(app, mailbox, who, letters(now), negative=negative)
    if who.who is Who.USER and now and not negative:
        tell_when_useless(app, app.admin.identifiers_shown([who])[who], owner, on)


@frame.command(acl, "delete")
@argument("address", metavar="ADDRESS|DOMAIN", text_key="acl_owner")
@argument("mailbox", metavar="MAILBOX", text_key="acl_mailbox")
@argument("identifier", metavar="IDENTIFIER", text_key="acl_identifier")
@option("--negative", is_flag=True, text_key="acl_negative")
@_kind
@click.pass_obj
def delete(app: App, /, address: str, mailbox: str, **given: Any) -> None:
    """Good at once, also for who has the mailbox open."""
    negative = bool(given["negative"])
    owner = owner_of(app, address)
    who = app.admin.identify(given["identifier"], owner)
    app.admin.acl_put(owner, object_named(app, owner, mailbox, given["kind"]), Entry(who, NOTHING, negative))
    tell(app, owner)
    _done(app, mailbox, who, "", negative=negative)


@frame.command(acl, "rights")
@argument("address", metavar="ADDRESS|DOMAIN", text_key="acl_owner")
@argument("mailbox", metavar="MAILBOX", text_key="acl_mailbox")
@argument("viewer", metavar="VIEWER", text_key="acl_viewer")
@_kind
@click.pass_obj
def rights_(app: App, address: str, mailbox: str, viewer: str, kind: str) -> None:
    """What comes of entries, groups, delegations and plans together."""
    owner = owner_of(app, address)
    effective = app.admin.effective(viewer, owner.id, object_named(app, owner, mailbox, kind))
    row = {
        "mailbox": mailbox,
        "viewer": viewer,
        "rights": letters(effective.rights),
        "through": effective.through.value,
        "until": None if effective.until is None else int(effective.until),
    }
    app.record(row, {"through": lambda word: say(f"cli.acl.through_{word}"), "until": app.shown})


@frame.command(acl, "seen")
@argument("address", metavar="ADDRESS|DOMAIN", text_key="acl_owner")
@argument("mailbox", metavar="MAILBOX", text_key="acl_mailbox")
@argument("whose", metavar="own|common", type=click.Choice(["own", "common"]), text_key="acl_seen")
@click.pass_obj
def seen(app: App, address: str, mailbox: str, whose: str) -> None:
    """Own: what a visitor has read is read for him alone, which is how a mailbox begins."""
    owner = owner_of(app, address)
    app.admin.common_seen(owner.id, object_named(app, owner, mailbox), common=whose == "common")
    tell(app, owner)
    app.done(f"cli.acl.now_{whose}", {"mailbox": mailbox, "seen": whose}, mailbox=mailbox)


def _done(app: App, mailbox: str, who: Identifier, now: str, *, negative: bool) -> None:
    name = app.admin.identifiers_shown([who])[who]
    answer = {"mailbox": mailbox, "identifier": name, "rights": now, "negative": negative}
    key = "cli.acl.gone" if not now else "cli.acl.taken" if negative else "cli.acl.given"
    app.done(key, answer, mailbox=mailbox, identifier=name, rights=now)
