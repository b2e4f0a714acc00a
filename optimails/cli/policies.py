"""``optimails policy``: the rules of the mail filter, as TOML."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from optimails.cli import frame
from optimails.cli.app import App
from optimails.cli.audit import actor
from optimails.cli.errors import CommandFailed
from optimails.cli.filtering import shows, with_ledger
from optimails.cli.frame import argument, option, say
from optimails.cli.output import print_json

if TYPE_CHECKING:
    from securemail.ledger.ledger import Ledger
    from securemail.policy.document import Policy

policy = frame.group("policy")


@frame.command(policy, "list")
@click.pass_obj
def list_(app: App) -> None:
    """Scopes that have a policy; the built-in one counts where "global" is not among them."""
    found = with_ledger(app, lambda ledger: ledger.policies.newest())
    rows = [
        {"scope": one.scope, "version": one.version, "rules": len(one.policy.rule), "dial": one.policy.dial,
         "actor": one.author, "changed": one.at, "comment": one.comment}
        for one in found
    ]  # fmt: skip
    app.rows(("scope", "version", "rules", "dial", "actor", "changed", "comment"), rows, shows(app))


@frame.command(policy, "get")
@argument("scope", metavar="SCOPE", text_key="policy_scope")
@option("--version", "version", type=click.IntRange(1), text_key="policy_version")
@click.pass_obj
def get(app: App, scope: str, version: int | None) -> None:
    """As TOML that `policy put` takes; "global" begins with the built-in one."""
    from securemail.flow.judge import BUILTIN, GLOBAL, builtin  # noqa: PLC0415 - when needed

    name = _scope(app, scope)
    found = with_ledger(app, lambda ledger: ledger.policies.get(name, version))
    if found is None and (name != GLOBAL or version is not None):
        raise CommandFailed("cli.error.policy_none", scope=name)
    if app.json:
        values = (found.policy if found else builtin()).model_dump(mode="json", exclude_defaults=True)
        print_json({"scope": name, "version": found.version if found else 0, "policy": values})
        return
    click.echo(found.source if found else BUILTIN.read_text(), nl=False)


@frame.command(policy, "put")
@argument("scope", metavar="SCOPE", text_key="policy_scope")
@argument("file", type=click.File("r", encoding="utf-8"), text_key="policy_file")
@option("--comment", default="", text_key="policy_comment")
@option("--after", type=click.IntRange(0), text_key="policy_after")
@click.pass_obj
def put(app: App, scope: str, file: Any, comment: str, after: int | None) -> None:
    """A new version, in force at once; older ones stay. Nothing changes when the file has a mistake."""
    name, source, who = _scope(app, scope), file.read(), actor()
    _read(source, file.name)
    version = with_ledger(app, lambda ledger: ledger.policies.put(name, source, who, comment, after=after))
    app.done("cli.policy.written", scope=name, version=version)


@frame.command(policy, "check")
@argument("file", type=click.File("r", encoding="utf-8"), text_key="policy_file")
@click.pass_obj
def check(app: App, file: Any) -> None:
    """Whether a file could be put; exit code 0 when it could."""
    document = _read(file.read(), file.name)
    app.done("cli.policy.fine", rules=len(document.rule))


@frame.command(policy, "history")
@argument("scope", metavar="SCOPE", text_key="policy_scope")
@click.pass_obj
def history(app: App, scope: str) -> None:
    """The newest first; `policy get --version` shows one, `policy restore` puts it in force again."""
    name = _scope(app, scope)
    found = with_ledger(app, lambda ledger: ledger.policies.history(name))
    rows = [
        {"version": one.version, "changed": one.at, "actor": one.author, "rules": len(one.policy.rule),
         "comment": one.comment}
        for one in found
    ]  # fmt: skip
    app.rows(("version", "changed", "actor", "rules", "comment"), rows, shows(app))


@frame.command(policy, "restore")
@argument("scope", metavar="SCOPE", text_key="policy_scope")
@option("--version", "version", type=click.IntRange(1), required=True, text_key="policy_version")
@click.pass_obj
def restore(app: App, scope: str, version: int) -> None:
    """An older version becomes the newest one."""
    name, who = _scope(app, scope), actor()

    async def work(ledger: "Ledger") -> int | None:
        old = await ledger.policies.get(name, version)
        return await ledger.policies.put(name, old.source, who, f"as {version}") if old is not None else None

    new = with_ledger(app, work)
    if new is None:
        raise CommandFailed("cli.error.policy_none", scope=f"{name} {version}")
    app.done("cli.policy.written", scope=name, version=new)


@frame.command(policy, "dry-run")
@argument("scope", metavar="SCOPE", text_key="policy_scope")
@argument("file", type=click.File("r", encoding="utf-8"), text_key="policy_file")
@option("--days", type=click.IntRange(1, 365), default=7, show_default=True, text_key="policy_days")
@click.pass_obj
def dry_run(app: App, scope: str, file: Any, days: int) -> None:
    """What the file would have decided otherwise for mail of the last days; nothing is changed."""
    from securemail.flow.dry_run import differences  # noqa: PLC0415 - when needed

    name, document = _scope(app, scope), _read(file.read(), file.name)
    found = with_ledger(app, lambda ledger: differences(ledger, name, document, days))
    if app.json:
        print_json({"looked_at": found.looked_at, "unsure": found.unsure, "changes": found.rows})
        return
    app.rows(("arrived", "sender", "address", "subject", "before", "after", "rule"), found.rows, shows(app))
    click.echo(say("cli.policy.dry_run", looked_at=found.looked_at, changes=len(found.rows), unsure=found.unsure))


def _scope(app: App, text: str) -> str:
    """``global``, a domain or an account of ours as the scope that policies are kept under."""
    from optimails.model.address import EmailAddress  # noqa: PLC0415 - when needed
    from securemail.flow.judge import GLOBAL  # noqa: PLC0415 - when needed

    if text == GLOBAL:
        return GLOBAL
    if "@" in text:
        return f"user:{EmailAddress.parse(app.admin.account_get(text).address).key}"
    if text.lower() not in {one.name for one in app.admin.domain_list()}:
        raise CommandFailed("cli.error.policy_scope", scope=text)
    return f"domain:{text.lower()}"


def _read(text: str, source: str) -> "Policy":
    """Raises ``CommandFailed`` with every mistake and where it stands."""
    from securemail.policy.document import BadPolicy, parse  # noqa: PLC0415 - when needed

    try:
        return parse(text)
    except BadPolicy as wrong:
        raise CommandFailed("cli.error.policy_wrong", source=Path(source).name, why=str(wrong)) from wrong
