"""``optimails doctor``: do files, index and counters agree, and make them agree."""

import asyncio
from dataclasses import asdict
from typing import Any

import click

from optimails.cli import frame
from optimails.cli.app import App
from optimails.cli.errors import Exit
from optimails.cli.frame import option, say
from optimails.cli.groupware import groupware_of
from optimails.cli.mail import accounts, service
from optimails.cli.output import print_json, progress

_root = frame.Group("")


@frame.command(_root, "doctor")
@option("--account", metavar="ADDRESS", text_key="account_or_all")
@option("--repair", is_flag=True)
@click.pass_obj
def doctor(app: App, account: str | None, repair: bool) -> int:
    """Exit code 3 when something was found, also when it was repaired."""
    from optimails.groupware import doctor as groupware_doctor  # noqa: PLC0415 - when needed
    from optimails.mailbox.doctor import examine  # noqa: PLC0415 - when needed

    wanted = accounts(app, account)

    groupware = groupware_of(app)

    async def visit() -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = []
        async with service(app) as mail:
            with progress(say("cli.doctor.progress"), len(wanted)) as step:
                for patient in wanted:
                    findings = await examine(mail, patient, repair=repair)
                    others = await asyncio.to_thread(groupware_doctor.examine, groupware, patient, repair=repair)
                    rows += [{"address": str(patient.address), **asdict(finding)} for finding in others]
                    rows += [{"address": str(patient.address), **asdict(finding)} for finding in findings]
                    step()
        return rows

    rows = asyncio.run(visit())
    if app.json:
        print_json({"accounts": len(wanted), "findings": rows})
    elif rows:
        app.rows(("address", "mailbox", "kind", "detail", "repaired"), rows, {"repaired": app.yes_no, "kind": _kind})
        click.echo(say("cli.doctor.repaired" if repair else "cli.doctor.found", count=len(rows)))
    else:
        click.echo(say("cli.doctor.healthy", count=len(wanted)))
    return Exit.FOUND if rows else Exit.OK


def _kind(kind: str) -> str:
    return say(f"cli.finding.{kind}")
