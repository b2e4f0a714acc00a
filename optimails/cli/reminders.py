"""``optimails calendar reminders``: of what an account is reminded by mail."""

from typing import TYPE_CHECKING

import click

import optimails.cli.freebusy  # noqa: F401 - it has commands of the same group
from optimails.cli import frame
from optimails.cli.app import App
from optimails.cli.frame import argument, option, say
from optimails.cli.groupware import calendar, collection_of, in_account

if TYPE_CHECKING:
    from optimails.groupware.account import AccountGroupware

_KINDS = {"alarms": 0b01, "all": 0b11, "none": 0}


@frame.command(calendar, "reminders")
@argument("address", metavar="ADDRESS")
@option("--calendar", "name", metavar="NAME", text_key="reminders_calendar")
@option("--mail", type=click.Choice(list(_KINDS)), text_key="reminders_mail")
@click.pass_obj
def reminders(app: App, address: str, name: str | None, mail: str | None) -> int | None:
    """All calendars and task lists when none is named; without ``--mail`` they are shown."""
    from optimails.groupware.api import Kind  # noqa: PLC0415 - when needed

    def work(account: "AccountGroupware") -> None:
        if name is not None:
            wanted = [collection_of(account, address, name, books=False)]
        else:
            wanted = [one for one in account.collections() if one.kind is Kind.CALENDAR]
        if mail is not None:
            account.choose_reminders(wanted, _KINDS[mail])
        words = {kinds: word for word, kinds in _KINDS.items()}
        rows = [{"name": one.name, "mail": words.get(account.reminders(one), "alarms")} for one in wanted]
        if mail is None:
            app.rows(("name", "mail"), rows, {"mail": lambda word: say(f"cli.reminders.{word}")})
        else:
            answer = {"address": address, "calendars": rows}
            what = say(f"cli.reminders.{mail}")
            app.done("cli.reminders.set", answer, address=address, count=len(wanted), what=what)

    return in_account(app, address, work)
