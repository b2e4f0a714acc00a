"""``optimails plan``: what a class of accounts may hold, and how long it is kept."""

from dataclasses import asdict
from typing import Any

import click

from optimails.cli import frame
from optimails.cli.app import App
from optimails.cli.frame import argument, option, say
from optimails.cli.output import count, size
from optimails.cli.values import UNLIMITED, Limit
from optimails.model.account import Feature

plan = frame.group("plan")
_SIZE = Limit(size=True, of_plan=False)
_FEATURES = [*(feature.value for feature in Feature), "none"]
_NUMBER = Limit(size=False, of_plan=False)


@frame.command(plan, "list")
@click.pass_obj
def list_(app: App) -> None:
    rows = [asdict(info) for info in app.admin.plan_list()]
    show: dict[str, Any] = {"storage": size, "storage_min": _bound, "storage_max": _bound, "messages": count}
    show["features"] = ", ".join
    columns = ("id", "name", "storage", "storage_min", "storage_max", "messages", "retention", "accounts")
    app.rows((*columns, "features", "family"), rows, show)


def _bound(value: int | None) -> str | None:
    return None if value is None else size(value)


def _limits(command: Any) -> Any:
    for decorate in (
        option("--family", metavar="TEXT"),
        option("--feature", "features", multiple=True, type=click.Choice(_FEATURES), text_key="feature"),
        option("--retention", type=click.IntRange(0), metavar="DAYS"),
        option("--messages", type=_NUMBER, metavar="NUMBER"),
        option("--storage", type=_SIZE, metavar="SIZE"),
        option("--name", metavar="TEXT"),
    ):
        command = decorate(command)
    return command


def _wishes(given: dict[str, Any]) -> dict[str, Any]:
    wishes: dict[str, Any] = {
        key: None if value == UNLIMITED else value for key, value in given.items() if value not in (None, ())
    }
    if "features" in wishes:
        wishes["features"] = [feature for feature in wishes["features"] if feature != "none"]
    return wishes


@frame.command(plan, "add")
@argument("plan_id", metavar="PLAN", text_key="plan")
@_limits
@click.pass_obj
def add(app: App, /, plan_id: str, **limits: Any) -> None:
    info = app.admin.plan_add(plan_id, **({"storage": None} | _wishes(limits)))
    app.done("cli.plan.added", asdict(info), id=info.id)


@frame.command(plan, "set")
@argument("plan_id", metavar="PLAN", text_key="plan")
@_limits
@option("--storage-min", type=_SIZE, metavar="SIZE")
@option("--storage-max", type=_SIZE, metavar="SIZE")
@click.pass_obj
def set_(app: App, /, plan_id: str, **limits: Any) -> None:
    """Changes at once what the accounts of the plan may hold, where they have no limit of their own."""
    wishes = _wishes(limits)
    if not wishes:
        raise click.UsageError(say("cli.error.nothing_to_set"))
    info = app.admin.plan_set(plan_id, **wishes)
    app.announce(*(account.id for account in app.admin.account_list() if account.plan == info.id))
    app.done("cli.plan.changed", asdict(info), id=info.id, count=info.accounts)
