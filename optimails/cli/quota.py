"""``optimails quota``: what accounts hold, and may hold."""

import asyncio
from typing import Any

import click

from optimails.cli import frame
from optimails.cli.app import App
from optimails.cli.frame import argument
from optimails.cli.mail import accounts, service
from optimails.cli.output import count, progress, size
from optimails.model.account import Account

quota = frame.group("quota")


@frame.command(quota, "show")
@argument("address", metavar="[ADDRESS]", required=False, text_key="address_or_all")
@click.pass_obj
def show(app: App, address: str | None) -> None:
    async def usages() -> list[dict[str, Any]]:
        rows = []
        wanted = accounts(app, address)
        async with service(app) as mail:
            with progress(frame.say("cli.quota.reading"), len(wanted)) as step:
                for account in wanted:
                    async with await mail.open(account) as opened:
                        usage = await opened.usage()
                    rows.append(_row(account, usage.storage, usage.messages))
                    step()
        return rows

    rows = asyncio.run(usages())
    columns = ("address", "storage", "storage_limit", "percent", "messages", "messages_limit")
    app.rows(columns, rows, {"storage": size, "storage_limit": size, "messages_limit": count, "percent": _percent})


def _percent(value: int | None) -> str | None:
    return None if value is None else f"{value}\N{NO-BREAK SPACE}%" if frame.language() == "fr" else f"{value}%"


def _row(account: Account, storage: int, messages: int) -> dict[str, Any]:
    limit = account.limits.storage
    return {
        "address": str(account.address),
        "storage": storage,
        "storage_limit": limit,
        "percent": None if limit is None else storage * 100 // limit if limit else 100,
        "messages": messages,
        "messages_limit": account.limits.messages,
    }


@frame.command(quota, "recalculate")
@argument("address", metavar="[ADDRESS]", required=False, text_key="address_or_all")
@click.pass_obj
def recalculate(app: App, address: str | None) -> None:
    """Counts anew; says where a counter was wrong."""

    async def count_anew() -> list[dict[str, Any]]:
        rows = []
        wanted = accounts(app, address)
        async with service(app) as mail:
            with progress(frame.say("cli.quota.counting"), len(wanted)) as step:
                for account in wanted:
                    before, after = await mail.recalculate(account)
                    row = _row(account, after.storage, after.messages)
                    row |= {"storage_before": before.storage, "messages_before": before.messages}
                    row["corrected"] = (before.storage, before.messages) != (after.storage, after.messages)
                    rows.append(row)
                    step()
        return rows

    rows = asyncio.run(count_anew())
    columns = ("address", "storage", "messages", "storage_before", "messages_before", "corrected")
    app.rows(columns, rows, {"storage": size, "storage_before": size, "corrected": app.yes_no})
