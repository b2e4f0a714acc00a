"""``optimails calendar pending``: invitations and answers of an account that are not delivered."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

import optimails.cli.groupware_deleted  # noqa: F401 - it has commands of the same group
from optimails.cli import frame
from optimails.cli.app import App
from optimails.cli.errors import Exit
from optimails.cli.frame import argument, say
from optimails.cli.groupware import calendar, in_account
from optimails.cli.output import moment

if TYPE_CHECKING:
    from optimails.groupware.account import AccountGroupware

_COLUMNS = ("message", "recipient", "title", "created", "next_attempt", "says")


def _attempt(when: datetime | None) -> str:
    return say("cli.groupware.given_up") if when is None else moment(when)


@frame.command(calendar, "pending")
@argument("address", metavar="ADDRESS")
@click.pass_obj
def pending(app: App, address: str) -> int | None:
    """Exit code 3 when some of them never will be delivered."""
    from optimails.groupware.scheduling import outbox  # noqa: PLC0415 - when needed

    def work(account: "AccountGroupware") -> int:
        rows = [
            {
                "message": one.method,
                "recipient": one.recipient,
                "title": one.summary,
                "created": datetime.fromtimestamp(one.created, UTC),
                "next_attempt": datetime.fromtimestamp(one.due, UTC) if one.due is not None else None,
                "attempts": one.attempts,
                "says": one.why,
                "uid": one.uid,
                "sent_by": one.sent_by,
            }
            for one in outbox.listed(account)
        ]
        app.rows(_COLUMNS, rows, {"created": moment, "next_attempt": _attempt}, "cli.groupware.nothing_pending")
        return Exit.FOUND if any(one["next_attempt"] is None for one in rows) else Exit.OK

    return in_account(app, address, work)
