"""What the commands of the mail filter share: its ledger, opened, and how its rows are shown."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from optimails.cli.app import App
from optimails.cli.frame import language, say
from optimails.texts import text

if TYPE_CHECKING:
    from securemail.ledger.ledger import Ledger
    from securemail.ledger.reading import Entry, Tracked
    from securemail.policy.decide import Decision

_T = TypeVar("_T")


def with_ledger(app: App, work: "Callable[[Ledger], Awaitable[_T]]") -> _T:
    """Open the ledger and do something with it; the running service looks at it every two seconds."""

    async def run() -> _T:
        with _opened(app) as ledger:
            return await work(ledger)

    return asyncio.run(run())


@contextmanager
def _opened(app: App) -> "Iterator[Ledger]":
    from securemail.ledger.ledger import Ledger  # noqa: PLC0415 - when needed

    data = app.own_data()
    with closing(Ledger(data)) as ledger:
        yield ledger


def row(message: "Tracked", entry: "Entry") -> dict[str, Any]:
    """One recipient of a message, for tables and scripts."""
    arrival, decided = message.arrival, entry.decision
    by = decided.decided_by if decided else None
    return {
        "message": arrival.id,
        "arrived": arrival.arrived,
        "direction": arrival.direction.value,
        "sender": arrival.sender or "<>",
        "author": arrival.author,
        "address": entry.address,
        "subject": arrival.subject,
        "message_id": arrival.message_id,
        "size": arrival.size,
        "state": entry.state.value,
        "zone": entry.zone,
        "rule": f"{by.scope} {by.rule}" if by else "",
        "detail": entry.detail,
        "changed": entry.changed,
        "expires": entry.expires,
        "spam": round(message.findings.spam, 4),
        "health": message.findings.health.value,
    }


def shows(app: App) -> dict[str, Callable[[Any], object]]:
    """How people read these values."""

    def moment(when: float | None) -> str:
        return app.shown(None if when is None else int(when))

    return {
        "arrived": moment,
        "changed": moment,
        "expires": moment,
        "state": lambda value: say(f"filter.state.{value}"),
        "subject": lambda value: str(value)[:40],
    }


def explained(decision: "Decision") -> list[str]:
    """Why it was decided so: a line for each rule that spoke, and the one that counted last."""
    lines = [text("filter.why.spam", language(), spam=text(f"filter.spam.{decision.spam.value}", language()))]
    for reason in decision.reasons:
        seen = ", ".join(reason.seen)
        action = text(f"filter.action.{reason.action.value}", language())
        lines.append(
            text("filter.why.rule", language(), rule=reason.rule, scope=reason.scope, version=reason.version,
                 action=action)
            + (text("filter.why.seen", language(), seen=seen) if seen else "")
            + (text("filter.why.locked", language()) if reason.locked else "")
        )  # fmt: skip
    return lines
