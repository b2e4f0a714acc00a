"""Acts of administrators go into the audit log before they are done; ``optimails log`` shows it."""

import os
import pwd
from collections.abc import Mapping
from itertools import islice
from pathlib import Path

import click

from optimails.audit import AuditLog
from optimails.cli import frame
from optimails.cli.app import App
from optimails.cli.frame import option

READS = frozenset(
    {
        "list",
        "get",
        "rights",
        "show",
        "check",
        "dns",
        "reference",
        "version",
        "init",
        "serve",
        "demo",
        "log",
        "history",
        "dry-run",
        "find",
        "daily",
        "counters",
        "usage",
    }
)
"""Last words of the commands that leave no line: they change nothing and show no mail."""

_SUBJECTS = ("address", "account", "name", "plan_id")
_root = frame.Group("")


def actor() -> str:
    """Who runs the program: the user behind sudo, else the user of the process."""
    try:
        return os.environ.get("SUDO_USER") or pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())


def note(app: App, act: str, parameters: Mapping[str, object]) -> None:
    """Record the command, unless it is one that only shows the administrator's own data."""
    if act.rpartition(" ")[2] in READS:
        return
    who = actor()  # before the program becomes the owner of the data
    data = app.own_data()
    subject = next((str(parameters[name]) for name in _SUBJECTS if parameters.get(name)), "")
    details = {name: _plain(value) for name, value in parameters.items() if value not in (None, False, (), subject)}
    AuditLog(data).record(who, "cli", act, subject, details)


def _plain(value: object) -> str:
    if isinstance(value, tuple):
        return " ".join(map(str, value))
    return str(value.absolute() if isinstance(value, Path) else value)


@frame.command(_root, "log")
@option("--about", metavar="ADDRESS|DOMAIN")
@option("--by", metavar="NAME|ADDRESS", text_key="log_by")
@option("--last", type=click.IntRange(1), default=50, show_default=True)
@click.pass_obj
def log(app: App, about: str | None, by: str | None, last: int) -> None:
    """The newest last, as in any log."""
    found = AuditLog(app.own_data()).newest(about)
    entries = list(islice((one for one in found if by is None or one.actor.casefold() == by.casefold()), last))[::-1]
    rows = [
        {
            "time": entry.time,
            "actor": entry.actor,
            "act": entry.act,
            "subject": entry.subject,
            "details": ", ".join(f"{name}={value}" for name, value in entry.details.items()),
        }
        for entry in entries
    ]
    app.rows(("time", "actor", "act", "subject", "details"), rows)
